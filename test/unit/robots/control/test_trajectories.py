# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Excitation: smooth, within all limits, deterministic, and rich enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.base import JointLimits
from ml3_ros.robots.control.trajectories import (
    Excitation,
    ExcitationConfig,
    peak_effort,
    within_effort,
)
from ml3_ros.robots.pinocchio_model import PinocchioModel


def test_velocity_and_acceleration_are_the_derivatives(arm):
    excitation = Excitation(arm.limits, arm.home, 3)
    t, h = np.linspace(0.01, 29.99, 5000), 1e-5
    after, before = excitation.at(t + h), excitation.at(t - h)
    _, v, a = excitation.at(t)
    np.testing.assert_allclose((after[0] - before[0]) / (2 * h), v, atol=1e-7)
    # 1e-3: the acceleration's own slope is discontinuous where a change-over begins and ends
    np.testing.assert_allclose((after[1] - before[1]) / (2 * h), a, atol=1e-3)


@pytest.mark.parametrize("join", [0.0, 2.0, 5.0, 7.0, 1000.0, 1002.0])
def test_twice_continuous_where_pieces_join(sawyer, join):
    excitation = Excitation(sawyer.limits, sawyer.home, 1)
    before, after = excitation.at(join - 1e-9), excitation.at(join + 1e-9)
    for x, y in zip(before, after, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)


def test_starts_at_home_at_rest(arm):
    for t in (0.0, -1.0):
        q, v, a = Excitation(arm.limits, arm.home, 0).at(t)
        np.testing.assert_array_equal(q, arm.home)
        np.testing.assert_array_equal(v, 0.0)
        np.testing.assert_array_equal(a, 0.0)


@pytest.mark.parametrize("seed", range(10))
def test_position_velocity_and_acceleration_limits_are_kept(arm, seed):
    q, v, a = Excitation(arm.limits, arm.home, seed).at(np.arange(0.0, 60.0, 0.005))
    limits = arm.limits
    assert (q > limits.lower).all() and (q < limits.upper).all()
    assert (np.abs(v) < 0.95 * limits.velocity).all()
    assert (np.abs(a) < 0.95 * limits.acceleration).all()


@pytest.mark.parametrize("seed", range(10))
def test_effort_limits_are_kept(arm, seed):
    peak = peak_effort(Excitation(arm.limits, arm.home, seed), PinocchioModel(arm), 60.0)
    assert (peak < 0.9 * arm.limits.effort).all()
    assert (peak > 0.0).all()


def test_narrow_limits_make_smaller_motion(sawyer):
    tight = JointLimits(
        lower=sawyer.home - 0.2,
        upper=sawyer.home + 0.2,
        velocity=np.full(7, 0.3),
        effort=sawyer.limits.effort,
        acceleration=np.full(7, 0.8),
    )
    q, v, a = Excitation(tight, sawyer.home, 0).at(np.arange(0.0, 60.0, 0.005))
    assert (np.abs(q - sawyer.home) < 0.2).all()
    assert (np.abs(v) < 0.3).all() and (np.abs(a) < 0.8).all()
    assert (np.ptp(q, axis=0) > 0.1).all()


def test_no_limits_are_fine():
    free = JointLimits(
        lower=np.full(2, -np.inf),
        upper=np.full(2, np.inf),
        velocity=np.full(2, np.inf),
        effort=np.full(2, np.inf),
        acceleration=np.full(2, np.inf),
    )
    q, _, _ = Excitation(free, np.zeros(2), 0).at(np.arange(0.0, 60.0, 0.1))
    assert (np.ptp(q, axis=0) > 0.5).all()
    assert np.abs(q).max() <= 1.0


def test_equal_seeds_are_equal_whatever_is_evaluated_first(sawyer):
    one, other = (Excitation(sawyer.limits, sawyer.home, 4) for _ in range(2))
    t = np.random.default_rng(0).uniform(0.0, 100.0, 50)
    late = one.at(90.0)
    rows = [other.at(x) for x in t]
    for k in range(3):
        np.testing.assert_allclose(one.at(t)[k], [row[k] for row in rows], rtol=0, atol=1e-12)
        np.testing.assert_allclose(late[k], other.at([90.0])[k][0], rtol=0, atol=1e-12)


def test_other_seeds_are_other_trajectories(sawyer):
    t = np.arange(2.0, 60.0, 0.1)
    q = [Excitation(sawyer.limits, sawyer.home, seed).at(t)[0] for seed in (0, 1)]
    assert (np.abs(q[0] - q[1]).mean(axis=0) > 0.1).all()


def test_every_piece_is_a_new_pose_with_lively_accelerations(sawyer):
    q, _, a = Excitation(sawyer.limits, sawyer.home, 0).at(np.arange(0.0, 60.0, 0.01))
    assert (np.ptp(q, axis=0) > 0.8).all()
    assert (a.std(axis=0) > 1.0).all()
    centres = q.reshape(12, 500, 7).mean(axis=1)
    assert (centres.std(axis=0) > 0.05).all()


def test_at_work_joints_move_together_and_later_each_for_itself(sawyer):
    shape = ExcitationConfig(piece_seconds=10.0, work_seconds=20.0)
    motion = Excitation(sawyer.limits, sawyer.home, 3, shape)
    shares = []
    for number in (1, 2, 3, 4):
        t = np.arange(10.0 * number - 8.0, 10.0 * number, 0.02) - 0.01  # between two changes
        a = motion.at(t)[2]
        singular = np.linalg.svd(a / a.std(axis=0), compute_uv=False)
        shares.append((singular[1:] ** 2).sum() / (singular**2).sum())
    assert max(shares[:2]) < 0.05  # nearly in proportion
    assert min(shares[2:]) > 0.3


def test_working_motion_keeps_the_limits(sawyer):
    shape = ExcitationConfig(work_seconds=60.0, amplitude=1.5, frequency=(0.5, 1.5))
    for seed in range(3):
        q, v, a = Excitation(sawyer.limits, sawyer.home, seed, shape).at(np.arange(0, 60, 0.01))
        assert (q >= sawyer.limits.lower + 0.04).all() and (q <= sawyer.limits.upper - 0.04).all()
        assert (np.abs(v) <= 0.96 * sawyer.limits.velocity).all()
        assert (np.abs(a) <= 0.96 * sawyer.limits.acceleration).all()
        assert np.ptp(q[1000:], axis=0).min() > 0.05


def test_smaller_amplitudes_where_effort_is_short(sawyer):
    model = PinocchioModel(sawyer)
    full = Excitation(sawyer.limits, sawyer.home, 0)
    assert within_effort(full, model, 20.0).config.amplitude == full.config.amplitude
    weak = JointLimits(
        lower=sawyer.limits.lower,
        upper=sawyer.limits.upper,
        velocity=sawyer.limits.velocity,
        effort=0.8 * peak_effort(full, model, 20.0) + 0.01,
        acceleration=sawyer.limits.acceleration,
    )
    smaller = within_effort(Excitation(weak, sawyer.home, 0), model, 20.0, share=1.0)
    assert 0.0 < smaller.config.amplitude < full.config.amplitude
    assert (peak_effort(smaller, model, 20.0) <= weak.effort).all()
    with pytest.raises(ConfigError, match="another home"):
        within_effort(full, model, 5.0, share=0.01)


def test_a_motion_made_smaller_keeps_the_rest_of_its_shape(sawyer):
    shape = ExcitationConfig(limit_share=0.5, position_margin=0.2, period=3.0)
    careful = Excitation(sawyer.limits, sawyer.home, 0, shape)
    assert within_effort(careful, PinocchioModel(sawyer), 5.0).config == shape


def test_settings_that_cannot_be_planned_are_rejected(sawyer):
    for keywords in (
        {"blend_seconds": 6.0},
        {"blend_seconds": 0.0},
        {"n_sines": 0},
        {"frequency": (0.8, 0.1)},
        {"period": -1.0},
        {"frequency": (0.0, 0.1)},
        {"amplitude": -1.0},
        {"centre": float("nan")},
        {"frequency": (0.1, float("inf"))},
        *(
            {name: float("inf")}
            for name in (
                "piece_seconds",
                "blend_seconds",
                "amplitude",
                "centre",
                "position_margin",
                "period",
            )
        ),
    ):
        with pytest.raises(ConfigError):
            ExcitationConfig(**keywords)
    with pytest.raises(ConfigError, match="home of joint right_j1"):
        Excitation(sawyer.limits, sawyer.home + 3.5 * (np.arange(7) == 1), 0)
    nowhere = replace(
        sawyer.limits, upper=np.where(np.arange(7) == 2, np.nan, sawyer.limits.upper)
    )
    with pytest.raises(ConfigError, match="home of joint right_j2"):
        Excitation(nowhere, sawyer.home, 0)
    with pytest.raises(RobotError, match="home"):
        Excitation(sawyer.limits, sawyer.home[:3], 0)
    with pytest.raises(ConfigError, match="seed"):
        Excitation(sawyer.limits, sawyer.home, -1)
    with pytest.raises(ConfigError, match="t must"):
        Excitation(sawyer.limits, sawyer.home, 0).at(np.nan)


def test_a_seed_means_the_same_path_in_every_release(sawyer):
    # results in docs/ name their seeds: another order of draws would make them of other paths
    q = Excitation(sawyer.limits, sawyer.home, 3).at(8.0)[0]
    np.testing.assert_allclose(
        q, [0.311598, -1.013789, -0.278933, 1.801039, 0.068722, 0.213937, 2.688753], atol=1e-6
    )


@pytest.mark.parametrize("t", [1e9, 1.7e18, 1e308, [0.0, 1e9]])
def test_times_of_a_clock_are_rejected_and_leave_the_motion_as_it_was(sawyer, t):
    excitation = Excitation(sawyer.limits, sawyer.home, 0)
    before = excitation.at(12.0)
    with pytest.raises(ConfigError, match="since the motion began"):
        excitation.at(t)
    np.testing.assert_array_equal(excitation.at(12.0), before)
