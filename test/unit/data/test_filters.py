# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Accelerations: exact on polynomials, streaming equals offline, gaps start a new window."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from ml3_ros.data.filters import AccelerationFilter, savgol_acceleration
from ml3_ros.errors import ConfigError, DataError

DT = 0.01


def signals(count, n=3):
    rng = np.random.default_rng(0)
    return np.arange(count) * DT, *rng.normal(size=(3, count, n))


def stream(filter_, t, q, v, tau):
    return [out for row in zip(t, q, v, tau, strict=True) for out in filter_.push(*row)]


def test_offline_is_exact_on_cubics_even_at_the_ends():
    t = np.arange(60) * DT
    v = np.stack((1.0 + 2.0 * t - 3.0 * t**2 + 5.0 * t**3, -t), axis=1)
    expected = np.stack((2.0 - 6.0 * t + 15.0 * t**2, -np.ones_like(t)), axis=1)
    np.testing.assert_allclose(savgol_acceleration(v, DT), expected, atol=1e-9)


def test_offline_is_scipys_filter():
    signal = pytest.importorskip("scipy.signal")
    v = signals(100)[2]
    for window, order in ((21, 3), (9, 2), (5, 4)):
        expected = signal.savgol_filter(v, window, order, deriv=1, delta=DT, axis=0)
        np.testing.assert_allclose(
            savgol_acceleration(v, DT, window, order), expected, rtol=1e-8, atol=1e-8
        )


def test_noise_shrinks_and_slow_motion_stays():
    t = np.arange(3000) * DT
    omega = 2.0 * np.pi * 0.8
    exact = omega * np.cos(omega * t)[:, None]
    v = np.sin(omega * t)[:, None] + 1e-3 * np.random.default_rng(0).normal(size=(3000, 1))
    filtered = savgol_acceleration(v, DT) - exact
    differenced = np.gradient(v, DT, axis=0) - exact
    assert filtered.std() < 0.3 * differenced.std()
    assert filtered.std() < 0.02 * exact.std()


@pytest.mark.parametrize(("window", "order"), [(21, 3), (5, 2)])
def test_streaming_equals_offline_bit_by_bit(window, order):
    t, q, v, tau = signals(100)
    filter_ = AccelerationFilter(3, DT, (window - 1) * DT, order)
    outputs = stream(filter_, t, q, v, tau)
    half = window // 2
    centre = slice(half, 100 - half)
    assert len(outputs) == 100 - 2 * half
    np.testing.assert_array_equal([o.t for o in outputs], t[centre])
    np.testing.assert_array_equal([o.q for o in outputs], q[centre])
    np.testing.assert_array_equal([o.v for o in outputs], v[centre])
    np.testing.assert_array_equal([o.tau for o in outputs], tau[centre])
    offline = savgol_acceleration(v, DT, window, order)[centre]
    np.testing.assert_array_equal([o.a for o in outputs], offline)
    assert filter_.resets == filter_.duplicates == 0
    assert filter_.delay == pytest.approx(half * DT)


def test_results_do_not_change_later():
    t, q, v, tau = signals(60)
    outputs = stream(AccelerationFilter(3, DT), t, q, v, tau)
    np.testing.assert_array_equal(outputs[0].q, q[10])
    np.testing.assert_array_equal(outputs[0].tau, tau[10])


@pytest.mark.parametrize("jump", [11 * DT, -3 * DT, 10.0, -10.0, -DT])
def test_a_jump_in_time_starts_a_new_window(jump):
    t, q, v, tau = signals(80)
    t[40:] += jump
    filter_ = AccelerationFilter(3, DT)
    outputs = stream(filter_, t, q, v, tau)
    if jump == -DT:  # the sample at 40 bears the time of the one before
        assert (filter_.resets, filter_.duplicates) == (0, 1)
        return
    assert filter_.resets == 1
    assert "s from the last, more than half a window of 0.210 s" in filter_.last_reset
    np.testing.assert_array_equal([o.t for o in outputs], np.concatenate((t[10:30], t[50:70])))
    expected = np.concatenate(
        (savgol_acceleration(v[:40], DT)[10:30], savgol_acceleration(v[40:], DT)[10:30])
    )
    np.testing.assert_array_equal([o.a for o in outputs], expected)


def test_jitter_is_no_gap_and_duplicates_are_dropped():
    t, q, v, tau = signals(60)
    t = t + 0.2 * DT * np.random.default_rng(1).uniform(-1.0, 1.0, 60)
    filter_ = AccelerationFilter(3, DT)
    outputs = []
    for row in zip(t, q, v, tau, strict=True):
        outputs += filter_.push(*row)
        assert filter_.push(*row) == []
    assert (filter_.resets, filter_.duplicates) == (0, 60)
    np.testing.assert_array_equal([output.t for output in outputs], t[10:50])


def test_samples_that_cannot_be_used_leave_the_filter_unchanged():
    t, q, v, tau = signals(60)
    filter_ = AccelerationFilter(3, DT)
    outputs = stream(filter_, t[:30], q[:30], v[:30], tau[:30])
    for bad in (
        (t[30], q[30], v[30], np.full(3, np.nan)),
        (np.nan, q[30], v[30], tau[30]),
        (t[30], q[30][:2], v[30], tau[30]),
    ):
        with pytest.raises(DataError):
            filter_.push(*bad)
    outputs += stream(filter_, t[30:], q[30:], v[30:], tau[30:])
    np.testing.assert_array_equal([o.a for o in outputs], savgol_acceleration(v, DT)[10:50])


def test_invalid_filter_settings_are_rejected():
    for keywords, name in (
        ({"seconds": 0.0}, "window"),
        ({"seconds": float("nan")}, "window"),
        ({"order": 0}, "order"),
        ({"dt": 0.0}, "dt"),
        ({"dt": float("nan")}, "dt"),
    ):
        with pytest.raises(ConfigError, match=name):
            AccelerationFilter(3, **({"dt": DT} | keywords))
    for window, order, name in ((20, 3, "window"), (1, 1, "window"), (21, 21, "order")):
        with pytest.raises(ConfigError, match=name):
            savgol_acceleration(np.zeros((30, 3)), DT, window, order)
    with pytest.raises(DataError, match="at least 21 rows"):
        savgol_acceleration(np.zeros((20, 3)), DT)


def test_the_filter_loads_no_physics_engine():
    code = (
        "import sys, ml3_ros.robots, ml3_ros.data.filters, ml3_ros.robots.control.trajectories\n"
        "print(sorted({'mujoco', 'pinocchio', 'scipy', 'rclpy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
