# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Smoothing and spectrum are those of scipy.signal."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import savgol_filter, welch

from ml3_ros.errors import DataError
from ml3_ros.identification.models.smoothing import power_spectrum, smoothed

X = np.cumsum(np.random.default_rng(0).normal(size=(700, 3)), axis=0)


@pytest.mark.parametrize(("window", "order"), [(5, 2), (9, 2), (25, 3), (31, 3)])
def test_smoothing_is_savitzky_golays(window, order):
    expected = savgol_filter(X, window, order, axis=0)
    np.testing.assert_allclose(smoothed(X, window, order), expected, atol=1e-9)


@pytest.mark.parametrize("segment", [256, 255, 700])
def test_the_spectrum_is_welchs(segment):
    frequency, power = power_spectrum(X, 125.0, segment)
    expected = welch(X, fs=125.0, nperseg=segment, axis=0)
    np.testing.assert_allclose(frequency, expected[0])
    np.testing.assert_allclose(power, expected[1], rtol=1e-6, atol=1e-12)


def test_too_few_rows_are_rejected():
    with pytest.raises(DataError, match="at least 31 rows"):
        smoothed(X[:30], 31, 3)
