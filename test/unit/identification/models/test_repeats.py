# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Motion that comes again is found with its period; other motion raises no alarm."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.identification.models.repeats import find_repeats, near_twins, standardised
from ml3_ros.robots.control.trajectories import Excitation
from ml3_ros.robots.registry import load_robot

RATE = 100.0
NAMES = ("shoulder", "elbow", "wrist")


def times(seconds):
    return np.arange(round(seconds * RATE)) / RATE


def periodic(t, period, seed=0, n=3, harmonics=5):
    """Return q and v (T, n): sums of sines whose frequencies are multiples of one."""
    rng = np.random.default_rng(seed)
    k = np.arange(1, harmonics + 1)[:, None]
    omega, amplitude = 2.0 * np.pi * k / period, rng.normal(size=(harmonics, n)) / k
    angle = omega * t[:, None, None] + rng.uniform(0.0, 2.0 * np.pi, (harmonics, n))
    return (amplitude * np.sin(angle)).sum(1), (amplitude * omega * np.cos(angle)).sum(1)


def other(t, seed, n=3):
    """Return q and v (T, n) of a band-limited motion that never comes again."""
    rng = np.random.default_rng(seed)
    omega, amplitude = 2.0 * np.pi * rng.uniform(0.05, 0.8, (30, n)), rng.normal(size=(30, n)) / 5
    angle = omega * t[:, None, None] + rng.uniform(0.0, 2.0 * np.pi, (30, n))
    return (amplitude * np.sin(angle)).sum(1), (amplitude * omega * np.cos(angle)).sum(1)


def noisy(signals, share, seed=1):
    rng = np.random.default_rng(seed)
    return tuple(x + share * x.std() * rng.normal(size=x.shape) for x in signals)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("period", "seconds"),
    [(6.0, 60.0), (6.0037, 60.0), (0.83, 30.0), (12.0, 24.0), (13.3, 21.0), (20.0, 120.0)],
    ids=["6 s", "no whole number of samples", "fast", "twice", "one time and a half", "slow"],
)
def test_the_period_is_found(period, seconds, seed):
    t = times(seconds)
    found = find_repeats(NAMES, t, *periodic(t, period, seed))
    assert found.periods == (pytest.approx(period, rel=0.02),)
    assert found.share > (0.9 if seconds >= 2.0 * period else 0.5)
    assert found.joints == NAMES


def test_noise_drift_and_uneven_times_do_not_hide_it():
    t = times(60.0)
    q, v = periodic(t, 6.0)
    rng = np.random.default_rng(2)
    uneven = t + rng.uniform(-0.004, 0.004, t.shape)
    gap = (t < 20.0) | (t > 23.0)
    for name, (t_, q_, v_) in {
        "noise": (t, *noisy((q, v), 0.1)),
        "drift": (t, q + 0.5 * q.std(axis=0) * t[:, None] / t[-1], v),
        "uneven": (uneven, *periodic(uneven, 6.0)),
        "gap": (t[gap], q[gap], v[gap]),
        "a pause of a month": (t + 3e6 * (t > 30.0), q, v),
        "1 kHz": (t / 10.0, *periodic(t / 10.0, 1.2)),
    }.items():
        found = find_repeats(NAMES, t_, q_, v_)
        period = 1.2 if name == "1 kHz" else 6.0
        assert found.periods == (pytest.approx(period, rel=0.02),), name
        assert found.share > 0.8, name


def test_a_joint_at_rest_neither_hides_nor_has_it():
    t = times(60.0)
    q, v = periodic(t, 6.0)
    q[:, 1], v[:, 1] = 0.7, 0.0
    found = find_repeats(NAMES, t, *noisy((q, v), 0.01))
    assert found.periods == (pytest.approx(6.0, rel=0.02),)
    assert found.joints == ("shoulder", "wrist")


def test_slow_and_fast_repeats_of_one_recording_are_both_found():
    slow, fast = times(36.0), times(25.0)
    q, v = (
        np.vstack(parts)
        for parts in zip(periodic(slow, 9.0), periodic(fast, 3.1, seed=5), strict=True)
    )
    found = find_repeats(NAMES, times(61.0), q, v)
    assert sorted(found.periods) == [pytest.approx(3.1, rel=0.02), pytest.approx(9.0, rel=0.02)]
    assert found.share > 0.9


def test_the_sentence_names_period_share_and_joints():
    t = times(60.0)
    found = find_repeats(NAMES, t, *periodic(t, 6.0))
    assert str(found) == "the motion repeats every 6.00 s (shoulder, elbow, wrist)"
    q, v = (np.vstack([x, y]) for x, y in zip(other(t, 0), periodic(t, 6.0), strict=True))
    assert "% of the motion repeats every 6.00 s" in str(find_repeats(NAMES, times(120.0), q, v))
    assert str(find_repeats(NAMES, t, *other(t, 0))) == "none of the motion comes again"


@pytest.mark.parametrize("seconds", [24.0, 120.0])
@pytest.mark.parametrize("n", [1, 2, 6])
def test_motion_that_never_comes_again_raises_no_alarm(n, seconds):
    t, names = times(seconds), tuple(map(str, range(n)))
    for seed in range(5):
        assert find_repeats(names, t, *other(t, seed, n)).periods == ()
        assert find_repeats(names, t, *periodic(t, seconds, seed, n, 20)).periods == ()


def test_excitations_of_the_package_never_come_again():
    t, arm = times(60.0), load_robot("sawyer")
    for seed in range(3):
        q, v, _ = Excitation(arm.limits, arm.home, seed).at(t)
        assert find_repeats(arm.names, t, q, v).periods == ()


def test_an_arm_at_rest_does_not_repeat():
    t = times(30.0)
    still = np.ones((len(t), 3))
    assert find_repeats(NAMES, t, still, 0.0 * still).periods == ()
    assert find_repeats(NAMES, t, *noisy((1e-4 * periodic(t, 60.0)[0], still), 0.1)).periods == ()
    q, v = other(t, 0)  # and one that moves once between long rests
    moving = ((t > 10.0) & (t < 20.0))[:, None]
    q = np.where(moving, q, np.where(t[:, None] < 15.0, q[1000], q[2000]))
    assert find_repeats(NAMES, t, q, v * moving).periods == ()
    assert find_repeats(NAMES, t[:300], q[:300], v[:300]).periods == ()


def test_twins_are_near_in_every_signal_in_units_of_its_spread():
    t = times(24.0)
    q, v = other(t, 0)
    x = standardised(q, 100.0 * v, 0.0 * v)
    assert near_twins(x[:5] + 0.05, x).all()
    assert not near_twins(x[:5] + 0.5, x).any()
    assert not near_twins(x, x[:0]).any()
