# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Laps: one motion again and again, and the way to where it begins."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.control.approach import SPEED_SHARE, Approach
from ml3_ros.robots.control.laps import Laps
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig

PERIOD = 4.0


def motion(arm, **shape):
    shape = {"period": PERIOD, "piece_seconds": 2.0 + PERIOD, **shape}
    return Excitation(arm.limits, arm.home, 3, ExcitationConfig(**shape))


def test_every_lap_is_the_same_and_nothing_jumps(arm):
    laps = Laps(motion(arm))
    at_rest = laps.at(0.0)
    np.testing.assert_allclose(at_rest[0], arm.home)
    np.testing.assert_allclose(at_rest[1], 0.0)
    dt = 1e-3
    times = np.arange(0.0, laps.begins + 2.5 * PERIOD, dt)
    q, v, a = (np.array(x) for x in zip(*map(laps.at, times), strict=True))
    for x, slope in ((q, v), (v, a)):  # also from one lap to the next
        np.testing.assert_allclose(
            np.diff(x, axis=0) / dt, (slope[1:] + slope[:-1]) / 2, atol=0.01
        )
    first = times >= laps.begins
    length = round(PERIOD / dt)
    np.testing.assert_allclose(q[first][length : 2 * length], q[first][:length], atol=1e-9)
    assert (np.ptp(q[first], axis=0) > 0.2).all()
    assert (q >= arm.limits.lower).all()
    assert (np.abs(v) <= arm.limits.velocity).all()


def test_laps_are_counted_from_where_the_motion_repeats(reacher):
    laps = Laps(motion(reacher))
    assert [laps.lap(t) for t in (0.0, 1.99, 2.0, 5.99, 6.01, 14.5)] == [-1, -1, 0, 0, 1, 3]
    assert laps.into(14.5) == pytest.approx(0.5)


@pytest.mark.parametrize("shape", [{"period": 0.0}, {"piece_seconds": 5.0}])
def test_a_motion_that_does_not_repeat_within_a_piece_is_rejected(reacher, shape):
    with pytest.raises(ConfigError, match="period"):
        Laps(motion(reacher, **shape))


def test_an_arm_is_led_smoothly_and_slowly_to_the_beginning(arm):
    way = np.linspace(0.2, 0.9, arm.nv)
    approach = Approach(arm.home + way, motion(arm), shortest=0.1)
    times = np.linspace(0.0, approach.seconds, 400)
    q, v, a = (np.array(x) for x in zip(*map(approach.at, times), strict=True))
    np.testing.assert_allclose(q[[0, -1]], [arm.home + way, arm.home], atol=1e-9)
    np.testing.assert_allclose(v[[0, -1]], 0.0, atol=1e-9)
    np.testing.assert_allclose(a[[0, -1]], 0.0, atol=1e-9)
    dt = times[1]
    np.testing.assert_allclose(np.gradient(q, dt, axis=0)[1:-1], v[1:-1], atol=0.01)
    np.testing.assert_allclose(np.gradient(v, dt, axis=0)[1:-1], a[1:-1], atol=0.05)
    assert np.abs(v / arm.limits.velocity).max() == pytest.approx(SPEED_SHARE, rel=0.01)
    later = approach.at(approach.seconds + 3.0)
    np.testing.assert_array_equal(later[0], motion(arm).at(3.0)[0])


def test_invalid_poses_are_rejected(reacher):
    with pytest.raises(RobotError, match="pose of the arm"):
        Approach([np.nan, 0.0], motion(reacher), shortest=1.0)


@pytest.mark.parametrize("t", [np.nan, np.inf, -np.inf])
def test_invalid_times_have_no_place_on_the_way(reacher, t):
    laps = Laps(motion(reacher))
    for motion_or_way in (laps, Approach(reacher.home, laps, 1.0)):
        with pytest.raises(ConfigError, match="finite"):
            motion_or_way.at(t)
