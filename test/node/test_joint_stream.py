# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The time of a stream only goes forward, and whoever reads it learns what was lost."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from sensor_msgs.msg import JointState

from ml3_ros.errors import ConfigError, DataError
from ml3_ros.nodes.kit.filtered_stream import FilteredStream, FilterParameters
from ml3_ros.nodes.kit.joint_stream import (
    OTHERS_IN_A_ROW,
    BackwardsError,
    JointStream,
    OtherDeviceError,
    SplitMessageError,
)
from ml3_ros.nodes.messages.joint_states import NANO, PartialMessageError, time_msg

DT = NANO // 100
RESTART_AFTER = 21  # samples of 0.2 s


def state(stamp):
    msg = JointState(name=["a"], position=[0.0], velocity=[0.0], effort=[0.0])
    msg.header.stamp = time_msg(stamp)
    return msg


@pytest.fixture
def stream():
    stream = JointStream(["a"], Counter())
    for k in range(20):
        stream.read(state(NANO + k * DT))
    return stream


def test_a_stamp_that_does_not_increase_is_dropped_and_the_stream_goes_on(stream):
    for stamp in (NANO + 19 * DT, NANO + 3 * DT):
        with pytest.raises(BackwardsError, match="keep its clock monotonic"):
            stream.read(state(stamp))
    assert stream.read(state(NANO + 20 * DT)).stamp == NANO + 20 * DT
    assert stream.restarts == 0


def test_lost_samples_are_counted(stream):
    for k in range(25, 30):  # one late sample alone may be jitter
        stream.read(state(NANO + k * DT))
    assert stream._counts["lost samples"] == 5
    stream.read(state(NANO + 30 * DT + DT // 3))
    assert stream._counts["lost samples"] == 5


def part(names, k):
    msg = JointState(name=names, position=[0.0] * len(names))
    msg.velocity = msg.effort = msg.position
    msg.header.stamp = time_msg(NANO + k * DT)
    return msg


def test_joints_in_separate_messages_are_named_with_what_to_do():
    stream = JointStream(["a", "b", "c"], Counter())
    with pytest.raises(PartialMessageError):  # the rest may not be sent at all
        stream.read(part(["a", "b"], 0))
    for k, names in enumerate((["c"], ["a", "b"], ["c", "gripper"])):
        with pytest.raises(SplitMessageError, match="let one driver publish all joints") as error:
            stream.read(part(names, k))
        assert "a, b" in str(error.value) and "c" in str(error.value)
    stream.read(part(["c", "b", "a"], 4))
    for names in (["a", "b"], ["a"]):  # c is missing, wherever it has gone
        with pytest.raises(PartialMessageError, match="has no"):
            stream.read(part(names, 5))


def test_messages_of_other_devices_are_left_alone_until_the_arm_is_missed():
    stream = JointStream(["a", "b"], Counter())
    for k in range(3 * OTHERS_IN_A_ROW):  # never many in a row
        with pytest.raises(OtherDeviceError):
            stream.read(part(["finger"], k))
        if k % 10 == 9:
            stream.read(part(["b", "a"], k))
    for k in range(OTHERS_IN_A_ROW):
        with pytest.raises(OtherDeviceError):
            stream.read(part(["finger"], k))
    with pytest.raises(PartialMessageError, match=r"it has finger.*check the remapping"):
        stream.read(part(["finger"], 1))


def test_one_prefix_before_all_names_is_found_and_reported_once():
    sentences = []
    stream = JointStream(["a1", "a2"], Counter(), report=sentences.append)
    for k in range(3):
        with pytest.raises(OtherDeviceError):
            stream.read(part(["finger"], k))
        msg = part(["left_a2", "left_a1"], k)
        msg.position = [2.0, 1.0]
        np.testing.assert_array_equal(stream.read(msg).q, [1.0, 2.0])
    assert sentences == [
        "joint_states: left_a1 is taken for a1 of the model, ... (as by rename=left_)"
    ]
    with pytest.raises(PartialMessageError, match="has no a2"):  # its own names are never renamed
        stream.read(part(["a1", "left_a1", "left_a2"], 9))


def test_names_are_renamed_as_asked():
    stream = JointStream(["a", "b"], Counter(), rename="x=a,y=b")
    msg = part(["y", "a", "x"], 0)  # this "a" is another joint
    msg.position = [2.0, 9.0, 1.0]
    np.testing.assert_array_equal(stream.read(msg).q, [1.0, 2.0])
    with pytest.raises(DataError, match="cannot be used"):
        JointStream(["a"], Counter(), rename="=")


def test_several_prefixes_that_fit_are_named():
    stream = JointStream(["a1", "a2"], Counter())
    names = [f"{side}_a{i}" for side in ("one", "two") for i in (1, 2)]
    with pytest.raises(PartialMessageError, match="choose rename=one_ or rename=two_"):
        stream.read(part(names, 0))


@pytest.mark.parametrize(("lost", "fewest", "most"), [(0.0, 0, 0), (0.02, 30, 50)])
def test_jitter_is_no_loss(lost, fewest, most):
    rng = np.random.default_rng(0)
    stamps = (np.arange(2000) + np.clip(0.3 * rng.standard_normal(2000), -0.9, 0.9)) * DT
    kept = np.sort(stamps)[rng.random(2000) >= lost]
    counts = Counter()
    stream = JointStream(["a"], counts)
    for stamp in kept:
        stream.read(state(NANO + round(stamp)))
    assert fewest <= counts["lost samples"] <= most
    assert stream.period == pytest.approx(0.01, rel=0.01)
    assert stream.pace.settled


def test_few_apart_are_no_restart_however_slow():
    stream = JointStream(["a"], Counter())
    for k in range(20):
        stream.read(state(NANO * (k + 1)))
    for k in range(4):
        with pytest.raises(BackwardsError):
            stream.read(state((k + 1) * NANO // 2))
    stream.read(state(5 * NANO // 2))
    assert stream.restarts == 1


def test_a_restarted_source_is_followed(stream):
    for k in range(RESTART_AFTER - 1):
        with pytest.raises(BackwardsError):
            stream.read(state(k * DT + DT))
    assert stream.read(state(RESTART_AFTER * DT)).stamp == RESTART_AFTER * DT
    assert stream.restarts == 1
    assert stream.seconds(RESTART_AFTER * DT) == pytest.approx(19 * 0.01 + 1.0)
    assert stream.stamp(stream.seconds(RESTART_AFTER * DT)) == RESTART_AFTER * DT
    assert stream._counts["lost samples"] == 0


def test_the_sampling_period_is_known_quickly_and_well_after_two_seconds(stream):
    assert JointStream(["a"], Counter()).period is None
    stream.read(state(NANO + 25 * DT))
    assert stream.period == pytest.approx(0.01)
    arrival = JointStream(["a"], Counter())
    for k in range(220):  # every other waits for the next one, and both come nearly together
        arrival.read(state(NANO + k * DT + 9 * DT // 10 * (k % 2 == 0)))
    assert arrival.pace.settled
    assert arrival.period == pytest.approx(0.01, rel=2e-3)


def test_a_leap_forwards_is_dropped_until_the_clock_has_been_set_for_good(stream):
    leap = 10 * 365 * 86400 * NANO
    with pytest.raises(BackwardsError, match="s after its predecessor"):
        stream.read(state(NANO + 20 * DT + leap))
    assert stream.read(state(NANO + 21 * DT)).stamp == NANO + 21 * DT  # it was one wrong stamp
    before = stream.seconds(NANO + 21 * DT)
    for k in range(22, 21 + RESTART_AFTER):
        with pytest.raises(BackwardsError):
            stream.read(state(NANO + k * DT + leap))
    newest = NANO + (21 + RESTART_AFTER) * DT + leap
    assert stream.read(state(newest)).stamp == newest
    assert stream.seconds(newest) == pytest.approx(before + 1.0)
    assert stream._counts["restarts of the stream"] == 1


P = FilterParameters(rate=0.0, filter_seconds=0.2, filter_order=3)


def taken_from(filtered, stamps):
    """Read joint states with these stamps; return how many samples came out."""
    return sum(len(filtered.read(state(NANO + round(stamp)))) for stamp in stamps)


def test_arrival_stamps_cost_no_samples_and_raise_no_complaint():
    rng = np.random.default_rng(1)
    waits = (rng.random(1000) < 0.3) * rng.uniform(0.5, 0.95, 1000)
    stamps = np.maximum.accumulate(np.arange(1000) + waits) * DT + np.arange(1000)
    filtered = FilteredStream(["a"], Counter(), P)
    assert taken_from(filtered, stamps) >= 0.98 * (1000 - 32)
    assert filtered.complaint == ""
    assert filtered.share == pytest.approx(1.0, abs=0.02)
    assert filtered.rate == pytest.approx(100.0, rel=0.01)


def test_a_stream_that_cannot_be_used_is_complained_of_until_it_can():
    filtered = FilteredStream(["a"], Counter(), P)
    taken_from(filtered, np.arange(300) * DT)
    assert filtered.complaint == ""
    pauses = 3 * NANO + np.arange(300) * DT + np.arange(300) // 15 * 15 * DT
    taken_from(filtered, pauses)
    words = "only 0 % of the last 2; joint_states (a); more than half a window; Hz; ms; driver"
    for word in words.split("; "):
        assert word in filtered.complaint
    assert filtered.diagnostic_values()["share of samples used"] == 0.0
    taken_from(filtered, pauses[-1] + np.arange(1, 500) * DT)
    assert filtered.complaint == ""


def test_a_stream_without_a_single_usable_window_is_complained_of_too():
    filtered = FilteredStream(["a"], Counter(), P)
    pauses = np.arange(300) * DT + np.arange(300) // 15 * 15 * DT
    assert taken_from(filtered, pauses) == 0
    assert "only 0 % of the last 2" in filtered.complaint


def test_a_rate_that_was_announced_is_compared_with_what_comes():
    filtered = FilteredStream(["a"], Counter(), replace(P, rate=130.0))
    with pytest.raises(ConfigError, match="but the parameter `rate` is 130"):
        taken_from(filtered, np.arange(300) * DT)
    filtered = FilteredStream(["a"], Counter(), replace(P, rate=110.0))  # nearly
    assert taken_from(filtered, np.arange(300) * DT) == 280


def test_stamps_that_are_no_rate_of_a_robot_make_no_filter():
    p = FilterParameters(rate=0.0, filter_seconds=0.04, filter_order=2)
    filtered = FilteredStream(["a"], Counter(), p)
    with pytest.raises(ConfigError, match="no rate of a robot"):
        for k in range(20):
            filtered.read(state(NANO + k))
    for k in range(20):
        with contextlib.suppress(ConfigError):
            filtered.read(state(NANO + 100 + k * DT))
    assert filtered.rate == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("rate", "seconds", "order", "jitter"),
    [
        (100, 0.2, 3, 0.0),
        (100, 0.2, 3, 0.3),
        (100, 1.0, 3, 0.0),
        (3, 1.0, 3, 0.3),
        (2, 1.0, 5, 0.0),
    ],
)
def test_no_window_holds_moments_from_both_sides_of_a_leap(rate, seconds, order, jitter):
    rng = np.random.default_rng(2)
    p = replace(P, filter_seconds=seconds, filter_order=order)
    filtered = FilteredStream(["a"], Counter(), p)
    period, origin, slope = NANO / rate, 5_000_000 * NANO, {}
    for piece, leap in enumerate((0, 10, -10, 3600, -3600, 10**6, -(10**6))):
        origin += round(leap * NANO + 150 * period)
        for k in range(150):
            msg = state(origin + round((k + jitter * rng.uniform(-1.0, 1.0)) * period))
            t = (msg.header.stamp.sec - origin // NANO) + (msg.header.stamp.nanosec) / NANO
            msg.velocity = [100.0 * piece + 0.1 * (piece + 1) * (t - origin % NANO / NANO)]
            with contextlib.suppress(BackwardsError):
                for sample in filtered.read(msg):
                    slope.setdefault(int((sample.v[0] + 1.0) // 100.0), []).append(sample.a[0])
    assert filtered.stream.restarts >= 5
    assert set(slope) == set(range(7))
    for piece, found in slope.items():
        np.testing.assert_allclose(found, 0.1 * (piece + 1), atol=1e-4)


@pytest.mark.parametrize("set_back", [3, 5, 12, 19])
def test_a_clock_that_is_set_back_by_less_than_a_restart_takes_mixes_no_moments(set_back):
    filtered, slopes = FilteredStream(["a"], Counter(), P), []
    for k in range(400):
        msg = state(NANO + (k - set_back * (k >= 200)) * DT)
        msg.velocity = [0.5 * k * DT / NANO]
        with contextlib.suppress(BackwardsError):
            slopes += [sample.a[0] for sample in filtered.read(msg)]
    np.testing.assert_allclose(slopes, 0.5, atol=1e-6)
    assert len(slopes) > 400 - set_back - 60  # but for two windows
    assert filtered.stream.restarts == 0  # whoever drives an arm goes on
    assert filtered.resets == 1


def test_single_samples_that_are_late_or_come_twice_are_no_clock_that_was_set_back(stream):
    for k in (19, 18, 20, 19, 20, 21, 15, 16, 22):
        with contextlib.suppress(BackwardsError):
            stream.read(state(NANO + k * DT))
    assert stream.seconds(NANO + 22 * DT) == pytest.approx(0.22)
