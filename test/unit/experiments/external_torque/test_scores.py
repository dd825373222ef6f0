# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Scores of contact detection on numbers that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ml3_ros.errors import DataError
from ml3_ros.experiments.external_torque.scores import area, detection_delays, lag, roc

TOUCHED = np.array([0, 0, 1, 1, 1, 0, 1, 0], dtype=bool)
SCORE = np.array([0.1, 0.4, 0.2, 0.9, 0.8, 0.3, 0.35, 0.0])


def test_the_roc_curve_counts_touched_samples_above_each_threshold():
    found = roc(SCORE, TOUCHED, np.array([0.0, 1.0 / 3.0, 1.0]))
    np.testing.assert_allclose(found, [0.5, 0.75, 1.0])  # above 0.4, 0.3 and 0.0


def test_the_area_is_that_of_another_library():
    rng = np.random.default_rng(0)
    touched = rng.random(500) < 0.3
    score = rng.normal(size=500) + touched
    assert area(score, touched) == pytest.approx(roc_auc_score(touched, score))
    assert area(SCORE, TOUCHED) == pytest.approx(roc_auc_score(TOUCHED, SCORE))


def test_delays_count_from_the_beginning_of_each_touch():
    np.testing.assert_allclose(detection_delays(SCORE, TOUCHED, 0.5, 0.01), [0.01, np.inf])
    np.testing.assert_allclose(detection_delays(SCORE, TOUCHED, 0.1, 0.01), [0.0, 0.0])


def test_the_lag_is_the_shift_of_the_estimate():
    truth = np.random.default_rng(0).normal(size=(300, 2))
    late = np.roll(truth, 7, axis=0) + 0.1
    assert lag(late, truth, 0.01) == pytest.approx(0.07)
    assert lag(truth, truth, 0.01) == 0.0


def test_a_curve_without_touches_is_rejected():
    with pytest.raises(DataError, match="make the run longer"):
        roc(SCORE, np.zeros(8, dtype=bool), np.array([0.1]))
