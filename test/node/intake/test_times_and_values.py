# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Stamps that are no times and values that only their neighbours show to be wrong, in a stream."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sensor_msgs.msg import JointState

from ml3_ros.data.repair.angles import TURN
from ml3_ros.errors import MessageError
from ml3_ros.nodes.kit.intake.times import LOOKED_AT, UnstampedError
from ml3_ros.nodes.kit.intake.values import DenormalError, UnfilledVelocityError
from ml3_ros.nodes.kit.joint_stream import JointStream
from ml3_ros.nodes.messages.joint_states import NANO, time_msg

DT = NANO // 100
START = 1000 * NANO


def state(k, stamp=None, **fields):
    """Return sample k of two joints that move, as a driver with these habits sends it."""
    t = 0.01 * k
    msg = JointState(name=["a", "b"], position=[np.sin(t), 0.5 * t])
    msg.velocity, msg.effort = [np.cos(t), 0.5], [np.sin(3.0 * t), t]
    for name, value in fields.items():
        setattr(msg, name, value)
    msg.header.stamp = time_msg(START + k * DT if stamp is None else stamp)
    return msg


@pytest.fixture
def said():
    """Return the sentences that are reported."""
    return []


@pytest.fixture
def stream(said):
    return JointStream(["a", "b"], Counter(), report=said.append)


def read(stream, messages, received=1_700_000_000 * NANO):
    """Read messages that come every 10 ms; return the samples that could be read."""
    samples = []
    for k, msg in enumerate(messages):
        try:
            samples.append(stream.read(msg, {"received_timestamp": received + k * DT}))
        except MessageError as error:
            samples.append(error)
    return samples


@pytest.mark.parametrize(
    ("stamp", "words"),
    [
        (lambda k: START + k * DT // NANO * NANO, "are whole seconds"),
        (lambda k: 0, "are 0"),
        (lambda k: START + k // 20 * 20 * DT + 7, "repeat themselves"),
        (lambda k: START + k * DT + (k * k % 7) * 50 * NANO, "jump"),
    ],
)
def test_times_of_reception_stand_for_useless_stamps_and_that_is_said_once(
    stream, said, stamp, words
):
    samples = read(stream, [state(k, stamp(k)) for k in range(400)])
    (sentence,) = said
    assert f"stamps of joint_states {words}" in sentence
    assert "times of reception are taken" in sentence
    taken = samples[LOOKED_AT + 30 :]  # the stream begins anew at the other clock
    assert {sample.stamp - 1_700_000_000 * NANO for sample in taken} == {
        k * DT for k in range(LOOKED_AT + 30, 400)
    }


def test_stamps_are_taken_again_once_they_are_good(stream, said):
    read(stream, [state(k, 0) for k in range(100)])
    samples = read(stream, [state(100 + k) for k in range(200)], 1_700_000_001 * NANO)
    assert len(said) == 2 and "are taken again" in said[1]
    assert samples[-1].stamp == START + 299 * DT


def test_a_clock_that_was_set_and_messages_sent_twice_leave_stamps_as_they_are(stream, said):
    set_forward = [state(k, START + k * DT + 3600 * NANO * (k > 60)) for k in range(150)]
    twice = [msg for msg in set_forward for _ in range(2)]
    samples = read(stream, twice)
    assert not said
    assert samples[-2].stamp == START + 149 * DT + 3600 * NANO


def test_two_clocks_in_turns_are_no_stamps_that_jump(stream, said):
    hour = 3600 * NANO
    read(stream, [state(k, START + k * DT + hour * (k % 2)) for k in range(300)])
    assert not said


def test_a_message_without_a_stamp_before_the_clock_is_skipped(stream):
    first, *rest = read(stream, [state(0, 0), *(state(k) for k in range(1, 10))])
    assert isinstance(first, UnstampedError)
    assert "start it after the clock" in str(first)
    assert [sample.stamp for sample in rest] == [START + k * DT for k in range(1, 10)]


def test_memory_that_was_not_set_is_named_and_what_fades_to_rest_is_not(stream):
    stream.read(state(1))
    with pytest.raises(DenormalError, match=r"effort of b is 5e-310 at 1000\.020 s"):
        stream.read(state(2, effort=[1.0, 5e-310]))
    for k in range(3, 40):
        stream.read(state(k, effort=[1.0, 10.0 ** (-9.0 * (k - 2))]))


def test_a_simulated_arm_that_is_reset_again_and_again_fills_its_velocities(stream):
    def at(k):
        leaps = k // 200  # once in two seconds, at rest between
        return state(k, position=[0.3 * leaps, -0.2 * leaps], velocity=[0.0, 0.0])

    samples = read(stream, [at(k) for k in range(1000)])
    assert not [sample for sample in samples if isinstance(sample, Exception)]


def test_velocities_that_are_never_filled_are_named(stream):
    samples = read(stream, [state(k, velocity=[np.cos(0.01 * k), 0.0]) for k in range(30)])
    assert isinstance(samples[-1], UnfilledVelocityError)
    assert "velocity of b is 0 while it moves, at 1000.290 s" in str(samples[-1])


def test_a_joint_at_rest_and_one_that_creeps_have_velocity_0_rightly(stream):
    def creeping(k):
        return state(k, position=[0.0, 1e-4 * k], velocity=[0.0, 0.0])

    assert all(not isinstance(x, Exception) for x in read(stream, map(creeping, range(500))))


def test_angles_that_leap_by_a_turn_go_on(stream):
    def turning(k):
        angle = np.mod(0.05 * k, TURN)
        return state(k, position=[angle, 0.0], velocity=[5.0, 0.0])

    q = [sample.q[0] for sample in read(stream, map(turning, range(400)))]
    np.testing.assert_allclose(q, 0.05 * np.arange(400), atol=1e-9)
