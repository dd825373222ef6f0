# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The effort bridge and the emulated robot over the topics of ros2_control."""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool

from ml3_ros.nodes.effort_bridge.node import EffortBridge
from ml3_ros.nodes.kit.qos import RELIABLE_10
from test.node.ros2_control.bench import EFFORTS, SUCCESS, UR5E, Robot
from test.node.ros2_control.rig import MODEL, PUSH, Rig


def test_without_enabling_no_effort_reaches_the_robot(graph):
    rig = Rig(graph)
    rig.push = PUSH
    graph.until(lambda: rig.bridge.diagnostics.counts["commands while not ready"] > 3)
    assert not rig.sent
    assert rig.robot.is_held()


@pytest.mark.parametrize("preset", ["ur", "generic"])
def test_commands_move_the_arm_against_gravity_whoever_adds_it(graph, preset):
    rig = Rig(graph, preset)
    rig.active()
    graph.until(lambda: abs(rig.q[0]) > 0.05)
    # gravity that is commanded twice, or by nobody, would have thrown the arm about
    assert np.abs(rig.q[1:]).max() < 0.1
    rig.push = None
    assert rig.call("enable", False).success
    rig.until("disabled")
    rig.until_zeros()


def test_joint_states_come_in_the_models_order_with_torques_in_place_of_currents(graph):
    rig = Rig(graph)
    rig.active(np.zeros(6))
    graph.until(lambda: len(rig.sent) > 5 and len(rig.states) > 5)
    assert tuple(rig.states[-1].name) == UR5E.names
    gravity = MODEL.nle(rig.q, np.zeros(6))
    assert rig.states[-1].effort[1] == pytest.approx(gravity[1], rel=0.05)


def test_efforts_go_out_in_the_order_of_the_controllers_joints(graph):
    joints = list(reversed(UR5E.names))
    rig = Rig(graph, robot={"joints": joints}, joints=joints)
    rig.active()
    graph.until(lambda: abs(rig.q[0]) > 0.02)
    assert np.abs(rig.q[1:]).max() < 0.05
    assert max(msg.data[-1] for msg in rig.sent) > 1.0


def test_ended_commands_leave_zeros_and_a_deactivated_bridge_does_too(graph):
    rig = Rig(graph)
    rig.active()
    graph.until(lambda: any(abs(msg.data[0]) > 1.0 for msg in rig.sent))
    rig.push = None
    rig.until("ready")
    rig.until_zeros()
    rig.active()
    graph.until(lambda: rig.sent and abs(rig.sent[-1].data[0]) > 1.0)
    assert rig.bridge.trigger_deactivate() == SUCCESS
    rig.until_zeros()


def test_a_robot_that_is_lost_is_a_fault_until_a_reset(graph):
    rig = Rig(graph)
    rig.active()
    graph.until(lambda: len(rig.sent) > 5)
    assert rig.robot.node.trigger_deactivate() == SUCCESS
    rig.until("fault")
    graph.until(lambda: not any(rig.sent[-1].data))
    assert "joint states have stopped" in rig.bridge.fault()
    assert rig.robot.node.trigger_activate() == SUCCESS
    assert not rig.call("enable", True).success
    rig.push = None
    assert rig.call("reset").success
    rig.active()


def test_a_stop_of_the_operator_ends_efforts(graph):
    rig = Rig(graph)
    rig.active()
    graph.until(lambda: len(rig.sent) > 5)
    assert rig.call("stop").success
    rig.until("fault")
    rig.until_zeros()


def test_another_who_may_send_efforts_ends_ours_by_name(graph):
    rig = Rig(graph)
    rig.active()
    other = graph.plain("intruder")
    other.create_publisher(Float64MultiArray, EFFORTS, RELIABLE_10)
    rig.until("fault")
    assert "intruder" in rig.bridge.fault()
    rig.until_zeros()
    assert rig.call("reset").success
    answer = rig.call("enable", True)
    assert not answer.success
    assert "end all but one" in answer.message


def test_wrong_commands_do_not_disturb_an_active_arm(graph):
    rig = Rig(graph)
    rig.active()
    counts = rig.bridge.diagnostics.counts
    wrong = cycle((JointState(name=["other"], effort=[1.0]), JointState()))

    def rejected():  # the newest command alone is read, which may be a right one
        rig.commands.publish(next(wrong))
        return counts["rejected messages"] and counts["partial messages"]

    graph.until(rejected)
    assert rig.reported[-1].data == "active"


def test_a_controller_of_other_joints_is_rejected(graph):
    bridge = graph.add(EffortBridge, "effort_bridge", robot=str(UR5E.path), joints=["a", "b"])
    assert bridge.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert "in the order of the controller" in bridge.diagnostics.failure


def test_an_effort_bridge_changes_places_with_the_controller_that_holds(graph, control_messages):
    robot = Robot(graph, active="trajectory", switch_package=control_messages)
    robot.probe.destroy_publisher(robot.efforts)
    bridge = graph.add(
        EffortBridge,
        "effort_bridge",
        robot=str(UR5E.path),
        preset="ur",
        state_timeout=1.0,
        holding_controller="scaled_joint_trajectory_controller",
        message_package=control_messages,
    )
    assert bridge.trigger_configure() == SUCCESS
    assert bridge.trigger_activate() == SUCCESS
    client = robot.probe.create_client(SetBool, "effort_bridge/enable")
    graph.until(client.service_is_ready)

    def enable(on):
        answer = client.call_async(SetBool.Request(data=on))
        graph.until(answer.done)
        return answer.result().success

    def active():
        return robot.node.diagnostic_values()["active controller"]

    graph.until(lambda: enable(True))
    graph.until(lambda: bridge.diagnostic_values()["bridge"] == "ready")
    assert active() == "forward_effort_controller"
    assert enable(False)
    graph.until(lambda: active() == "scaled_joint_trajectory_controller")
