# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages to arrays: by name, whole, finite, and every rejection names the joint and the cure."""

from __future__ import annotations

import numpy as np
import pytest
from sensor_msgs.msg import JointState

from ml3_ros.errors import MessageError
from ml3_ros.nodes.messages.joint_states import (
    ImplausibleError,
    JointSample,
    NotFiniteError,
    PartialMessageError,
    StampError,
    effort_from_msg,
    effort_to_msg,
    listed,
    sample_from_msg,
    sample_to_msg,
)
from ml3_ros.nodes.messages.ml3 import loss_from_msg, loss_to_msg, prior_from_msg, prior_to_msg

NAMES = ("a", "b")


def state(name=("gripper", "b", "a"), **fields):
    arrays = {"position": [9.0, 2.0, 1.0], "velocity": [9.0, 4.0, 3.0], "effort": [9.0, 6.0, 5.0]}
    return JointState(name=list(name), **(arrays | fields))


def test_the_order_is_that_of_the_parameter_and_extra_joints_are_ignored():
    msg = state()
    msg.header.stamp.sec, msg.header.stamp.nanosec = 7, 5
    sample = sample_from_msg(msg, NAMES)
    assert (sample.q.tolist(), sample.v.tolist(), sample.tau.tolist()) == ([1, 2], [3, 4], [5, 6])
    assert sample.stamp == 7_000_000_005


def test_a_sample_survives_the_way_there_and_back():
    q, v, tau = np.random.default_rng(0).normal(size=(3, 2))
    sample = JointSample(stamp=1_700_000_000_123_456_789, q=q, v=v, tau=tau)
    back = sample_from_msg(sample_to_msg(sample, NAMES), NAMES)
    assert back.stamp == sample.stamp
    for name in ("q", "v", "tau"):
        np.testing.assert_array_equal(getattr(back, name), getattr(sample, name))


def test_a_message_with_some_of_the_joints_is_rejected_with_those_missing():
    msg = JointState(name=["b"], position=[1.0], velocity=[1.0], effort=[1.0])
    with pytest.raises(PartialMessageError, match=r"has no a \(it has b\).*check the remapping"):
        sample_from_msg(msg, NAMES)


@pytest.mark.parametrize(
    ("bad", "word"), [(float("nan"), "NaN"), (float("inf"), "infinite"), (-np.inf, "infinite")]
)
def test_a_number_that_is_not_finite_names_its_joint(bad, word):
    with pytest.raises(NotFiniteError, match=f"velocity of b is {word} at .*sensor or controller"):
        sample_from_msg(state(velocity=[9.0, bad, 3.0]), NAMES)
    sample_from_msg(state(velocity=[bad, 4.0, 3.0]), NAMES)  # the gripper's is nobody's business


def test_arrays_must_be_as_long_as_the_names():
    with pytest.raises(MessageError, match=r"3 joints are named but effort has 0 numbers"):
        sample_from_msg(state(effort=[]), NAMES)


def test_a_joint_named_twice_is_rejected():
    with pytest.raises(MessageError, match="names b twice"):
        sample_from_msg(state(name=("b", "b", "a")), NAMES)


def test_a_command_is_taken_whole_or_not_at_all():
    assert effort_from_msg(effort_to_msg(np.array([1.0, 2.0]), NAMES, 0), NAMES).tolist() == [1, 2]
    with pytest.raises(MessageError, match=r"is for c, which this arm does not have"):
        effort_from_msg(JointState(name=["a", "b", "c"], effort=[1.0, 2.0, 3.0]), NAMES)
    with pytest.raises(PartialMessageError, match="joint_command has no b"):
        effort_from_msg(JointState(name=["a"], effort=[1.0]), NAMES)
    with pytest.raises(NotFiniteError, match=r"effort of b is NaN at \d+\.\d{3} s"):
        effort_from_msg(effort_to_msg(np.array([1.0, np.nan]), NAMES, 0), NAMES)


def test_a_prior_is_read_in_the_readers_order():
    M, nle = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([5.0, 6.0])
    msg = prior_to_msg(("b", "a"), 42, np.zeros(2), np.zeros(2), M, nle)
    stamp, M_read, nle_read = prior_from_msg(msg, NAMES)
    assert stamp == 42
    assert M_read.tolist() == [[4.0, 3.0], [2.0, 1.0]]
    assert nle_read.tolist() == [6.0, 5.0]


def test_a_prior_that_does_not_fit_is_rejected():
    msg = prior_to_msg(("b", "c"), 42, np.zeros(2), np.zeros(2), np.eye(2), np.zeros(2))
    with pytest.raises(MessageError, match="is for b, c, not for a, b"):
        prior_from_msg(msg, NAMES)
    msg = prior_to_msg(NAMES, 42, np.zeros(2), np.zeros(2), np.eye(3), np.zeros(2))
    with pytest.raises(MessageError, match="carries 9 inertias and 2 torques, not 4 and 2"):
        prior_from_msg(msg, NAMES)
    msg = prior_to_msg(NAMES, 42, np.zeros(2), np.zeros(2), np.eye(2) * np.nan, np.zeros(2))
    with pytest.raises(NotFiniteError, match="NaN"):
        prior_from_msg(msg, NAMES)


def test_a_loss_that_was_damaged_on_its_way_is_rejected():
    data = bytes(range(256))
    labels = {"task_family": "inverse_dynamics", "robot": "reacher", "joint_names": NAMES}
    msg = loss_to_msg("ml3_shaped", data, stamp=1, **labels)
    assert loss_from_msg(msg) == data
    msg.data[7] ^= 1
    with pytest.raises(MessageError, match=r"'ml3_shaped' arrived damaged .*publish it again"):
        loss_from_msg(msg)


def test_values_outside_the_robots_range_are_rejected():
    with pytest.raises(ImplausibleError, match=r"velocity of b is 1e\+30.*its unit"):
        sample_from_msg(state(velocity=[9.0, 1e30, 3.0]), NAMES)


@pytest.mark.parametrize(("sec", "nanosec"), [(-1, 0), (2**31 - 1, 2**32 - 1)])
def test_a_stamp_that_is_no_time_is_rejected(sec, nanosec):
    msg = state()
    msg.header.stamp.sec, msg.header.stamp.nanosec = sec, nanosec
    with pytest.raises(StampError, match="is no time"):
        sample_from_msg(msg, NAMES)


def test_many_or_long_names_make_a_short_sentence_in_a_short_time():
    count = 100_000  # counting each of them among all takes minutes
    with pytest.raises(MessageError, match="names a, b twice"):
        effort_from_msg(JointState(name=[*NAMES] * (count // 2)), NAMES)
    text = listed(["x" * count] * count)
    assert len(text) < 1000
    assert text.endswith(f"{count - 12} more")
