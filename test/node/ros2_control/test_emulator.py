# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The emulated robot behind ros2_control: what its driver publishes, and what efforts do."""

from __future__ import annotations

import numpy as np
import pytest
from std_msgs.msg import String

from ml3_ros.nodes.kit.qos import LATCHED_1
from ml3_ros.nodes.messages.joint_states import nanoseconds
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.ros2_control.presets import AMPERES
from test.node.ros2_control.bench import EFFORTS, UR5E, Robot


def until_pan_turns(graph, robot, effort):
    """Send an effort for the first joint until it has turned."""

    def turned():
        robot.send(effort, 0.0, 0.0, 0.0, 0.0, 0.0)
        return abs(robot.position("shoulder_pan_joint")) > 0.05

    graph.until(turned)


def test_a_ur_publishes_joints_by_name_currents_and_its_description(graph):
    robot = Robot(graph)
    described = graph.listen(robot.probe, String, "robot_description", LATCHED_1)
    robot.until_states(20)
    graph.until(lambda: described)
    assert "shoulder_lift_joint" in described[0].data
    msg = robot.states[-1]
    assert list(msg.name) == sorted(UR5E.names)
    held = PinocchioModel(UR5E).nle(UR5E.home, np.zeros(6))
    current = msg.effort[msg.name.index("shoulder_lift_joint")]
    assert current == pytest.approx(AMPERES * held[1], rel=1e-3)


def test_stamps_rise_by_a_period_and_some_jitter(graph):
    robot = Robot(graph, jitter=1e-4)
    robot.until_states(30)
    gaps = np.diff([nanoseconds(msg.header.stamp) for msg in robot.states]) * 1e-9
    assert (gaps > 0.007).all()
    assert np.median(gaps) == pytest.approx(0.01, abs=5e-4)
    assert len(set(gaps.round(6))) > 5


def test_a_gripper_is_mixed_in_and_the_order_is_another(graph):
    robot = Robot(graph, preset="generic")
    names = list(robot.states[-1].name)
    assert names[1] == "gripper_joint"
    assert [n for n in names if n != "gripper_joint"] == list(reversed(UR5E.names))


def test_efforts_move_an_arm_that_was_held_and_a_robot_adds_gravity_itself(graph):
    robot = Robot(graph)
    assert robot.is_held()
    graph.connect(EFFORTS)
    until_pan_turns(graph, robot, 30.0)
    assert not robot.is_held()
    # nobody commanded the shoulder: it would have fallen without the robot's own gravity torque
    assert abs(robot.position("shoulder_lift_joint")) < 0.05


def test_efforts_that_have_ended_count_as_zero(graph):
    robot = Robot(graph)
    graph.connect(EFFORTS)
    until_pan_turns(graph, robot, 30.0)
    graph.until(
        lambda: "shoulder_pan_joint 0," in robot.node.diagnostic_values()["commanded [N m]"]
    )


def test_efforts_last_for_ever_without_a_watchdog(graph):
    robot = Robot(graph, command_timeout=0.0)
    graph.connect(EFFORTS)
    until_pan_turns(graph, robot, 30.0)
    robot.until_states(30)  # three times what the timeout is by default
    assert "shoulder_pan_joint 30," in robot.node.diagnostic_values()["commanded [N m]"]


def test_wrong_efforts_are_counted_and_change_nothing(graph):
    robot = Robot(graph)
    graph.connect(EFFORTS)
    robot.send(1.0, 2.0)
    graph.until(lambda: robot.node.diagnostics.counts["rejected messages"] == 1)
    assert robot.is_held()
    robot.send(*[float("nan")] * 6)
    graph.until(lambda: robot.node.diagnostics.counts["divergences"] >= 1)
    graph.until(robot.is_held)  # it starts again from home
