# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Wrong messages for the nodes that move a simulated arm."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from sensor_msgs.msg import JointState

from faults.rig.result import Row
from faults.rig.rig import Rig
from faults.rig.waiting import require
from faults.scenes.bombard import Target, Watch, bombard
from ml3_msgs.msg import InertiaPrior
from ml3_ros.nodes.kit.qos import RELIABLE_1, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import (
    NANO,
    JointSample,
    effort_to_msg,
    nanoseconds,
    sample_to_msg,
)
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.registry import load_robot

START = 1_700_000_000 * NANO  # of streams that are made up [ns]
PERIOD = NANO // 100
AMPLITUDE = 0.2  # of the arm that swings [rad]
# [rad] by which a joint may pass its limit: the lightest goes so far in a period under full effort
PAST_LIMIT = 0.05


class MovingArm:
    """Joint states of an arm that swings around home, 100 a second of its own time."""

    def __init__(self, robot: RobotDescription) -> None:
        """Begin at home."""
        self.names, self.home, self._ticks = robot.names, np.array(robot.home), itertools.count()
        self.omega = np.linspace(1.0, 1.5, len(self.names))  # [rad/s]
        self.newest = 0

    def message(self) -> JointState:
        """Return the next joint state."""
        self.newest = START + next(self._ticks) * PERIOD
        return self.at(self.newest)

    def at(self, stamp: int) -> JointState:
        """Return the joint state at a time [ns]."""
        omega = self.omega
        angle = omega * ((stamp - START) / NANO)
        q, v = self.home + AMPLITUDE * np.sin(angle), AMPLITUDE * omega * np.cos(angle)
        tau = -AMPLITUDE * omega**2 * np.sin(angle) + 0.1 * v
        return sample_to_msg(JointSample(stamp=stamp, q=q, v=v, tau=tau), self.names)


def within(robot: RobotDescription) -> Watch:
    """Return a watch for joint commands: finite, and within the effort limits."""

    def check(msg: JointState) -> str | None:
        tau = np.array(msg.effort)
        good = tau.shape == robot.limits.effort.shape and np.isfinite(tau).all()
        if good and (np.abs(tau) <= robot.limits.effort + 1e-9).all():
            return None
        return f"effort {tau}"

    return Watch("commands that are not finite or beyond an effort limit", check)


def inside(robot: RobotDescription) -> Watch:
    """Return a watch for joint states: finite, within position and effort limits."""
    limits = robot.limits

    def check(msg: JointState) -> str | None:
        q, tau = np.array(msg.position), np.array(msg.effort)
        if q.shape != limits.lower.shape or tau.shape != q.shape:
            return f"a state without all joints: {msg}"
        if not (
            np.isfinite(q).all() and np.isfinite(tau).all() and np.isfinite(msg.velocity).all()
        ):
            return "a state that is not finite"
        past = np.maximum(limits.lower - q, q - limits.upper).max()
        if past > PAST_LIMIT:
            return f"a joint {past:.3f} rad past its limit"
        over = (np.abs(tau) - limits.effort).max()
        return f"an effort {over:.3f} N m over its limit" if over > 1e-6 else None

    return Watch("states of the arm past a limit of position or effort, or not finite", check)


def scenes(rig: Rig, count: int) -> Iterator[Row]:
    """Bombard sim_arm, excitation and rigid_body_prior, each for itself."""
    robot = load_robot("sawyer")
    yield from _sim_arm(rig, count, robot)
    yield from _excitation(rig, count, robot)
    yield from _prior(rig, count, robot)


def _sim_arm(rig: Rig, count: int, robot: RobotDescription) -> Iterator[Row]:
    rig.start("sim_arm", robot="sawyer", velocity_noise=0.0)
    watch, newest = inside(robot), JointState()

    def on_state(msg: JointState) -> None:
        nonlocal newest
        newest = msg
        watch(msg)

    rig.bench.listen(JointState, "joint_states", on_state, RELIABLE_100)
    require(lambda: newest.name, "a joint state", 10.0)
    hold = np.array(newest.effort)  # the arm holds itself with that

    def good() -> JointState:
        return effort_to_msg(hold, robot.names, nanoseconds(newest.header.stamp))

    yield bombard(
        rig,
        Target(
            node="sim_arm",
            topic="/joint_command",
            good=good,
            recovered=lambda: rig.bench.diagnostic("sim_arm", "held by") == "joint_command",
        ),
        count,
    )
    yield watch.row()
    rig.stop("sim_arm")


def _excitation(rig: Rig, count: int, robot: RobotDescription) -> Iterator[Row]:
    rig.start("excitation", robot="sawyer", lost_error=10.0)
    watch, arm, answered = within(robot), MovingArm(robot), [0]

    def on_command(msg: JointState) -> None:
        answered.append(nanoseconds(msg.header.stamp))
        watch(msg)

    rig.bench.listen(JointState, "joint_command", on_command, RELIABLE_1)
    yield bombard(
        rig,
        Target(
            node="excitation",
            topic="/joint_states",
            good=arm.message,
            recovered=lambda: answered[-1] == arm.newest,
        ),
        count,
    )
    yield watch.row()
    rig.stop("excitation")


def _prior(rig: Rig, count: int, robot: RobotDescription) -> Iterator[Row]:
    rig.start("rigid_body_prior", robot="sawyer")
    arm, stamps = MovingArm(robot), [0]

    def check(msg: InertiaPrior) -> str | None:
        stamps.append(nanoseconds(msg.header.stamp))
        finite = np.isfinite(msg.inertia).all() and np.isfinite(msg.nle).all()
        return None if finite else "a prior that is not finite"

    watch = Watch("priors that are not finite", check)
    rig.bench.listen(InertiaPrior, "inertia_prior", watch, RELIABLE_100)
    yield bombard(
        rig,
        Target(
            node="rigid_body_prior",
            topic="/joint_states",
            good=arm.message,
            recovered=lambda: stamps[-1] == arm.newest,
            qos=RELIABLE_100,
        ),
        count,
    )
    yield watch.row()
    rig.stop("rigid_body_prior")
