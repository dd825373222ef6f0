# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Excitation: moves an arm along persistently exciting trajectories, by joint torques."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from rclpy.lifecycle import LifecyclePublisher
from sensor_msgs.msg import JointState

from ml3_ros.nodes.kit.joint_stream import JointStream, stream_of
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.parameters.annotated import Param
from ml3_ros.nodes.kit.parameters.motion import DEFAULT, MotionParameters
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import RELIABLE_1, SENSOR_1
from ml3_ros.nodes.kit.rclpy_versions import MessageInfo
from ml3_ros.nodes.messages.joint_states import NANO, effort_to_msg
from ml3_ros.robots.base import JointLimits
from ml3_ros.robots.control.adaptive_control import TrackingController
from ml3_ros.robots.control.approach import Approach
from ml3_ros.robots.control.lost_arm import LostArm
from ml3_ros.robots.control.trajectories import Excitation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot


@dataclass(frozen=True, kw_only=True)
class ExcitationParameters(MotionParameters):
    """How closely the arm follows its trajectory, and how often that changes."""

    gain: Annotated[
        float,
        Param(
            "share of the velocity error that is taken back in one period; lower it where answers "
            "are late [-]",
            (0.01, 0.5),
            live=True,
        ),
    ] = 0.3
    piece_seconds: Annotated[
        float, Param("time after which a new random sum of sines begins [s]", (0.5, 600))
    ] = DEFAULT.piece_seconds
    work_seconds: Annotated[
        float,
        Param(
            "time in which joints move together, as an arm does at its work, before each moves "
            "for itself; 0: they never do [s]",
            (0.0, 86400.0),
        ),
    ] = DEFAULT.work_seconds


class ExcitationNode(Ml3Node[ExcitationParameters]):
    """Answers each joint state with a torque; time is that of the stamps.

    The arm is led from wherever it is to the start of the trajectory first, and again when the
    source of the joint states was restarted.
    """

    # made by `load`
    _excitation: Excitation
    _controller: TrackingController
    _names: tuple[str, ...]
    _limits: JointLimits
    _base: str  # frame
    _stream: JointStream
    _lost: LostArm
    _commands: LifecyclePublisher[JointState]
    # set by `start`
    _way: Approach | None
    _began: int  # stamp of the first joint state on the way [ns]
    _restarts: int  # of the stream, before that
    _error: np.ndarray  # of tracking [rad], shape (n,)

    def load(self) -> None:
        """Plan within the limits of the robot, and connect."""
        p = self.parameters
        description = load_robot(p.robot)
        model = PinocchioModel(description)
        self._excitation = p.excitation(
            description, piece_seconds=p.piece_seconds, work_seconds=p.work_seconds
        )
        self._controller = TrackingController(model, rate=p.rate, gain=p.gain)
        self._names, self._base = description.names, description.base
        self._limits = description.limits
        self._stream = stream_of(self, self._names, p.rename)
        self._lost = LostArm(p.lost_error, p.standstill, "gain")
        self.diagnostics.complaint = lambda: self._lost.complaint() if self.active else ""
        self._commands = self.publisher(JointState, "joint_command", RELIABLE_1)
        self.subscribe(JointState, "joint_states", self._on_state, SENSOR_1, informed=True)
        self.diagnostics.expect("joint_states")

    def start(self) -> None:
        """Begin with the way from the arm's present pose, which is in the next message."""
        self._way = None
        self._restarts = self._stream.restarts
        self._controller.reset()

    def check(self, new: ExcitationParameters) -> None:
        """Reject a gain under which the arm would shake or fall."""
        self._controller.check_gain(new.gain)

    def retune(self) -> None:
        """Use the gain, and the limits beyond which an arm is lost, from the next torque on."""
        self._controller.set_gain(self.parameters.gain)
        self._lost.set(self.parameters.lost_error, self.parameters.standstill)

    def diagnostic_values(self) -> dict[str, object]:
        """Return what the controller has estimated, and its error."""
        if not self.active or self._way is None:
            return {}
        return {
            "estimated payload [kg]": self._controller.payload,
            **self._limits.largest(self._error),
        }

    def _on_state(self, msg: JointState, info: MessageInfo) -> None:
        sample = self._stream.read(msg, info)
        self.diagnostics.tick("joint_states")
        if self._way is None or self._restarts != self._stream.restarts:
            self._way = Approach(sample.q, self._excitation, self.parameters.fade_seconds)
            self._lost.lead_anew()
            self._began, self._restarts = sample.stamp, self._stream.restarts
        t = (sample.stamp - self._began) / NANO
        q_ref, v_ref, a_ref = self._way.at(t)
        error = q_ref - sample.q
        if self._lost.is_lost(t, error, sample.v, v_ref):
            self.diagnostics.counts["arms lost"] += 1
            self.start()
            return
        tau = self._controller.torque(sample.q, sample.v, q_ref, v_ref, a_ref)
        self._commands.publish(effort_to_msg(tau, self._stream.called, sample.stamp, self._base))
        self._error = error
        self.diagnostics.tick("joint_command")


def main() -> int:
    """Run the node."""
    return run(lambda: ExcitationNode("excitation"))


if __name__ == "__main__":
    sys.exit(main())
