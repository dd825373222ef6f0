# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Emulated ros2_control robot: publishes joint_states as a driver does and takes effort commands.

It also follows trajectories, and is there to try what commands an arm without the arm.
"""

from __future__ import annotations

import contextlib
import math
import time
from typing import Any

import numpy as np
from rclpy.lifecycle import LifecyclePublisher
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_1, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import NANO, time_msg
from ml3_ros.nodes.messages.trajectories import follow_type
from ml3_ros.nodes.ros2_control_emulator.goals import TrajectoryGoals
from ml3_ros.nodes.ros2_control_emulator.parameters import Ros2ControlEmulatorParameters
from ml3_ros.nodes.ros2_control_emulator.topics import TrajectoryTopics, offer_switch
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.ros2_control.controllers import EmulatedController, ForwardEffort
from ml3_ros.robots.ros2_control.emulation import ControlledArm
from ml3_ros.robots.ros2_control.presets import order_of
from ml3_ros.robots.ros2_control.trajectory_controller import TrajectoryControl
from ml3_ros.robots.urdf import urdf_text

UNANSWERED = 2  # joint states after which a robot that has patience waits for efforts
LATEST_S = 0.05  # a simulation that is later than this lets the robot's time slip instead


class Ros2ControlEmulator(Ml3Node[Ros2ControlEmulatorParameters]):
    """Converts between the topics and a `ControlledArm` that it steps in real time.

    Stamps are start + n * dt of robot time, and jitter; robot time slips on a machine that is too
    busy, also while efforts are awaited. Ages of commands are of real time.
    """

    # made by `load`
    _robot: ControlledArm
    _urdf: str
    _effort: ForwardEffort
    _trajectory: TrajectoryControl
    _wall: float  # monotonic time of the configuration [s]
    _every: int  # steps between joint states
    _random: np.random.Generator  # of the jitter
    _states: LifecyclePublisher[JointState]
    _robot_description: LifecyclePublisher[String]
    # set by `start`
    _start: int  # of robot time [ns]
    _first: int  # step at the start, counted from the configuration
    _steps: int
    _slipped: int  # steps that robot time lags behind
    _effort_came: float  # monotonic time of the newest efforts [s]
    _unanswered: int  # joint states since then

    def __init__(self, name: str, **node_arguments: Any) -> None:
        """Begin without an action; `load` offers one."""
        super().__init__(name, **node_arguments)
        self._goals: TrajectoryGoals | None = None

    def load(self) -> None:
        """Build the robot and connect it."""
        p = self.parameters
        description = load_robot(p.robot)
        order = order_of(description.names, p.joints or description.names)
        self._effort = ForwardEffort(order, p.command_timeout)
        self._trajectory = TrajectoryControl(
            PinocchioModel(description), p.habits.gravity, adds_effort=p.adds_effort
        )
        controllers: dict[str, EmulatedController] = {
            p.effort_name: self._effort,
            p.trajectory_name: self._trajectory,
        }
        self._robot = ControlledArm(
            description,
            p.perturbation(description),
            p.habits,
            controllers,
            active={"effort": p.effort_name, "trajectory": p.trajectory_name}.get(p.active, ""),
            dt=1.0 / p.control_rate,
            home=np.array(p.home) if p.home else None,
            seed=p.seed,
        )
        self._urdf = urdf_text(description)
        self._every = max(round(p.control_rate / p.state_rate), 1)
        self._random = np.random.default_rng((p.seed, 1))  # apart from the sensor noise
        self._wall = time.monotonic()
        self._start = self._steps = 0
        self._states = self.publisher(JointState, "joint_states", RELIABLE_100)
        self._robot_description = self.publisher(String, "robot_description", LATCHED_1)
        topic = f"{p.effort_name}/commands"
        # the newest alone: what waits in a queue acts late
        self.subscribe(Float64MultiArray, topic, self._on_efforts, RELIABLE_1)
        topics = TrajectoryTopics(self, self._robot, self._trajectory, self._now)
        with contextlib.suppress(ConfigError):  # its type is not installed
            self._goals = TrajectoryGoals(self, follow_type(p.control_package), topics)
        offer_switch(self, self._robot, self._now)
        self.every(self._every * self._robot.dt, self._advance)

    def start(self) -> None:
        """Start at home; robot time goes on from the present."""
        self._start = max(self.get_clock().now().nanoseconds, self._stamp() + 1)
        self._steps = self._slipped = self._unanswered = 0
        self._effort_came = -math.inf
        self._first = int(self._now() / self._robot.dt)  # step, counted from the configuration
        self._robot.restart(self._now())
        self._robot_description.publish(String(data=self._urdf))

    def unload(self) -> None:
        """Withdraw the action."""
        if self._goals is not None:
            self._goals.destroy()
            self._goals = None

    def diagnostic_values(self) -> dict[str, object]:
        """Return what moves the arm."""
        if not self.active:
            return {}
        names = self._robot.names
        efforts = zip(names, self._robot.commanded, strict=True)
        commanded = ", ".join(f"{name} {effort:.3g}" for name, effort in efforts)
        units = " or ".join(dict.fromkeys(self._robot.arm.limits.effort_units))
        return {
            "active controller": self._robot.active or "none",
            "held by": "its brakes" if self._robot.held else "the controller",
            f"commanded [{units}]": commanded,
            "slipped [s]": self._slipped * self._robot.dt,
        }

    def _on_efforts(self, msg: Float64MultiArray) -> None:
        self._advance()  # steps before the message do not depend on it
        self._effort.command(msg.data, self._now())
        self._effort_came, self._unanswered = time.monotonic(), 0
        self.diagnostics.tick("commands")

    def _now(self) -> float:
        return time.monotonic() - self._wall

    def _stamp(self) -> int:
        return self._start + round(self._steps * self._robot.dt * NANO)

    def _advance(self) -> None:
        """Step the robot up to now."""
        dt = self._robot.dt
        due = int(self._now() / dt) - self._first
        late = due - self._steps - self._slipped - round(LATEST_S / dt)
        self._slipped += max(late, 0)
        while self._steps + self._slipped < due and not self._waits():
            t = (self._first + self._steps + self._slipped) * dt
            try:
                self._robot.step(t)
            except RobotError as error:
                self.reject(error, kind="divergences")
                self._robot.restart(t)
            self._steps += 1
            if self._steps % self._every == 0:
                self._publish()
                self._unanswered += 1

    def _waits(self) -> bool:
        """Return whether efforts were coming, and there is still time for the next."""
        awaited = self._robot.active == self.parameters.effort_name and not self._robot.held
        late = time.monotonic() - self._effort_came
        return awaited and self._unanswered >= UNANSWERED and late < self.parameters.patience

    def _publish(self) -> None:
        reading = self._robot.reading()
        period = self._every * self._robot.dt
        jitter = self.parameters.jitter * float(self._random.normal())
        late = round(NANO * float(np.clip(jitter, -0.1 * period, 0.1 * period)))
        msg = JointState(name=list(reading.names))
        msg.header.stamp = time_msg(self._stamp() + late)
        msg.position, msg.velocity = reading.q.tolist(), reading.v.tolist()
        msg.effort = reading.effort.tolist()
        self._states.publish(msg)
        self.diagnostics.tick("joint_states")


def main() -> int:
    """Run the node."""
    return run(lambda: Ros2ControlEmulator("ros2_control_emulator"))
