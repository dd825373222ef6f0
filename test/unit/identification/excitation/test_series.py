# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Series begin and end at rest at the start, and their derivatives are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.identification.excitation.series import FourierSeries


def test_a_series_begins_and_ends_at_rest_at_the_start(series):
    free = series.basis(np.zeros(1))[0].shape[1]
    assert free == 2 * series.harmonics - 2 == 14
    x = np.random.default_rng(0).normal(size=(2, free))
    q, v, a = series.path(x, np.array([0.0, series.seconds, 3.0]))
    np.testing.assert_allclose(q[:2], [series.start] * 2, atol=1e-12)
    np.testing.assert_allclose(v[:2], 0.0, atol=1e-12)
    np.testing.assert_allclose(a[:2], 0.0, atol=1e-11)
    assert np.abs(v[2]).min() > 1e-3


def test_velocities_and_accelerations_are_derivatives(series):
    x = np.random.default_rng(1).normal(size=(2, 14))
    t, h = np.linspace(0.5, 9.5, 50), 1e-5
    before, here, after = (series.path(x, t + s) for s in (-h, 0.0, h))
    np.testing.assert_allclose((after[0] - before[0]) / (2 * h), here[1], atol=1e-6)
    np.testing.assert_allclose((after[1] - before[1]) / (2 * h), here[2], atol=1e-6)


def test_too_short_a_series_is_rejected():
    with pytest.raises(ConfigError, match=r"give at least 3\.75 s"):
        FourierSeries(start=np.zeros(2), seconds=3.0, highest=0.8)
