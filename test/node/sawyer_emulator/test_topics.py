# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The emulated Sawyer over real topics: names, rates, limits, gravity torques, hand."""

from __future__ import annotations

import numpy as np
import pytest
from std_msgs.msg import String, UInt16

from ml3_ros.nodes.kit.qos import LATCHED_1
from ml3_ros.nodes.messages.joint_states import NANO, nanoseconds
from ml3_ros.nodes.sawyer_emulator.node import SawyerEmulator
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer import interface as sawyer
from ml3_ros.robots.sawyer.interface import ARM_JOINTS
from test.node.sawyer_emulator.bench import FAILURE, SAWYER


def test_states_are_those_of_the_whole_robot_at_100_hz(robot):
    robot.until_more(robot.states, 60)
    robot.graph.until(lambda: len(robot.assembly) >= 40)
    for msg in robot.states:
        assert list(msg.name) == ["head_pan", *ARM_JOINTS, "torso_t0"]
        assert len(msg.position) == len(msg.velocity) == len(msg.effort) == 9
        assert (msg.position[-1], msg.velocity[-1], msg.effort[-1]) == (0.0, 0.0, 0.0)
    assert robot.states[-1].velocity[2] == -0.001  # a brake is on, and that is what rest reads
    step = robot.states[-1].position[2] / (1e-3 / 1024)
    assert step == pytest.approx(round(step), abs=1e-6)
    assert abs(robot.states[-1].effort[2]) > 5.0  # gravity load
    for received in (robot.states, robot.gravity, robot.collision, robot.endpoint):
        periods = np.diff([nanoseconds(msg.header.stamp) for msg in received])
        assert periods.min() == NANO // 100  # a starved machine leaves some out
        assert not (periods % (NANO // 100)).any()
    assert len(robot.assembly) == pytest.approx(len(robot.gravity), rel=0.2)


@pytest.mark.parametrize(("requested", "rate"), [(500, 500), (60_000, 800)])
def test_the_rate_of_states_is_set_and_has_a_maximum(robot, requested, rate):
    robot.publish(sawyer.STATE_RATE, UInt16(data=requested))
    robot.graph.until(lambda: robot.node.diagnostic_values()["state rate"] == rate)
    robot.until_more(robot.states)
    rate_of_states = robot.node.diagnostics.rates["joint_states"]
    start, count = robot.node._stamp(), rate_of_states.total
    robot.graph.until(lambda: rate_of_states.total >= count + 200)
    seconds = (robot.node._stamp() - start) / NANO
    assert (rate_of_states.total - count) / seconds == pytest.approx(rate, rel=0.03)
    robot.graph.until(lambda: nanoseconds(robot.states[-1].header.stamp) > start)
    assert robot.node._timer.timer_period_ns == NANO // rate  # one by one, not in bursts


def test_a_message_has_no_effect_on_what_was_before_it(robot):
    robot.enable()
    robot.node._timer.cancel()
    robot.graph.for_(0.1)
    before = robot.node._stamp()
    robot.command()
    robot.until_mode("torque")
    assert robot.node._stamp() >= before + 0.04 * NANO


def test_limits_and_description_reach_who_comes_late(robot, tmp_path):
    limits = robot.graph.listen(robot.probe, robot.m.JointLimits, sawyer.JOINT_LIMITS, LATCHED_1)
    urdf = robot.graph.listen(robot.probe, String, sawyer.ROBOT_DESCRIPTION, LATCHED_1)
    robot.graph.until(lambda: limits and urdf)
    assert tuple(limits[0].joint_names) == ARM_JOINTS
    for field, values in (
        ("position_lower", SAWYER.limits.lower),
        ("position_upper", SAWYER.limits.upper),
        ("velocity", SAWYER.limits.velocity),
        ("accel", SAWYER.limits.acceleration),
        ("effort", SAWYER.limits.effort),
    ):
        np.testing.assert_array_equal(getattr(limits[0], field), values)
    path = tmp_path / "robot.urdf"
    path.write_text(urdf[0].data)
    assert set(load_robot(path).names) == {"head_pan", *ARM_JOINTS}


def test_gravity_torques_are_those_that_are_added(robot):
    robot.torque_mode()

    def is_commanded():
        robot.command()
        return robot.gravity and len(robot.gravity[-1].commanded_effort)

    robot.graph.until(is_commanded)
    msg = robot.gravity[-1]
    assert tuple(msg.name) == ARM_JOINTS
    q = np.array(msg.actual_position)
    np.testing.assert_allclose(
        msg.gravity_only, PinocchioModel(SAWYER).nle(q, np.zeros(7)), atol=1e-6
    )
    np.testing.assert_allclose(msg.gravity_model_effort, msg.gravity_only, atol=0.2)
    assert list(msg.commanded_effort) == [0.0] * 7
    robot.graph.until(
        lambda: (
            robot.publish(sawyer.SUPPRESS_GRAVITY)
            or not any(robot.gravity[-1].gravity_model_effort)
        )
    )
    assert any(robot.gravity[-1].gravity_only)
    robot.graph.until(lambda: any(robot.gravity[-1].gravity_model_effort))  # nobody repeats it


def test_the_endpoint_is_where_the_hand_is(robot):
    robot.enable()
    robot.until_more(robot.endpoint)
    msg = robot.endpoint[-1]
    stamp = nanoseconds(msg.header.stamp)
    robot.graph.until(lambda: nanoseconds(robot.states[-1].header.stamp) >= stamp)
    (state,) = (msg for msg in robot.states if nanoseconds(msg.header.stamp) == stamp)
    q = np.array(state.position)[1:8]
    T = PinocchioModel(SAWYER).forward_kinematics(q)
    p = msg.pose.position
    np.testing.assert_allclose([p.x, p.y, p.z], T[:3, 3], atol=1e-9)
    assert msg.valid and msg.header.frame_id == "base"


def stamp_of(msg):
    return nanoseconds(msg.time if hasattr(msg, "time") else msg.header.stamp)


def test_a_muted_robot_publishes_nothing_and_still_reads(robot):
    robot.enable()
    robot.call("mute", True)
    begin = robot.node._stamp()
    robot.command()
    robot.until_mode("torque")
    robot.publish(sawyer.SUPER_STOP)
    robot.until_mode("disabled")
    robot.graph.until(lambda: robot.node._stamp() > begin + NANO // 2)  # 50 states, 5 of the cuff
    robot.publish(sawyer.SUPER_RESET)
    robot.graph.until(lambda: not robot.node.diagnostic_values()["stopped"])
    end = robot.node._stamp()
    robot.call("mute", False)
    for received in (robot.states, robot.gravity, robot.collision, robot.endpoint, robot.cuff):
        robot.graph.until(lambda known=received: known and stamp_of(known[-1]) > end)
        assert not [msg for msg in received if begin < stamp_of(msg) <= end]
    robot.until_state(lambda state: not state.enabled)
    assert not any(state.stopped for state in robot.assembly)


def test_without_the_messages_it_logs_how_to_get_them(graph, capfd):
    node = graph.add(SawyerEmulator, "sawyer_emulator", message_package="no_such_msgs")
    assert node.trigger_configure() == FAILURE
    assert "parameter_bridge" in capfd.readouterr().err
