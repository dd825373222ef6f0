# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""How well touches are told from free motion: ROC curve, its area, delays; lag of an estimate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import DataError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
LONGEST_LAG = 0.3  # [s]


def roc(score: Array, touched: Mask, false_alarms: Array) -> Array:
    """Return the share of touched samples (F,) above the thresholds that give false alarms (F,).

    Args:
        score: Evidence of each sample (T,).
        touched: Which are (T,); the others are free.
        false_alarms: Shares of free samples above the threshold.
    """
    free = np.sort(score[~touched])
    if not len(free) or not touched.any():
        raise DataError("a ROC curve needs touched and free samples: make the run longer")
    thresholds = np.quantile(free, 1.0 - false_alarms)
    return np.asarray((score[touched][:, None] > thresholds).mean(axis=0))


def area(score: Array, touched: Mask) -> float:
    """Return the area under the ROC curve: how often a touched sample outscores a free one."""
    order = score.argsort(kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(len(score))
    ones = int(touched.sum())
    pairs = ones * (len(score) - ones)
    return float((ranks[touched].sum() - ones * (ones - 1) / 2) / pairs)


def detection_delays(score: Array, touched: Mask, threshold: float, period: float) -> Array:
    """Return how long each touch lasts until the score is above the threshold [s].

    Infinite where it never is. `period` [s] is that of the samples.
    """
    edges = np.flatnonzero(np.diff(np.r_[False, touched, False].astype(int)))
    delays = []
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        above = np.flatnonzero(score[first:after] > threshold)
        delays.append(above[0] * period if len(above) else np.inf)
    return np.array(delays)


def lag(estimate: Array, truth: Array, period: float) -> float:
    """Return by how much an estimate (T, n) is late [s]: the shift that explains it best."""
    errors = [
        float(np.square(estimate[k:] - truth[: len(truth) - k]).mean())
        for k in range(round(LONGEST_LAG / period) + 1)
    ]
    return int(np.argmin(errors)) * period
