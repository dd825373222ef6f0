# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of found motions compares errors of the same arms, in the same way."""

from __future__ import annotations

import numpy as np

from ml3_ros.benchmarks.excitation import _compared, _errors


def test_ratios_of_errors():
    found, random = np.array([1.0, 1.0, 8.0]), np.array([2.0, 4.0, 4.0])
    geometric, median, squares = _compared(found, random)
    np.testing.assert_allclose(geometric, (1 / 2 * 1 / 4 * 2) ** (1 / 3))
    assert median == 0.5
    np.testing.assert_allclose(squares, np.sqrt(66.0 / 36.0))


def test_motion_that_goes_on_tells_more(model, motion):
    short, long = (_errors(model, motion.at, seconds, seed=0) for seconds in (6.0, 12.0))
    assert short.shape == long.shape
    assert _compared(long, short)[0] < 0.9
