# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Wrong messages for the driver of a Sawyer, and for the emulated robot behind it."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Empty, Float64, String, UInt16
from std_srvs.srv import SetBool, Trigger

from faults.rig.result import Row
from faults.rig.rig import SAWYER_MESSAGES, Rig
from faults.rig.waiting import BenchError, require
from faults.scenes.bombard import Target, Watch, bombard
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_1, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import effort_to_msg, nanoseconds
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer import interface as sawyer
from ml3_ros.robots.sawyer.emulation import SUPPRESSIONS

EMULATOR, DRIVER = "sawyer_emulator", "sawyer_driver"
# a busy machine is late now and then: here it matters that, not how soon, things happen
EMULATOR_OPTIONS: dict[str, object] = {"message_package": SAWYER_MESSAGES, "control_rate": 500}
DRIVER_OPTIONS: dict[str, object] = {
    "message_package": SAWYER_MESSAGES,
    "rate": 100.0,
    "state_rate": 100,
    "state_timeout": 1.0,
    "command_timeout": 0.5,
    "robot_timeout": 0.5,
}
EFFORT_SHARE = 0.3  # the driver's default
ENABLE_AGAIN_S = 3.0


def arm_of(msg: JointState) -> np.ndarray:
    """Return position, velocity and effort of the arm's joints in a robot's message, (3, n)."""
    index = [list(msg.name).index(name) for name in sawyer.ARM_JOINTS]
    return np.array([msg.position, msg.velocity, msg.effort])[:, index]


def _robot_watch(robot: RobotDescription) -> Watch:
    limits = robot.limits

    def check(msg: JointState) -> str | None:
        q, v, tau = arm_of(msg)
        if not (np.isfinite(q).all() and np.isfinite(v).all() and np.isfinite(tau).all()):
            return "a state that is not finite"
        past = np.maximum(limits.lower - q, q - limits.upper).max()
        return f"a joint {past:.3f} rad past its limit" if past > 0.05 else None

    return Watch("states of the robot past a position limit, or not finite", check)


def emulator(rig: Rig, count: int) -> Iterator[Row]:
    """Bombard the emulated robot."""
    rig.start(EMULATOR, **EMULATOR_OPTIONS)
    robot, m = load_robot("sawyer"), sawyer.message_types(SAWYER_MESSAGES)
    watch = _robot_watch(robot)
    rig.bench.listen(JointState, sawyer.JOINT_STATES, watch, RELIABLE_100)
    home = m.JointCommand(
        mode=int(sawyer.Mode.POSITION), names=list(robot.names), position=list(robot.home)
    )

    def is_(key: str, value: str) -> Callable[[], bool]:
        return lambda: rig.bench.diagnostic(EMULATOR, key) == value

    def is_suppressed(topic: str) -> Callable[[], bool]:
        return lambda: topic in rig.bench.diagnostic(EMULATOR, "suppressed").split(", ")

    plan: list[tuple[str, Any, Callable[[], bool]]] = [
        (sawyer.COMMAND_TIMEOUT, Float64(data=0.2), is_("command timeout [s]", "0.2")),
        (sawyer.SPEED_RATIO, Float64(data=0.3), is_("speed ratio", "0.3")),
        (sawyer.STATE_RATE, UInt16(data=100), is_("state rate", "100")),
        (sawyer.SUPER_STOP, Empty(), is_("enabled", "False")),
        (
            sawyer.SUPER_RESET,
            Empty(),
            lambda: rig.bench.diagnostic(EMULATOR, "mode") == "disabled",
        ),
        (sawyer.SUPER_ENABLE, Bool(data=True), is_("enabled", "True")),
        (sawyer.JOINT_COMMAND, home, is_("mode", "position")),
    ]
    plan += [
        (
            topic,
            Empty(),
            is_suppressed(topic),
        )
        for topic in SUPPRESSIONS
    ]
    for topic, good, recovered in plan:
        yield bombard(
            rig,
            Target(node=EMULATOR, topic=topic, good=partial(copy.copy, good), recovered=recovered),
            count,
        )
    yield watch.row()


class Operator:
    """Enables the driver again and again, and answers the arm's states with gravity alone.

    Attributes:
        answers: Whether it publishes its commands.
    """

    def __init__(
        self, rig: Rig, driver: str = DRIVER, key: str = "driver", states: str = "joint_states"
    ) -> None:
        """Begin to answer the joint states on `states`; `key` is of the driver's diagnostics."""
        self._rig, robot = rig, load_robot("sawyer")
        self._driver, self._key = driver, key
        self._names, self._model = robot.names, PinocchioModel(robot)
        self._requested = 0.0
        self._command = effort_to_msg(np.zeros(len(self._names)), self._names, 0)
        self.answers = True
        self._commands = rig.bench.publisher(JointState, "joint_command", RELIABLE_1)
        rig.bench.listen(JointState, states, self._on_state, RELIABLE_100)

    def command(self) -> JointState:
        """Return the command that holds the arm up in its newest state."""
        return self._command

    def active(self) -> bool:
        """Return whether the driver follows commands; see to it that it can."""
        if self._rig.bench.diagnostic(self._driver, self._key) == "active":
            return True
        if time.monotonic() - self._requested > ENABLE_AGAIN_S:
            if self._rig.bench.diagnostic(self._driver, self._key) == "fault":
                self._request(Trigger, "reset")
            self._request(SetBool, "enable", data=True)
            self._requested = time.monotonic()
        return False

    def _request(self, srv_type: type, name: str, **fields: object) -> None:
        with contextlib.suppress(BenchError):  # a driver under load is late: it is requested again
            self._rig.bench.request(srv_type, f"/{self._driver}/{name}", 10.0, **fields)

    def _on_state(self, msg: JointState) -> None:
        q = np.array(msg.position)
        tau = self._model.nle(q, np.zeros_like(q))
        self._command = effort_to_msg(tau, self._names, nanoseconds(msg.header.stamp))
        if self.answers:
            self._commands.publish(self._command)


def driver(rig: Rig, count: int) -> Iterator[Row]:
    """Bombard the driver with the robot behind it, and a controller before it."""
    rig.start(EMULATOR, **EMULATOR_OPTIONS)
    rig.start(DRIVER, **DRIVER_OPTIONS)
    robot, m = load_robot("sawyer"), sawyer.message_types(SAWYER_MESSAGES)
    limits = robot.limits

    def check(msg: Any) -> str | None:
        tau, q = np.array(msg.effort), np.array(msg.position)
        if not (np.isfinite(tau).all() and np.isfinite(q).all()):
            return "a number that is not finite"
        if tau.size and (np.abs(tau) > EFFORT_SHARE * limits.effort + 1e-6).any():
            return f"effort {tau}"
        past = q.size and np.maximum(limits.lower - q, q - limits.upper).max()
        return f"a position {past:.3f} rad past a limit" if past > 0.05 else None

    watch = Watch("commands to the robot that are not finite or beyond the share of effort", check)
    operator = Operator(rig)
    newest: dict[str, Any] = {}
    topics: list[tuple[str, type, QoSProfile]] = [
        (sawyer.JOINT_STATES, JointState, RELIABLE_1),
        (sawyer.GRAVITY_TORQUES, m.SEAJointState, RELIABLE_1),
        (sawyer.ROBOT_STATE, m.RobotAssemblyState, RELIABLE_1),
        (sawyer.COLLISION_STATE, m.CollisionDetectionState, RELIABLE_1),
        (sawyer.CUFF_STATE, m.IODeviceStatus, RELIABLE_1),
        (sawyer.JOINT_LIMITS, m.JointLimits, LATCHED_1),
        (sawyer.ROBOT_DESCRIPTION, String, LATCHED_1),
    ]
    for topic, msg_type, qos in topics:
        rig.bench.listen(msg_type, topic, partial(newest.__setitem__, topic), qos)
    require(lambda: len(newest) == len(topics) and operator.active(), "an active driver")
    good = dict(newest)  # of an arm that is enabled; later ones are the bench's own
    rig.bench.listen(m.JointCommand, sawyer.JOINT_COMMAND, watch, RELIABLE_100)
    for topic, _, _ in topics:
        yield bombard(
            rig,
            Target(
                node=DRIVER,
                topic=topic,
                good=partial(copy.deepcopy, good[topic]),
                recovered=operator.active,
                between=operator.active,
            ),
            count,
        )
    operator.answers = False
    yield bombard(
        rig,
        Target(
            node=DRIVER,
            topic="/joint_command",
            good=operator.command,
            recovered=operator.active,
            between=operator.active,
        ),
        count,
    )
    yield watch.row()
