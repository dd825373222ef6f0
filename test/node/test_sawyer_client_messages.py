# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the driver reads of the robot's messages, and what it rejects."""

from __future__ import annotations

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from sensor_msgs.msg import JointState

from ml3_ros.errors import ConfigError, MessageError
from ml3_ros.nodes.messages import sawyer_client as convert
from ml3_ros.nodes.messages.joint_states import PartialMessageError
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer import interface as sawyer
from ml3_ros.robots.sawyer.driving_config import Send

SAWYER = load_robot("sawyer")
NAMES = SAWYER.names


def joints(**columns):
    names = list(reversed(sawyer.STATE_JOINTS))  # whatever order the robot has
    values = {"position": 0.1, "velocity": 0.2, "effort": 0.3} | columns
    msg = JointState(name=names)
    for column, value in values.items():
        setattr(msg, column, [value * i for i in range(len(names))])
    return msg


def test_joints_are_read_by_name_and_head_and_torso_left_out():
    sample = convert.joints_from_msg(joints(), NAMES, 0.0)
    place = [list(reversed(sawyer.STATE_JOINTS)).index(name) for name in NAMES]
    np.testing.assert_allclose(sample.q, 0.1 * np.array(place))
    np.testing.assert_allclose(sample.tau, 0.3 * np.array(place))


def test_velocities_within_the_dead_band_are_zero():
    msg = joints()
    msg.velocity = [-0.001] * len(msg.name)
    assert not convert.joints_from_msg(msg, NAMES, 0.001001).v.any()
    msg.velocity = [-0.0011] * len(msg.name)
    np.testing.assert_allclose(convert.joints_from_msg(msg, NAMES, 0.001001).v, -0.0011)


def test_a_grippers_joints_are_not_the_arm():
    with pytest.raises(PartialMessageError):
        convert.joints_from_msg(JointState(name=["right_gripper"]), NAMES, 0.0)


def test_gravity_is_read_by_name_and_may_be_absent(messages):
    msg = messages.SEAJointState(
        name=list(reversed(NAMES)), gravity_model_effort=[1.0, 2, 3, 4, 5, 6, 7]
    )
    tau = convert.gravity_from_msg(msg, NAMES, "gravity_model_effort", SAWYER.limits)
    np.testing.assert_array_equal(tau, [7, 6, 5, 4, 3, 2, 1])
    assert convert.gravity_from_msg(msg, NAMES, "gravity_only", SAWYER.limits) is None
    msg.gravity_model_effort = [0.0] * 6 + [1e38]
    with pytest.raises(MessageError, match="beyond an effort limit"):
        convert.gravity_from_msg(msg, NAMES, "gravity_model_effort", SAWYER.limits)
    msg.gravity_model_effort = [np.nan] * 7
    with pytest.raises(MessageError, match="not finite"):
        convert.gravity_from_msg(msg, NAMES, "gravity_model_effort", SAWYER.limits)
    msg.name = list(NAMES[:6])
    with pytest.raises(MessageError, match="7 numbers of gravity_model_effort"):
        convert.gravity_from_msg(msg, NAMES, "gravity_model_effort", SAWYER.limits)


@pytest.mark.parametrize(("data", "squeezed"), [("[1]", True), ("[0]", False), ("[true]", True)])
def test_the_cuff_is_a_signal_among_others(messages, data, squeezed):
    signals = [
        messages.IODataStatus(name=name, data=data if name == sawyer.CUFF_SIGNAL else "[0]")
        for name in (*sawyer.CUFF_BUTTON_SIGNALS, sawyer.CUFF_SIGNAL)
    ]
    assert convert.cuff_from_msg(messages.IODeviceStatus(signals=signals)) is squeezed
    assert convert.cuff_from_msg(messages.IODeviceStatus()) is False


@pytest.mark.parametrize("data", ["", "1", "[]", "{}", "nonsense"])
def test_a_cuff_that_cannot_be_read_is_rejected(messages, data):
    signal = messages.IODataStatus(name=sawyer.CUFF_SIGNAL, data=data)
    with pytest.raises(MessageError, match="another version"):
        convert.cuff_from_msg(messages.IODeviceStatus(signals=[signal]))


def test_commands_fill_the_array_of_their_mode_alone(messages):
    stamp = Time(sec=3)
    torque = convert.command_msg(Send(torque=np.arange(7.0)), NAMES, stamp, messages)
    assert (torque.mode, list(torque.names)) == (sawyer.Mode.TORQUE, list(NAMES))
    assert list(torque.effort) == list(range(7))
    assert not torque.position and not torque.velocity and not torque.acceleration
    hold = convert.command_msg(Send(position=np.ones(7)), NAMES, stamp, messages)
    assert (hold.mode, list(hold.position)) == (sawyer.Mode.POSITION, [1.0] * 7)
    assert not hold.effort
    assert hold.header.stamp.sec == 3


def test_limits_of_another_robot_are_rejected(messages):
    limits = SAWYER.limits
    msg = messages.JointLimits(
        joint_names=list(NAMES),
        position_lower=limits.lower.tolist(),
        position_upper=limits.upper.tolist(),
        velocity=(1.005 * limits.velocity).tolist(),  # rounded
        effort=limits.effort.tolist(),
    )
    convert.check_limits(msg, NAMES, limits)
    msg.velocity = (1.5 * limits.velocity).tolist()
    with pytest.raises(ConfigError, match=r"velocity of right_j0 is 2\.61, the model's 1\.74"):
        convert.check_limits(msg, NAMES, limits)
    msg.velocity = msg.velocity[:3]
    with pytest.raises(ConfigError, match=r"name 7 joints but velocity has 3 numbers"):
        convert.check_limits(msg, NAMES, limits)
    msg.joint_names = ["left_j0"] * 7
    with pytest.raises(ConfigError, match=r"name no right_j0.*of another robot"):
        convert.check_limits(msg, NAMES, limits)


def test_a_signal_of_the_cuff_too_deep_to_read_is_rejected(messages):
    msg = messages.IODeviceStatus()
    msg.signals.append(messages.IODataStatus(name=sawyer.CUFF_SIGNAL, data="[" * 100_000))
    with pytest.raises(MessageError, match="not a list of one number"):
        convert.cuff_from_msg(msg)
