# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Wrong messages for the nodes that command arms behind ros2_control, and for the emulated one."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Iterator
from functools import partial

import numpy as np
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory

from faults.rig.result import Row
from faults.rig.rig import Rig
from faults.rig.waiting import BenchError, require
from faults.scenes.bombard import Target, Watch, bombard
from faults.scenes.sawyer import EFFORT_SHARE, ENABLE_AGAIN_S, Operator
from faults.scenes.tracking import METHOD, models
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_1, RELIABLE_10, RELIABLE_100
from ml3_ros.nodes.messages.trajectories import points_to_msg
from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.ros2_control.presets import PRESETS
from ml3_ros.robots.ros2_control.trajectory import Points

EMULATOR, BRIDGE, COMMANDER = "ros2_control_emulator", "effort_bridge", "trajectory_commander"
PRESET = "franka"  # the robot adds gravity torques, and its efforts are torques
EFFORTS = f"/{PRESETS[PRESET].effort_controller}/commands"
TRAJECTORIES = f"/{PRESETS[PRESET].trajectory_controller}/joint_trajectory"
# a busy machine is late now and then: here it matters that, not how soon, things happen
ROBOT_OPTIONS: dict[str, object] = {"preset": PRESET, "control_rate": 500, "state_rate": 100}
BRIDGE_OPTIONS: dict[str, object] = {
    "preset": PRESET,
    "rate": 100.0,
    "state_timeout": 1.0,
    "held_up": 2.0,
    "command_timeout": 0.5,
}
PAST_LIMIT = 0.05  # [rad]


def _inside(robot: RobotDescription, q: Array) -> str | None:
    """Return what is wrong with positions [rad], (..., n)."""
    if not np.isfinite(q).all():
        return "a position that is not finite"
    past = float(np.maximum(robot.limits.lower - q, q - robot.limits.upper).max())
    return f"a joint {past:.3f} rad past its limit" if past > PAST_LIMIT else None


def _efforts(robot: RobotDescription, effort: Array) -> str | None:
    """Return what is wrong with efforts on top of gravity [N m], (..., n)."""
    finite = np.isfinite(effort).all()
    small = (np.abs(effort) <= EFFORT_SHARE * robot.limits.effort + 1e-6).all()
    return None if finite and small else f"effort {effort}"


def _robot_watch(robot: RobotDescription) -> Watch:
    def check(msg: JointState) -> str | None:
        index = [list(msg.name).index(name) for name in robot.names]
        if not (np.isfinite(msg.velocity).all() and np.isfinite(msg.effort).all()):
            return "a state that is not finite"
        return _inside(robot, np.array(msg.position)[index])

    return Watch("states of the robot past a position limit, or not finite", check)


def emulator(rig: Rig, count: int) -> Iterator[Row]:
    """Bombard the emulated robot with efforts, then with trajectories."""
    robot = load_robot("sawyer")
    n = len(robot.names)
    watch = _robot_watch(robot)
    rig.bench.listen(JointState, "joint_states", watch, RELIABLE_100)
    rest = np.zeros((1, n))
    home = Points(t=np.array([1.0]), q=np.array([robot.home]), v=rest, a=rest, effort=rest)
    trajectory = points_to_msg(home, robot.names, 0, efforts=False)
    plan = (
        ("effort", EFFORTS, Float64MultiArray(data=[0.0] * n), "commands [Hz]"),
        ("trajectory", TRAJECTORIES, trajectory, "trajectories [Hz]"),
    )
    for active, topic, good, rate in plan:
        rig.start(EMULATOR, active=active, **ROBOT_OPTIONS)

        def recovered(rate: str = rate) -> bool:
            comes = float(rig.bench.diagnostic(EMULATOR, rate) or 0.0) > 0.0
            return comes and rig.bench.diagnostic(EMULATOR, "held by") == "the controller"

        yield bombard(
            rig,
            Target(
                node=EMULATOR, topic=topic, good=partial(copy.deepcopy, good), recovered=recovered
            ),
            count,
        )
        rig.stop(EMULATOR)
    yield watch.row()


def bridge(rig: Rig, count: int) -> Iterator[Row]:
    """Bombard the bridge with the robot behind it, and a controller before it."""
    robot = load_robot("sawyer")
    rig.start(EMULATOR, **ROBOT_OPTIONS)
    rig.start(BRIDGE, **BRIDGE_OPTIONS)
    newest = [JointState()]
    rig.bench.listen(JointState, "joint_states", partial(newest.__setitem__, 0), RELIABLE_1)
    operator = Operator(rig, BRIDGE, "bridge", f"{BRIDGE}/joint_states")
    require(lambda: newest[0].name and operator.active(), "an active bridge")
    watch = Watch(
        "efforts that are not finite or beyond the share of effort",
        lambda msg: _efforts(robot, np.array(msg.data)),
    )
    rig.bench.listen(Float64MultiArray, EFFORTS, watch, RELIABLE_100)
    goods = (
        ("/joint_states", lambda: copy.deepcopy(newest[0])),
        ("/joint_command", operator.command),
    )
    for topic, good in goods:
        operator.answers = topic != "/joint_command"
        yield bombard(
            rig,
            Target(
                node=BRIDGE,
                topic=topic,
                good=good,
                recovered=operator.active,
                between=operator.active,
            ),
            count,
        )
    yield watch.row()


def commander(rig: Rig, count: int) -> Iterator[Row]:
    """Bombard the commander with joint states, then with learned models."""
    robot = load_robot("sawyer")
    rig.start(EMULATOR, active="trajectory", **ROBOT_OPTIONS)
    rig.start(COMMANDER, preset=PRESET, feedforward=METHOD, limit_share=0.2)
    newest, requested, update = [JointState()], [0.0], [0]
    rig.bench.listen(JointState, "joint_states", partial(newest.__setitem__, 0), RELIABLE_1)
    watch = Watch(
        "trajectories past a limit of position or the share of effort, or not finite",
        lambda msg: _trajectory(robot, msg),
    )
    rig.bench.listen(JointTrajectory, TRAJECTORIES, watch, RELIABLE_10)

    def moving() -> bool:
        if rig.bench.diagnostic(COMMANDER, "commander") == "moving":
            return True
        if time.monotonic() - requested[0] > ENABLE_AGAIN_S:
            with contextlib.suppress(BenchError):  # late under load: it is requested again
                rig.bench.request(SetBool, f"{COMMANDER}/enable", 10.0, data=True)
            requested[0] = time.monotonic()
        return False

    def updates() -> int:
        return rig.bench.diagnostic_count(COMMANDER, "updates of the feedforward's model")

    require(lambda: newest[0].name and moving(), "a commander that moves the arm")
    states = Target(
        node=COMMANDER,
        topic="/joint_states",
        good=lambda: copy.deepcopy(newest[0]),
        recovered=moving,
        between=moving,
    )
    yield bombard(rig, states, count)
    learned = models(robot)

    def good() -> object:
        msg = learned()
        update[0] = msg.update
        return msg

    goal = [0]
    yield bombard(
        rig,
        Target(
            node=COMMANDER,
            topic="/learned_model",
            good=good,
            recovered=lambda: moving() and goal[0] < updates() <= update[0],
            qos=LATCHED_1,
            between=moving,
            mark=lambda: goal.__setitem__(0, update[0]),
        ),
        count,
    )
    yield watch.row()


def _trajectory(robot: RobotDescription, msg: JointTrajectory) -> str | None:
    q = np.array([point.positions for point in msg.points])
    effort = np.array([point.effort for point in msg.points])
    return _inside(robot, q) or (_efforts(robot, effort) if effort.size else None)
