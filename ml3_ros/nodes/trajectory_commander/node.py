# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trajectory commander: leads an arm along motions by its own joint_trajectory_controller.

It is there for arms that take positions alone, and wherever the driver's controller shall stay.
"""

from __future__ import annotations

import time
from enum import StrEnum

import numpy as np
from rclpy.lifecycle import LifecyclePublisher
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import SetBool

from ml3_msgs.msg import LearnedModel
from ml3_ros.errors import ConfigError
from ml3_ros.nodes.kit.intake.sources import ArmSource
from ml3_ros.nodes.kit.joint_stream import JointStream
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import LATCHED_1, LATCHED_10, SENSOR_1
from ml3_ros.nodes.kit.rclpy_versions import MessageInfo
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, PartialMessageError
from ml3_ros.nodes.messages.trajectories import points_to_msg
from ml3_ros.nodes.trajectory_commander.efforts import LearnedEfforts
from ml3_ros.nodes.trajectory_commander.parameters import TrajectoryCommanderParameters
from ml3_ros.nodes.trajectory_commander.sender import ActionSender, TopicSender
from ml3_ros.robots.base import Array
from ml3_ros.robots.control.approach import Approach, Motion
from ml3_ros.robots.control.lost_arm import LostArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.ros2_control.trajectory import Points, with_stop

TICK_S = 0.02


class State(StrEnum):
    """Where the commander is; trajectories are sent in MOVING."""

    DISABLED = "disabled"  # until an operator enables it
    WAITING = "waiting for joint states"
    MOVING = "moving"
    FAULT = "fault"  # until an operator enables it again


class TrajectoryCommander(Ml3Node[TrajectoryCommanderParameters]):
    """Sends overlapping trajectories, each of which ends at rest.

    Nothing is sent before an operator calls `~/enable`, unless the node begins `enabled`. The arm
    is led from where it is to the beginning of the motion first. Times of trajectories are of the
    node's clock, which the controller has to share.
    """

    # made by `load`
    _names: tuple[str, ...]
    _motion: Motion
    _stream: JointStream
    _lost: LostArm
    _efforts: LearnedEfforts
    _sender: TopicSender | ActionSender | None = None
    _state_topic: LifecyclePublisher[String]
    # set by `start`
    _state: State
    _reason: str
    _sample: JointSample | None
    _came: float  # monotonic time of that sample [s]
    _way: Approach | None
    _begins: float  # of the way, by the node's clock [s]
    _sent: float  # likewise, where the newest trajectory begins
    _error: Array  # of the newest sample [rad], (n,)

    def load(self) -> None:
        """Plan within the limits of the arm, and connect."""
        p = self.parameters
        description = load_robot(p.robot)
        self._names = description.names
        self._motion = p.motion(description)
        source, report = ArmSource(self, p.states), self.get_logger().info
        self._stream = JointStream(
            self._names, self.diagnostics.counts, report=report, source=source
        )
        self._lost = LostArm(p.lost_error, p.standstill, "the controller's gains or tolerances")
        self._efforts = LearnedEfforts(PinocchioModel(description), p)
        self._sender = TopicSender(self) if p.interface == "topic" else ActionSender(self)
        self._state_topic = self.publisher(String, "~/state", LATCHED_1)
        self.diagnostics.expect("joint_states")
        self.subscribe(JointState, p.states, self._on_state, SENSOR_1, informed=True)
        if p.feedforward:
            self.subscribe(LearnedModel, "learned_model", self._efforts.on_model, LATCHED_10)
        self.serve(SetBool, "~/enable", self._on_enable)
        self.every(TICK_S, self._on_time)

    def start(self) -> None:
        """Wait for joint states; no motion unless the node begins enabled."""
        self._sample, self._way, self._reason = None, None, ""
        self._came = 0.0
        self._error = np.zeros(len(self._names))
        self._become(State.WAITING if self.parameters.enabled else State.DISABLED)

    def stop(self) -> None:
        """Let the arm come to rest."""
        self._rest()

    def unload(self) -> None:
        """Disconnect from the action."""
        if self._sender is not None:
            self._sender.destroy()
            self._sender = None

    def retune(self) -> None:
        """Use the limits beyond which an arm is lost."""
        self._lost.set(self.parameters.lost_error, self.parameters.standstill)

    def fault(self) -> str:
        """Return why an operator is needed."""
        return self._reason if self.active and self._state is State.FAULT else ""

    def diagnostic_values(self) -> dict[str, object]:
        """Return what the commander does."""
        if not self.active:
            return {}
        return {
            "commander": self._state.value,
            "controller": self.parameters.controller_name,
            **self._motion.limits.largest(self._error),
            "updates of the feedforward's model": self._efforts.update,
        }

    # what comes in -----------------------------------------------------------------------------
    def _on_state(self, msg: JointState, info: MessageInfo) -> None:
        try:
            sample = self._stream.read(msg, info)
        except PartialMessageError:
            self.diagnostics.counts["messages of other joints"] += 1  # as of a gripper
            return
        self.diagnostics.tick("joint_states")
        self._sample, self._came = sample, time.monotonic()
        if self._way is None:
            return
        t = self._clock_s() - self._begins
        q_ref, v_ref, _ = self._way.at(max(t, 0.0))
        self._error = q_ref - sample.q
        if self._lost.is_lost(t, self._error, sample.v, v_ref):
            self.diagnostics.counts["arms lost"] += 1
            self._fail(
                "the arm does not follow its trajectory: let go of it, or look at its controller",
                sample.q,
            )

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if not self.active or self._sender is None:
            raise ConfigError("the commander is not active: activate it first")
        if request.data:
            self._sender.reject_unless_ready()
            if self._state is not State.MOVING:
                self._become(State.WAITING)
        else:
            self._rest()
            self._become(State.DISABLED)
        response.success, response.message = True, f"follow {self._state_topic.topic_name}"
        return response

    # what goes out -----------------------------------------------------------------------------
    def _on_time(self) -> None:
        known = self._sample is not None and (
            time.monotonic() - self._came <= self.parameters.state_timeout
        )
        if self._state is State.WAITING and known:
            self._begin()
        if self._state is not State.MOVING or self._sender is None:
            return
        if not known:
            self._fail("joint states have stopped coming")
            return
        p = self.parameters
        if self._clock_s() + p.lead < self._sent + 0.5 * p.horizon:
            return
        try:
            self._sender.reject_unless_ready()
        except ConfigError as error:
            self._fail(str(error))
            return
        self._sent = max(self._sent + 0.5 * p.horizon, self._clock_s() + p.lead)
        self._send(self._part(self._sent, p.horizon), self._sent)

    def _begin(self) -> None:
        """Plan the way from where the arm is, if the controller is there."""
        p = self.parameters
        assert self._sender is not None and self._sample is not None
        try:
            self._sender.reject_unless_ready()
        except ConfigError as error:
            self.get_logger().warning(str(error), throttle_duration_sec=5.0)
            return
        self._way = Approach(self._sample.q, self._motion, p.fade_seconds)
        self._lost.lead_anew()
        self._begins = self._clock_s() + p.lead
        self._sent = self._begins - 0.5 * p.horizon
        self._become(State.MOVING)

    def _part(self, begins: float, seconds: float) -> Points:
        assert self._way is not None
        way, p = self._way, self.parameters
        points = with_stop(
            lambda t: way.at(max(t, 0.0)),
            begins - self._begins,
            seconds,
            1.0 / p.point_rate,
            p.stop_seconds,
        )
        limits = self._motion.limits
        points.q[-1] = np.clip(points.q[-1], limits.lower, limits.upper)
        return self._efforts.filled(points, 0.5 * p.horizon) if p.feedforward else points

    def _send(self, points: Points, begins: float) -> None:
        assert self._sender is not None
        efforts = bool(self.parameters.feedforward)
        self._sender.send(
            points_to_msg(points, self._names, round(begins * NANO), efforts=efforts)
        )
        self.diagnostics.tick("trajectories")

    def _rest(self, at: Array | None = None) -> None:
        """Let the arm come to rest from where its reference is, or at a pose [rad], (n,)."""
        if self._way is None:
            return
        now = self._clock_s()
        points = self._part(now, 0.0)
        if at is not None:
            rest = np.zeros((1, len(at)))
            stop = np.array([self.parameters.stop_seconds])
            points = Points(t=stop, q=at[None], v=rest, a=rest, effort=rest)
        self._send(points, now)
        self._way = None

    def _fail(self, reason: str, at: Array | None = None) -> None:
        self._reason = reason
        self._rest(at)
        self._become(State.FAULT)
        self.diagnostics.log_fault()

    def _become(self, state: State) -> None:
        self._state = state
        self._state_topic.publish(String(data=state.value))
        self.get_logger().info(state.value)

    def _clock_s(self) -> float:
        return self.get_clock().now().nanoseconds / NANO


def main() -> int:
    """Run the node."""
    return run(lambda: TrajectoryCommander("trajectory_commander"))
