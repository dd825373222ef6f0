# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Repeated motion: its period, and samples that are near twins of others.

Where a motion repeats, a sample that is held out was seen before, and whoever remembers it looks
as good as whoever understands it. Both are found from positions and velocities in units of each
joint's spread, all joints together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import savgol_filter
from scipy.spatial import cKDTree

Array = NDArray[np.float64]
STRETCH = 2.0  # stretches of motion of this length are looked for elsewhere [s]
RATE = 100.0  # at which they are compared [Hz]
SMOOTH = 0.25  # over which noise is taken off before [s]
MOST = 100  # stretches that are looked for, spread evenly
SAME = 0.03  # squared distance of two stretches that are one motion, in units of their own power
OTHER = 0.5  # the same, from which a stretch no longer resembles itself a little later
MOVING = 0.2  # of the mean power of a stretch; below, the arm rests
FEWEST, SMALLEST_SHARE = 3, 0.2  # stretches that come again after the same time
AGREE = 0.8  # of the stretches that come again most often: the shortest time is the period
QUIET = 0.05  # of the spread of the joint that moves most; below, a joint rests
TWIN = 0.1  # root mean square distance of twins, in units of each signal's spread
TWIN_OF_REPEATS = 0.3  # the same where motion is known to repeat: noise and drift are between them


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeats:
    """What comes again.

    `periods` [s] are times after which motion comes again, that of most motion first; `share` [-]
    is how much of the motion does, 0 to 1; `joints` names those that move.
    """

    periods: tuple[float, ...] = ()
    share: float = 0.0
    joints: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.periods:
            return "none of the motion comes again"
        what = "the motion" if self.share > 0.9 else f"{100.0 * self.share:.0f} % of the motion"
        times = " or ".join(f"{period:#.3g} s" for period in self.periods)
        return f"{what} repeats every {times} ({', '.join(self.joints)})"


def find_repeats(names: Sequence[str], t: Array, q: Array, v: Array) -> Repeats:
    """Return after which times motion comes again.

    Stretches of motion are looked for everywhere else in the recording. A chance likeness comes at
    any distance in time; that of a repeated motion comes at the same distance for many stretches.

    Args:
        names: Joints (n,).
        t: Times [s] (T,), rising; they need not be even.
        q: Positions [rad] (T, n).
        v: Velocities [rad/s] (T, n).
    """
    step = max(1.0 / RATE, float(np.median(np.diff(t))))
    t = np.concatenate([[0.0], np.cumsum(np.minimum(np.diff(t), STRETCH))])  # pauses take no room
    grid = np.arange(0.0, t[-1], step)
    size = round(STRETCH / step)
    spread = q.std(axis=0)
    moves = spread > QUIET * spread.max()
    if len(grid) < 2 * size or not moves.any():
        return Repeats()
    window = max(5, round(SMOOTH / step) // 2 * 2 + 1)
    q, v = (
        savgol_filter(
            np.array([np.interp(grid, t, signal) for signal in x.T[moves]]), window, 3, axis=-1
        )
        for x in (q, v)
    )
    x = np.vstack([(q - q.mean(axis=1, keepdims=True)) / _spread(q), v / _spread(v)])
    seen = _seen_again(x, size)
    if not len(seen):
        return Repeats()
    periods, left = [], np.ones(len(seen), dtype=bool)
    fewest = max(FEWEST, SMALLEST_SHARE * len(seen))
    while (votes := seen[left].sum(axis=0)).max(initial=0) >= fewest:
        period = _shortest(votes)
        periods.append(step * period)
        multiples = np.round(period * np.arange(1, seen.shape[1] / period)).astype(int)
        left &= ~seen[:, multiples[multiples < seen.shape[1]]].any(axis=1)
    return Repeats(
        periods=tuple(periods),
        share=float(1.0 - left.mean()) if periods else 0.0,
        joints=tuple(name for name, moved in zip(names, moves, strict=True) if moved),
    )


def _spread(x: Array) -> Array:
    """Return the standard deviation of each signal (p, T), (p, 1)."""
    return np.asarray(np.maximum(x.std(axis=1, keepdims=True), 1e-12))


def _seen_again(x: Array, size: int) -> NDArray[np.bool_]:
    """Return for each stretch that moves, (K, L), whether it comes again 0, 1, ... samples away.

    Args:
        x: Positions and then velocities of all joints (2 n, T), in units of their spread.
        size: Length of a stretch [samples].
    """
    n, total = len(x) // 2, x.shape[1]
    length = next_fast_len(total + size, real=True)
    summed = np.concatenate([[0.0], np.cumsum(np.square(x).sum(axis=0))])
    squares = summed[size:] - summed[:-size]  # of each possible stretch
    starts = np.arange(0, total - size + 1, size)
    starts = starts[np.linspace(0, len(starts) - 1, min(MOST, len(starts))).astype(int)]
    means = np.array([x[:n, start : start + size].mean(axis=1) for start in starts])
    power = squares[starts] - size * np.square(means).sum(axis=1)
    x = x.astype(np.float32)  # twice as fast
    whole = rfft(x, length)
    seen = []
    for start in starts[power > MOVING * power.mean()]:
        stretch = rfft(x[:, start : start + size], length)
        product = irfft((whole * stretch.conj()).sum(axis=0), length)[: len(squares)]
        scale = 2.0 * power[np.searchsorted(starts, start)]
        seen.append(_times_away((squares + squares[start] - 2.0 * product) / scale, start))
    return np.array(seen, dtype=bool)


def _times_away(distance: Array, start: int) -> NDArray[np.bool_]:
    """Return at which distances in time, either way (L,), a stretch comes again.

    What directly precedes or follows the stretch, and still is like it, does not count.
    """
    away = np.zeros(len(distance), dtype=bool)
    for way in (distance[start:], distance[start::-1]):
        other = way > OTHER
        if other.any():
            first = int(np.argmax(other))
            away[first : len(way)] |= way[first:] < SAME
    return away


def _shortest(votes: NDArray[np.intp]) -> float:
    """Return the shortest time [samples] after which nearly as much comes again as after any."""
    first = int(np.argmax(votes >= AGREE * votes.max()))
    rest = np.flatnonzero(votes[first:] == 0)
    last = first + int(rest[0]) if len(rest) else len(votes)
    before = np.flatnonzero(votes[:first] == 0)
    begin = int(before[-1]) if len(before) else 0
    around = np.arange(begin, last)
    return float(np.average(around, weights=votes[around]))


def near_twins(x: Array, of: Array, apart: float = TWIN) -> NDArray[np.bool_]:
    """Return which rows of x (R, p) are nearly one of the rows `of` (S, p), (R,).

    Args:
        x: Signals in units of their spread, see `standardised`.
        of: Signals in the same units.
        apart: Root mean square distance of twins.
    """
    if not len(of):
        return np.zeros(len(x), dtype=bool)
    of = np.unique(of, axis=0)  # an arm at rest: a tree is slow with rows that are the same
    distance = cKDTree(of).query(x, distance_upper_bound=apart * np.sqrt(x.shape[1]), workers=-1)[
        0
    ]
    return np.asarray(np.isfinite(distance))


def standardised(*signals: Array) -> Array:
    """Return signals (R, n) each, side by side in units of each column's spread.

    A column that hardly varies, of a joint at rest, is in units of a share of the largest spread.
    """
    spreads = [x.std(axis=0) for x in signals]
    return np.hstack(
        [
            x / np.maximum(spread, max(QUIET * spread.max(), 1e-12))
            for x, spread in zip(signals, spreads, strict=True)
        ]
    )
