# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Jitter and losses: nearly every sample comes out, as accurate as on even stamps."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.even_weights import window_samples
from ml3_ros.data.filters import (
    AccelerationFilter,
    savgol_acceleration,
    uneven_acceleration,
)
from ml3_ros.errors import DataError

RATES = (30.0, 100.0, 125.0, 500.0, 1000.0)
NOISE = 1e-3  # of velocities [rad/s]
N = 3


def motion(t):
    """Return v and a of N joints that move as exciting trajectories do, sums of slow sines."""
    rng = np.random.default_rng(7)
    omega = 2.0 * np.pi * rng.uniform(0.1, 1.0, (5, N))
    phase = omega * t[:, None, None] + rng.uniform(0.0, 2.0 * np.pi, (5, N))
    size = rng.uniform(0.1, 0.5, (5, N))
    return (size * np.sin(phase)).sum(1), (size * omega * np.cos(phase)).sum(1)


def jittered(rng, kind, rate, seconds, drops=0.02):
    """Return even times and stamps of a stream at `rate` [Hz], 2 % of it lost."""
    even = np.arange(round(seconds * rate)) / rate
    share = {
        "even": lambda: 0.0,
        "uniform": lambda: rng.uniform(-0.3, 0.3, len(even)),
        "gauss": lambda: 0.3 * rng.standard_normal(len(even)),
        # as on arrival: some wait for the next one, and both come nearly together
        "bursts": lambda: 0.95 * (rng.random(len(even)) < 0.3) * rng.uniform(0.5, 1.0, len(even)),
    }[kind]()
    stamps = np.maximum.accumulate(even + share / rate) + 1e-7 * np.arange(len(even))
    keep = rng.random(len(even)) >= drops
    return even[keep], stamps[keep]


def filtered(rng, rate, taken, stamps, filter_=None):
    """Return the share of the samples that come out, and the RMS error of accelerations."""
    v, a = motion(taken)
    v = v + NOISE * rng.standard_normal(v.shape)
    filter_ = filter_ or AccelerationFilter(N, 1.0 / rate)
    out = [o for t, row in zip(stamps, v, strict=True) for o in filter_.push(t, row, row, row)]
    at = np.searchsorted(stamps, [o.t for o in out])
    for o, row in zip(out, v[at], strict=True):
        np.testing.assert_array_equal(o.v, row)  # the sample itself stays as measured
    error = np.array([o.a for o in out]) - a[at]
    edges = 2 * window_samples(0.2, 1.0 / rate, 3) // 2
    return len(out) / (len(stamps) - edges), float(np.sqrt(np.mean(error**2)))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("kind", ["uniform", "gauss"])
def test_jitter_and_losses_cost_hardly_a_sample_and_no_accuracy(rate, kind):
    rng = np.random.default_rng(3)
    seconds = 30.0 if rate < 300.0 else 6.0
    even, _ = jittered(rng, "even", rate, seconds, drops=0.0)
    _, reference = filtered(rng, rate, even, even)
    _, stamps = jittered(rng, kind, rate, seconds)
    share, error = filtered(rng, rate, stamps, stamps)
    assert share >= 0.98
    assert error <= 1.3 * reference


@pytest.mark.parametrize(("kind", "rate"), [("bursts", 100.0), ("gauss", 100.0), ("gauss", 30.0)])
def test_samples_taken_evenly_and_stamped_late_show_in_the_residual_of_the_fit(kind, rate):
    rng = np.random.default_rng(4)
    even, stamps = jittered(rng, kind, rate, 30.0, drops=0.0)
    _, reference = filtered(rng, rate, even, even)
    share, error = filtered(rng, rate, even, stamps)
    assert share >= 0.98
    assert error <= 2.0 * reference  # the first tenths of a second is fitted at the stamps
    v, a = motion(even)
    v = v + NOISE * rng.standard_normal(v.shape)
    found, use = uneven_acceleration(stamps, v, 1.0 / rate, window_samples(0.2, 1 / rate, 3))
    assert use.mean() >= 0.98
    assert np.sqrt(np.mean((found - a)[use] ** 2)) <= 1.1 * reference


@pytest.mark.parametrize("off", [0.4e-3, 0.6e-3])
def test_half_a_millisecond_of_jitter_at_500_hz(off):
    rng = np.random.default_rng(5)
    taken = np.sort(np.arange(10_000) / 500.0 + off * rng.standard_normal(10_000))
    share, _ = filtered(rng, 500.0, taken, taken)
    assert share >= 0.98


@pytest.mark.parametrize("kind", ["even", "uniform", "gauss", "bursts"])
def test_a_recording_with_jitter_and_losses_gives_what_its_stream_gives(kind):
    rng = np.random.default_rng(6)
    _, stamps = jittered(rng, kind, 100.0, 20.0)
    v, a = motion(stamps)
    found, use = uneven_acceleration(stamps, v + NOISE * rng.standard_normal(v.shape), 0.01)
    assert use.mean() >= 0.98
    assert np.sqrt(np.mean((found - a)[use] ** 2)) < 0.012


def test_even_stamps_of_a_recording_give_the_same_numbers_as_ever():
    t = np.arange(3441) * 0.008
    v, _ = motion(t)
    found, use = uneven_acceleration(t, v, 0.008, 31)
    np.testing.assert_array_equal(found, savgol_acceleration(v, 0.008, 31))
    assert use.all()


def test_a_polynomial_is_met_exactly_at_any_times():
    rng = np.random.default_rng(8)
    t = np.cumsum(rng.uniform(0.1, 1.9, 400)) * 0.01
    v = np.stack((2.0 + 3.0 * t - t**2 + 0.5 * t**3, t**2), axis=1)
    a = np.stack((3.0 - 2.0 * t + 1.5 * t**2, 2.0 * t), axis=1)
    found, use = uneven_acceleration(t, v, 0.01)
    assert use.mean() > 0.9
    np.testing.assert_allclose(found[use], a[use], rtol=1e-6, atol=1e-6)


def test_the_windows_length_is_a_time():
    assert [window_samples(0.2, 1.0 / rate, 3) for rate in RATES] == [7, 21, 25, 101, 201]
    assert window_samples(0.25, 0.008, 3) == 31
    assert window_samples(0.2, 0.1, 3) == 5  # enough for a cubic


def test_no_window_reaches_across_a_gap():
    rng = np.random.default_rng(9)
    t = np.arange(400) * 0.01 + 0.003 * rng.uniform(-1.0, 1.0, 400)
    t[200:] += 0.5
    v = np.where(np.arange(400) < 200, 1.0, 50.0)[:, None] * np.ones(N)
    filter_ = AccelerationFilter(N, 0.01)
    out = [o for at, row in zip(t, v, strict=True) for o in filter_.push(at, row, row, row)]
    assert filter_.resets == 1
    assert len(out) >= 400 - 44
    assert max(np.abs(o.a).max() for o in out) < 1e-6


def test_samples_with_too_few_around_them_are_left_out_and_counted():
    t = np.arange(300) * 0.01
    t = np.delete(t, np.r_[150:158, 159:167])  # one alone amid 16 that are lost
    v, _ = motion(t)
    filter_ = AccelerationFilter(N, 0.01)
    out = [o for at, row in zip(t, v, strict=True) for o in filter_.push(at, row, row, row)]
    assert filter_.resets == 0
    assert 1 <= filter_.thin <= 20
    assert len(out) + filter_.thin == len(t) - 20


def test_a_crowd_of_stamps_fills_no_memory():
    filter_ = AccelerationFilter(1, 0.01)
    one = np.ones(1)
    for k in range(2000):
        filter_.push(k * 1e-6, one, one, one)
    assert "where one should come every 0.010000 s" in filter_.last_reset


def test_another_period_keeps_the_samples_so_far():
    t = np.arange(400) / 200.0
    v, a = motion(t)
    filter_ = AccelerationFilter(N, 0.007)  # a first guess
    out = []
    for k, row in enumerate(v):
        if k == 100:
            filter_.retime(0.005)
        out += filter_.push(t[k], row, row, row)
    assert len(out) >= 400 - 44
    at = np.searchsorted(t, [o.t for o in out])
    np.testing.assert_allclose(np.array([o.a for o in out]), a[at], atol=0.02)


def test_too_short_recordings_are_named():
    with pytest.raises(DataError, match="at least 21 rows"):
        uneven_acceleration(np.arange(20) * 0.01, np.zeros((20, N)), 0.01)


@pytest.mark.parametrize("huge", [1e155, -1e200, 1e308])
@pytest.mark.parametrize("signal", range(3))
def test_a_number_that_would_overflow_is_rejected_and_spoils_nothing_that_follows(huge, signal):
    rng = np.random.default_rng(9)
    even, stamps = jittered(rng, "gauss", 100.0, 4.0, drops=0.0)
    v, _ = motion(even)
    filters = AccelerationFilter(N, 0.01), AccelerationFilter(N, 0.01)
    out = ([], [])
    for k, (t, row) in enumerate(zip(stamps, v, strict=True)):
        if k == 200:
            bad = [row] * 3
            bad[signal] = np.where(np.arange(N) == 1, huge, row)
            with pytest.raises(DataError, match="drop it at the source"):
                filters[0].push(t - 1e-6, *bad)
        for each, filter_ in zip(out, filters, strict=True):
            each.extend(filter_.push(t, row, row, row))
    np.testing.assert_array_equal([o.a for o in out[0]], [o.a for o in out[1]])
