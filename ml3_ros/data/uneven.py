# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Slopes of signals that were sampled unevenly: polynomials fitted at the samples' own times.

Stamps can be uneven for two reasons. Either samples were taken at uneven times, and the stamps are
right; or they were taken evenly and stamped late, as on arrival. A fit at wrong times leaves more
of the signal over than one at the right ones, so what is left tells the two apart.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

THIN = 3.0  # a window whose points let in more than so many times the noise of even ones is thin
EVEN_CLOCK = -0.7  # log of what an even clock leaves over, less that of the stamps: it is better
_RIDGE = 1e-12  # keeps the fit of too few points solvable; its gain is huge then
_SMALL = 1e-12  # signals at rest leave nothing over
_ROWS = 2048  # windows that are fitted at once


class Slopes(NamedTuple):
    """Fits of B windows: slope at x = 0 (B, n), its gain of noise (B,), squares left (B, n)."""

    slope: Array
    gain: Array
    left: Array


def fit_slopes(x: Array, inside: Array, values: Array, order: int) -> Slopes:
    """Fit polynomials by least squares.

    Args:
        x: Times in each window, 0 at the sample in question and about -1 ... 1, (B, K).
        inside: 1.0 for points of a window, 0.0 for those that only fill up the array, (B, K).
        values: Signals (B, K, n), or (K, n) for all windows alike.
        order: Degree.
    """
    columns = [inside]
    for _ in range(order):
        columns.append(columns[-1] * x)
    powers = np.stack(columns, axis=-1)
    transposed = np.swapaxes(powers, -1, -2)
    slope = np.zeros((len(x), order + 1, 1))
    slope[:, 1] = 1.0
    right = np.concatenate((slope, transposed @ values), axis=-1)
    normal = transposed @ powers + _RIDGE * np.eye(order + 1)
    solved = np.linalg.solve(normal, right).astype(np.float64, copy=False)
    left = (values - powers @ solved[..., 1:]) * inside[..., None]
    return Slopes(
        slope=solved[:, 1, 1:],
        gain=np.sqrt(np.maximum(solved[:, 1, 0], 0.0)),
        left=np.square(left).sum(axis=-2),
    )


def clocks(since: Array, inside: Array, centre: NDArray[np.intp], period: float) -> Array:
    """Return the times (3, B, K) at which the samples of windows may have been taken.

    These are the stamps; an even clock if nothing is missing; and one with losses, which are where
    stamps fall behind for good: midway between the latest so far and the earliest to come.

    Args:
        since: Stamps less that of the window's centre (B, K).
        inside: As for `fit_slopes`.
        centre: Number of the centre in each window (B,).
        period: Of the even clock.
    """
    count = np.arange(since.shape[1]) - centre[:, None]
    behind = since / period - count
    latest = np.maximum.accumulate(np.where(inside > 0.0, behind, -np.inf), axis=1)
    to_come = np.where(inside > 0.0, behind, np.inf)[:, ::-1]
    earliest = np.minimum.accumulate(to_come, axis=1)[:, ::-1]
    middle = np.where(inside > 0.0, 0.5 * (latest + earliest), 0.0)
    missing = np.round(middle - middle[np.arange(len(middle)), centre, None])
    return np.stack((since, count * period, (count + missing) * period))


def evidence(left: Array) -> tuple[Array, NDArray[np.intp]]:
    """Return what speaks for an even clock (B,), and the better of the two even ones (B,).

    Args:
        left: Squares that fits at the three `clocks` left over (3, B, n).
    """
    log = np.log(left + _SMALL).sum(axis=-1)
    better = 1 + np.argmin(log[1:], axis=0)
    return np.min(log[1:], axis=0) - log[0], better


def uneven_slopes(
    t: Array, v: Array, period: float, window: int, order: int
) -> tuple[Array, NDArray[np.bool_]]:
    """Return slopes (T, n) of v (T, n) at times t (T,), and which can be used (T,).

    Those within half a window of either end, and those of thin windows, cannot.

    Args:
        t: Increasing stamps.
        v: Signals.
        period: Of the samples, on average.
        window: Samples of the filter, were they even; odd.
        order: Degree of the polynomial.
    """
    half = window // 2
    reach, covered = (half + 0.5) * period, (half - 0.5) * period
    first, after = np.searchsorted(t, t - reach), np.searchsorted(t, t + reach, side="right")
    samples = np.arange(len(t))
    fits, evidences, better = [], [], []
    for rows in np.array_split(samples, -(-len(t) // _ROWS)):
        index = first[rows, None] + np.arange(int((after - first)[rows].max()))
        inside = (index < after[rows, None]).astype(np.float64)
        index = np.minimum(index, len(t) - 1)
        times = clocks(t[index] - t[rows, None], inside, rows - first[rows], period)
        each = [fit_slopes(x / reach, inside, v[index], order) for x in times]
        fits.append(Slopes(*(np.stack(parts) for parts in zip(*each, strict=True))))
        speaks, which = evidence(fits[-1].left)
        evidences.append(speaks)
        better.append(which)
    slope, gain, _ = (np.concatenate(parts, axis=1) for parts in zip(*fits, strict=True))
    even = float(np.mean(np.concatenate(evidences))) < EVEN_CLOCK
    chosen = np.concatenate(better) if even else np.zeros(len(t), dtype=np.intp)
    whole = (t - t[0] >= covered) & (t[-1] - t >= covered)
    thin = gain[chosen, samples] > THIN * even_gain(window, order)
    return slope[chosen, samples] / reach, whole & ~thin


def even_gain(window: int, order: int) -> float:
    """Return the gain of noise of a window of even samples [-]."""
    half = window // 2
    x = np.arange(-half, half + 1)[None] / (half + 0.5)
    return float(fit_slopes(x, np.ones_like(x), np.zeros((window, 1)), order).gain[0])
