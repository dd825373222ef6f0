"""The time of a stream only goes forward, and whoever reads it learns what was lost."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from sensor_msgs.msg import JointState

from ml3_ros.bridges.messages import NANO, time_msg
from ml3_ros.errors import ConfigError
from ml3_ros.nodes.filtered_stream import FilteredStream
from ml3_ros.nodes.joint_stream import RESTART_AFTER, BackwardsError, JointStream

DT = NANO // 100


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
    stream.read(state(NANO + 25 * DT))
    assert stream._counts["lost samples"] == 5
    stream.read(state(NANO + 26 * DT + DT // 3))  # jitter is no loss
    assert stream._counts["lost samples"] == 5


def test_a_restarted_source_is_followed(stream):
    for k in range(RESTART_AFTER - 1):
        with pytest.raises(BackwardsError):
            stream.read(state(k * DT + DT))
    assert stream.read(state(RESTART_AFTER * DT)).stamp == RESTART_AFTER * DT
    assert stream.restarts == 1
    assert stream.seconds(RESTART_AFTER * DT) == pytest.approx(19 * 0.01 + 1.0)
    assert stream.stamp(stream.seconds(RESTART_AFTER * DT)) == RESTART_AFTER * DT
    assert stream._counts["lost samples"] == 0


def test_the_sampling_period_is_the_median_step(stream):
    assert JointStream(["a"], Counter()).period is None
    stream.read(state(NANO + 25 * DT))
    assert stream.period == pytest.approx(0.01)


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
    assert stream._counts == {"lost samples": 1, "restarts of the stream": 1}


def test_stamps_that_are_no_rate_of_a_robot_make_no_filter():
    p = {"rate": 0.0, "filter_window": 5, "filter_order": 2}
    filtered = FilteredStream(["a"], Counter(), p)
    with pytest.raises(ConfigError, match="no rate of a robot"):
        for k in range(20):
            filtered.read(state(NANO + k))
    for k in range(20):
        with contextlib.suppress(ConfigError):
            filtered.read(state(NANO + 100 + k * DT))
    assert filtered.rate == pytest.approx(100.0)
