"""Moves an arm along exciting trajectories: joint states in, joint torques out."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState

from ml3_ros.bridges.messages import JointSample, effort_to_msg
from ml3_ros.nodes.base import RELIABLE_1, SENSOR_1, Ml3Node
from ml3_ros.nodes.joint_stream import JointStream
from ml3_ros.nodes.parameters import Param
from ml3_ros.nodes.process import run
from ml3_ros.robots.control import TrackingController
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.trajectories import Excitation, ExcitationConfig, within_effort

CHECKED_S = 300.0  # efforts along the trajectory are checked for so long [s]
HEAVIER = 1.2  # with masses larger than described by this factor, and the largest payload
FADE_SPEED = 0.3  # of the velocity limits, on the way from the present pose to the start

DEFAULT = ExcitationConfig()


class ExcitationNode(Ml3Node):
    """Answers each joint state with a torque; time is that of the stamps.

    The arm is led from wherever it is to the start of the trajectory first, and again when the
    source of the joint states was restarted.
    """

    PARAMETERS = (
        Param(name="robot", default="sawyer", help="sawyer, reacher, or path of a URDF or MJCF"),
        Param(name="seed", default=0, help="seed of the trajectories", limits=(0, 2**31 - 1)),
        Param(name="rate", default=100.0, help="joint states per second, sets the gains [Hz]",
              limits=(10.0, 1000.0)),
        Param(name="gain", default=0.3, help="share of the velocity error that one period takes "
              "back; smaller where answers are late [-]", limits=(0.01, 0.5)),
        Param(name="fade_seconds", default=2.0, help="shortest way to the trajectory's start [s]",
              limits=(0.1, 60.0)),
        Param(name="piece_seconds", default=DEFAULT.piece_seconds, help="a new sum of sines every "
              "so often [s]", limits=(0.5, 600.0)),
        Param(name="blend_seconds", default=DEFAULT.blend_seconds, help="of these, change over "
              "from the last one [s]", limits=(0.1, 600.0)),
        Param(name="n_sines", default=DEFAULT.n_sines, help="sines per joint [-]", limits=(1, 20)),
        Param(name="frequency", default=list(DEFAULT.frequency), help="lowest and highest "
              "frequency [Hz]", limits=(0.01, 5.0),
              check=lambda f: None if len(f) == 2 else "give the lowest and the highest"),
        Param(name="amplitude", default=DEFAULT.amplitude, help="largest sum of a joint's "
              "amplitudes [rad]", limits=(0.0, 3.0)),
        Param(name="centre", default=DEFAULT.centre, help="largest offset of a piece's centre "
              "from home [rad]", limits=(0.0, 3.0)),
        Param(name="limit_share", default=DEFAULT.limit_share, help="share of the velocity and "
              "acceleration limits that the trajectory may use [-]", limits=(0.05, 1.0)),
        Param(name="position_margin", default=DEFAULT.position_margin, help="distance that the "
              "trajectory keeps from the position limits [rad]", limits=(0.0, 1.0)),
        Param(name="lost_error", default=3.2, help="tracking error from which the arm is led from "
              "where it is again: somebody else holds it [rad]", limits=(0.01, 10.0)),
        Param(name="effort_share", default=0.8, help="share of the effort limits that the "
              "trajectory may need with the heaviest arm; else it is made smaller [-]",
              limits=(0.05, 1.0)),
        Param(name="home", default=Parameter.Type.DOUBLE_ARRAY, help="pose around which the arm "
              "moves, one number a joint [rad]; unset: the robot's own"),
    )  # fmt: skip

    def load(self) -> None:
        """Plan within the limits of the robot, and connect."""
        p = self.parameters
        description = load_robot(p["robot"])
        model = PinocchioModel(description)
        alike = ("piece_seconds", "blend_seconds", "n_sines", "limit_share", "position_margin")
        shape = {name: p[name] for name in alike}
        config = replace(
            DEFAULT,
            frequency=p["frequency"],
            amplitude=p["amplitude"],
            centre=p["centre"],
            **shape,
        )
        home = np.array(p["home"] or description.home)
        excitation = Excitation(description.limits, home, p["seed"], config)
        heaviest = Perturbation(payload=description.payload_limit, mass_scale=HEAVIER)
        self._excitation = within_effort(
            excitation, PinocchioModel(description, heaviest), CHECKED_S, p["effort_share"]
        )
        self._controller = TrackingController(model, rate=p["rate"], gain=p["gain"])
        self._velocity = description.limits.velocity
        self._names = description.names
        self._stream = JointStream(self._names, self.diagnostics.counts)
        self._commands = self.publisher(JointState, "joint_command", RELIABLE_1)
        self.subscribe(JointState, "joint_states", self._on_state, SENSOR_1)

    def start(self) -> None:
        """Begin with the way from the arm's present pose, which the next message tells."""
        self._from: JointSample | None = None
        self._restarts = self._stream.restarts
        self._controller.reset()

    def told(self) -> dict[str, object]:
        """Tell what the controller has found out."""
        if not self.active or self._from is None:
            return {}
        return {
            "estimated payload [kg]": self._controller.payload,
            "largest tracking error [rad]": float(np.abs(self._error).max()),
        }

    def _on_state(self, msg: JointState) -> None:
        sample = self._stream.read(msg)
        if self._from is None or self._restarts != self._stream.restarts:
            self._lead_from(sample)
        q_ref, v_ref, a_ref = self._reference((sample.stamp - self._from.stamp) * 1e-9)
        if np.abs(q_ref - sample.q).max() > self.parameters["lost_error"]:
            self.diagnostics.counts["arms lost"] += 1
            self.start()
            return
        tau = self._controller.torque(sample.q, sample.v, q_ref, v_ref, a_ref)
        self._commands.publish(effort_to_msg(tau, self._names, sample.stamp))
        self._error = q_ref - sample.q
        self.diagnostics.tick("joint_command")

    def _lead_from(self, sample: JointSample) -> None:
        self._from, self._restarts = sample, self._stream.restarts
        self._way = self._excitation.home - sample.q
        # 15/8 is the largest slope of the quintic step
        needed = 15 / 8 * np.abs(self._way) / (FADE_SPEED * self._velocity)
        self._fade = max(self.parameters["fade_seconds"], float(needed.max()))

    def _reference(self, t: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return q, v, a, each (n,), at `t` [s] after the start from the pose `_from`."""
        if t >= self._fade:
            return self._excitation.at(t - self._fade)
        x = t / self._fade  # the quintic step from 0 to 1, at rest at both ends
        s = x**3 * (10.0 - 15.0 * x + 6.0 * x**2)
        ds = 30.0 * x**2 * (1.0 - x) ** 2 / self._fade
        dds = 60.0 * x * (1.0 - x) * (1.0 - 2.0 * x) / self._fade**2
        assert self._from is not None
        return self._from.q + s * self._way, ds * self._way, dds * self._way


def main() -> int:
    """Run the node."""
    return run(lambda: ExcitationNode("excitation"))


if __name__ == "__main__":
    sys.exit(main())
