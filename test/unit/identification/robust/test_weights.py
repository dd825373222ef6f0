# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Weights of robust regression: properties that each must have, and values that are known."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, DataError
from ml3_ros.identification.robust.weights import (
    WEIGHTS,
    cauchy,
    evidence,
    huber,
    quantile_scale,
    toward_base,
    tukey,
    windowed_mean,
)


@pytest.mark.parametrize("loss", list(WEIGHTS))
def test_weights_are_even_fall_from_one_and_stay_in_the_unit_interval(loss):
    weight, width = WEIGHTS[loss]
    u = np.linspace(0.0, 50.0, 2001)
    w = weight(u, width)
    assert w[0] == 1.0 and (w >= 0.0).all() and (w <= 1.0).all()
    assert (np.diff(w) <= 1e-15).all()
    np.testing.assert_array_equal(weight(-u, width), w)


@pytest.mark.parametrize("loss", list(WEIGHTS))
def test_usual_widths_are_95_percent_as_efficient_as_least_squares(loss):
    """Asymptotic efficiency of the location estimate: E[psi']^2 / E[psi^2] under the Gaussian."""
    weight, width = WEIGHTS[loss]
    u = np.linspace(-12.0, 12.0, 240_001)
    density = np.exp(-0.5 * u**2) / np.sqrt(2.0 * np.pi)
    psi = u * weight(u, width)
    slope = np.gradient(psi, u)
    step = u[1] - u[0]
    efficiency = (slope @ density * step) ** 2 / (psi**2 @ density * step)
    assert efficiency == pytest.approx(0.95, abs=0.003)


def test_known_values():
    assert tukey(np.array([1.0, 2.0, 3.0]), 2.0).tolist() == [0.5625, 0.0, 0.0]
    assert cauchy(np.array([2.0, 4.0]), 2.0).tolist() == [0.5, 0.2]
    assert huber(np.array([0.5, 1.0, -4.0, 0.0]), 1.0).tolist() == [1.0, 1.0, 0.25, 1.0]


def test_the_scale_is_that_of_noise_whichever_share_is_trusted():
    noise = np.random.default_rng(0).normal(size=(40_000, 2)) * [0.1, 3.0]
    for share in (0.3, 0.5, 0.7):
        np.testing.assert_allclose(quantile_scale(noise, share), [0.1, 3.0], rtol=0.03)
    noise[:24_000] += 1e6  # 60 % of the rows may be anything
    assert (quantile_scale(noise, 0.3) < [0.3, 9.0]).all()
    assert (quantile_scale(noise, 0.5) > 1e5).all()
    with pytest.raises(ConfigError, match="share"):
        quantile_scale(noise, 1.0)
    with pytest.raises(DataError, match="got none"):
        quantile_scale(noise[:0])


def test_windows_are_of_time_whatever_the_steps():
    t = np.array([0.0, 0.1, 0.2, 1.0, 1.05])
    x = np.array([[1.0], [2.0], [3.0], [10.0], [20.0]])
    np.testing.assert_allclose(windowed_mean(x, t, 0.1)[:, 0], [1.5, 2.0, 2.5, 15.0, 15.0])
    np.testing.assert_allclose(windowed_mean(x, t, 0.0), x)


def test_what_is_seen_at_a_joint_loads_all_joints_before_it_and_none_beyond():
    u = np.array([[0.0, 5.0, 1.0], [7.0, 0.0, 2.0]])
    assert toward_base(u).tolist() == [[5.0, 5.0, 1.0], [7.0, 2.0, 2.0]]


def test_evidence_of_noise_is_one_and_of_a_long_touch_many():
    rng = np.random.default_rng(0)
    t = np.arange(2000) / 100.0
    residual = rng.normal(size=(2000, 2)) * [2.0, 0.5]
    residual[500:700, 1] += 5.0
    u = evidence(residual, np.array([2.0, 0.5]), t, 0.1)
    assert 0.8 < np.median(u) < 1.2 and u[:480].max() < 1.8
    assert (u[520:680] > 5.0).all()  # at the shoulder too, which shows nothing itself
