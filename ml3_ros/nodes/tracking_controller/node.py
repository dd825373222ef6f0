# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tracking controller: computed torque along a motion, with a feedforward that is learned."""

from __future__ import annotations

import math

import numpy as np
from rclpy.experimental import EventsExecutor
from rclpy.lifecycle import LifecyclePublisher
from sensor_msgs.msg import JointState

from ml3_msgs.msg import LearnedModel, Tracking
from ml3_ros.data.laps_file import Lap, save_laps
from ml3_ros.errors import DataError
from ml3_ros.files import user_path
from ml3_ros.identification.live.model_file import physical_from_bytes
from ml3_ros.learners.inverse_dynamics.net import as_feedforward
from ml3_ros.learners.inverse_dynamics.net_file import ModelReader
from ml3_ros.nodes.kit.joint_stream import JointStream, stream_of
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import LATCHED_20, RELIABLE_1, RELIABLE_100, SENSOR_1
from ml3_ros.nodes.kit.rclpy_versions import MessageInfo
from ml3_ros.nodes.messages.joint_states import NANO, effort_to_msg, listed, time_msg
from ml3_ros.nodes.messages.ml3 import model_from_msg
from ml3_ros.nodes.tracking_controller.setup import (
    FEEDBACK_ONLY,
    PHYSICAL,
    RIGID_BODY,
    TrackingParameters,
    check_laps,
    controller_of,
    laps_of,
    trust_of,
    whose_turn,
)
from ml3_ros.robots.base import Array
from ml3_ros.robots.control.approach import Approach
from ml3_ros.robots.control.computed_torque import ComputedTorque
from ml3_ros.robots.control.feedforward import Crossfade, Feedforward
from ml3_ros.robots.control.laps import Laps
from ml3_ros.robots.control.lost_arm import LostArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

PREPARED = 0.25  # periods by which a joint state may miss the time that was prepared for


class TrackingControllerNode(Ml3Node[TrackingParameters]):
    """Answers each joint state with a torque: feedback with low gains, and a feedforward.

    The motion repeats itself. Each lap is made with the next of `feedforwards`, the torque of one
    turning into that of the next, and its tracking error is published: laps differ in nothing
    else. Models come on learned_model while they are learned and are used from the next period on.
    """

    # made by `load`
    _laps: Laps
    _controller: ComputedTorque
    _arm: PinocchioModel  # as described
    _rigid_body: Feedforward
    _names: tuple[str, ...]
    _base: str  # frame
    _dt: float  # control period [s]
    _stream: JointStream
    _lost: LostArm
    _read_model: ModelReader
    _models: dict[str, tuple[int, Feedforward]]  # update and newest model of each method
    _tracking: LifecyclePublisher[Tracking]
    _commands: LifecyclePublisher[JointState]
    # set by `start`
    _done: list[Lap]
    # set whenever the arm is led to where laps begin
    _way: Approach | None
    _began: int  # stamp of the first joint state on the way [ns]
    _restarts: int  # of the stream, before that
    _mix: Crossfade
    _feedforward: str
    _update: int  # of the model that is fed forward
    _lap: int  # -1: before the first
    _squares: Array  # sum of squared errors of this lap [rad^2], shape (n,)
    _counted: int  # errors in that sum
    _error: Array  # of the newest sample [rad], shape (n,)
    # prepared for the next joint state
    _prepared_for: float  # [s]
    _q: Array
    _v: Array
    _a: Array
    _tau: Array

    def load(self) -> None:
        """Plan within the limits of the robot, and connect."""
        p = self.parameters
        description = load_robot(p.robot)
        self._laps = laps_of(p, description)
        self._controller = controller_of(p, description, self._laps)
        self._arm = PinocchioModel(description)
        self._rigid_body = self._arm.rnea
        self._names, self._base = description.names, description.base
        self._dt = 1.0 / p.rate
        self._stream = stream_of(self, self._names, p.rename)
        self._lost = LostArm(p.lost_error, p.standstill, "frequency_gain or least_stiffness")
        self.diagnostics.complaint = lambda: self._lost.complaint() if self.active else ""
        self._read_model = ModelReader()
        self._models = {}
        self._tracking = self.publisher(Tracking, "tracking", RELIABLE_100)
        self._commands = self.publisher(JointState, "joint_command", RELIABLE_1)
        self.subscribe(JointState, "joint_states", self._on_state, SENSOR_1, informed=True)
        self.diagnostics.expect("joint_states")
        self.subscribe(LearnedModel, "learned_model", self._on_model, LATCHED_20, always=True)

    def start(self) -> None:
        """Begin with the way from the arm's present pose, which is in the next message."""
        self._done = []
        self._let_go()

    def stop(self) -> None:
        """Keep what was measured."""
        self._save()

    def check(self, new: TrackingParameters) -> None:
        """Reject laps that tell nothing of their own feedforward."""
        check_laps(new)

    def retune(self) -> None:
        """Fade by the new times, what is faded in stays so; use the limits of a lost arm."""
        self._lost.set(self.parameters.lost_error, self.parameters.standstill)
        self._controller.trust(trust_of(self.parameters))
        if self._way is not None:
            self._mix.retime(self.parameters.feedforward_fade)

    def diagnostic_values(self) -> dict[str, object]:
        """Return what is fed forward, and how well the arm tracks."""
        if not self.active or self._way is None:
            return {}
        return {
            "feedforward": self._feedforward,
            "updates of its model": self._update,
            "laps": len(self._done),
            **self._arm.limits.largest(self._error),
        }

    # the loop -----------------------------------------------------------------------------------
    def _on_state(self, msg: JointState, info: MessageInfo) -> None:
        sample = self._stream.read(msg, info)
        self.diagnostics.tick("joint_states")
        if self._way is None or self._restarts != self._stream.restarts:
            self._begin(sample.q, sample.stamp)
        t = (sample.stamp - self._began) / NANO
        late = t - self._prepared_for
        if abs(late) > PREPARED * self._dt:
            self._prepare(t)
            late = 0.0
        # what was prepared is a small part of a period off
        q_ref = self._q + self._v * late
        v_ref = self._v + self._a * late
        self._error = sample.q - q_ref
        if self._lost.is_lost(t, self._error, sample.v, v_ref):
            self._lose(sample.stamp)
            return
        tau = self._controller.with_feedback(self._tau, sample.q, sample.v, q_ref, v_ref)
        self._commands.publish(effort_to_msg(tau, self._stream.called, sample.stamp, self._base))
        self.diagnostics.tick("joint_command")
        self._score(t, sample.stamp)
        self._prepare(t + self._dt)

    def _begin(self, q: Array, stamp: int) -> None:
        """Lead the arm from q [rad] to where laps begin, by the torques of the arm as described.

        It is held there by something like them, so nothing has to be faded in.
        """
        self._way = Approach(q, self._laps, self.parameters.fade_seconds)
        self._lost.lead_anew()
        self._began, self._restarts = stamp, self._stream.restarts
        self._mix = Crossfade(self._rigid_body, self.parameters.feedforward_fade, self._dt)
        self._controller.exchange(self._mix, at_once=True)

    def _prepare(self, t: float) -> None:
        """Work out all that the period from time t [s] on takes but the measurement.

        In the mean a torque acts a period later than what it answers: it is held for one, and for
        half a one it is under way. So what is fed forward is that of the period's end.
        """
        assert self._way is not None
        self._q, self._v, self._a = self._way.at(t)
        if self._feedforward in (FEEDBACK_ONLY, RIGID_BODY):
            self._controller.exchange(self._mix)  # these do not age
        self._tau = self._controller.feedforward(*self._way.at(t + self._dt))
        self._prepared_for = t
        if self._controller.fault is not None:
            self.diagnostics.counts[self._controller.fault] += 1

    def _let_go(self) -> None:
        self._way = None
        self._restarts = self._stream.restarts
        self._lap, self._prepared_for = -1, -math.inf
        self._feedforward, self._update = RIGID_BODY, 0
        self._controller.reset()

    def _lose(self, stamp: int) -> None:
        """Send nothing: another controller holds the arm; the next sample leads it from there."""
        self.diagnostics.counts["arms lost"] += 1
        if self._lap >= 0:
            self._finish(np.full(len(self._names), np.inf), stamp)
        self._let_go()

    # laps ---------------------------------------------------------------------------------------
    def _score(self, t: float, stamp: int) -> None:
        assert self._way is not None
        t -= self._way.seconds
        lap = self._laps.lap(t)
        if lap > self._lap:
            if self._lap >= 0 and self._counted:
                self._finish(np.sqrt(self._squares / self._counted), stamp)
            self._lap = lap
            self._change_to(whose_turn(self.parameters, len(self._done), self._models))
        if lap >= 0 and self._laps.into(t) >= self.parameters.settle:
            self._squares += np.square(self._error)
            self._counted += 1

    def _change_to(self, name: str) -> None:
        self._feedforward, self._update = name, 0
        self._squares, self._counted = np.zeros(len(self._names)), 0
        self._mix.to(self._torque_of(name))
        self._controller.exchange(self._mix)

    def _finish(self, rms: Array, stamp: int) -> None:
        """Publish a lap and keep it."""
        msg = Tracking(
            lap=len(self._done),
            feedforward=self._feedforward,
            update=self._update,
            joint_names=list(self._names),
            rms=rms.tolist(),
            rms_mean=float(rms.mean()),
        )
        msg.header.stamp, msg.header.frame_id = time_msg(stamp), self._base
        self._tracking.publish(msg)
        ended = self._stream.seconds(stamp)
        lap = Lap(
            feedforward=self._feedforward,
            ended=ended,
            update=self._update,
            rms=tuple(rms.tolist()),
        )
        self._done.append(lap)
        self._save()

    def _save(self) -> None:
        if self.parameters.out and self._done:
            try:
                out, units = user_path(self.parameters.out), self._arm.limits.units
                save_laps(out, self._names, self._done, units)
            except DataError as error:  # the arm comes first
                self.reject(error, kind="files not written")

    # models -------------------------------------------------------------------------------------
    def _on_model(self, msg: LearnedModel) -> None:
        if msg.method not in self.parameters.feedforwards:
            return
        self._models[msg.method] = msg.update, self._read(msg)
        self.diagnostics.tick("learned_model")
        if self.active and self._way is not None and msg.method == self._feedforward:
            self._mix.replace(self._torque_of(msg.method))
            self._controller.exchange(self._mix)

    def _read(self, msg: LearnedModel) -> Feedforward:
        data = model_from_msg(msg, self._names)
        if msg.method in PHYSICAL:
            return physical_from_bytes(data, self._arm)
        net, theta = self._read_model(data, msg.method)
        if net.units.joint_names != self._names:
            raise DataError(f"the model of {msg.method} is of {listed(net.units.joint_names)}")
        return as_feedforward(net, theta)

    def _torque_of(self, name: str) -> Feedforward:
        """Return a feedforward as it is now; of a model that has not come yet, none."""
        if name == RIGID_BODY:
            return self._rigid_body
        self._update, torque = self._models.get(name, (0, _nothing))
        return torque


def _nothing(q: Array, v: Array, a: Array) -> Array:
    return np.zeros_like(q)


def main() -> int:
    """Run the node."""
    # an arm waits for each answer, and this executor takes a third of the time to call a callback
    return run(
        lambda: TrackingControllerNode("tracking_controller"), executor_class=EventsExecutor
    )
