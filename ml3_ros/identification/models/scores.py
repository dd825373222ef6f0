# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Normalised mean squared error of torques: 0 is perfect, 1 is no better than the mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def nmse(predicted: Array, measured: Array, variance: Array | None = None) -> Array:
    """Return mean (predicted - measured)^2 / variance per joint, (n,).

    Args:
        predicted: Torques [N m], (T, n).
        measured: Torques [N m], (T, n).
        variance: Of the measured torque [N^2 m^2], (n,); that of `measured` if left out.

    Returns:
        NMSE per joint; infinite where a prediction diverged, NaN for a joint whose torque never
        changes or where there are no rows.
    """
    if len(measured) == 0:
        return np.full(measured.shape[1], np.nan)
    variance = measured.var(axis=0) if variance is None else variance
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        error = np.mean((predicted - measured) ** 2, axis=0)
        error = np.where(np.isnan(error), np.inf, error)
        return np.where(variance > 0.0, error / variance, np.nan)


def running_nmse(t: Array, predicted: Array, measured: Array, *, seconds: float = 5.0) -> Array:
    """Return the NMSE over the last `seconds` at every sample, (T, n).

    The variance is that of all of `measured`, so that the curve shows the error and not how much
    the arm happened to move.

    Args:
        t: Times [s], (T,), increasing.
        predicted: Torques [N m], (T, n).
        measured: Torques [N m], (T, n).
        seconds: Length of the window [s].
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        squared = (predicted - measured) ** 2
        bad = ~np.isfinite(squared)
        sums = np.cumsum(np.where(bad, 0.0, squared), axis=0)
        diverged = np.cumsum(bad, axis=0)
        first = np.searchsorted(t, t - seconds, side="right")
        before = np.maximum(first - 1, 0)[:, None]
        earlier = first[:, None] > 0
        error = sums - np.where(earlier, np.take_along_axis(sums, before, axis=0), 0.0)
        lost = diverged - np.where(earlier, np.take_along_axis(diverged, before, axis=0), 0)
        mean = error / (np.arange(len(t)) - first + 1)[:, None]
        variance = measured.var(axis=0)
        running = np.where(lost > 0, np.inf, np.maximum(mean, 0.0))
        return np.where(variance > 0.0, running / variance, np.nan)


def mean_over_joints(values: Array) -> Array:
    """Return the mean over joints, leaving out joints whose torque never changes."""
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=-1), 1)
    return np.where(known.any(axis=-1), np.where(known, values, 0.0).sum(axis=-1) / count, np.nan)
