# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Accelerations from measured velocities by Savitzky-Golay filters, offline and streaming.

Least-squares fit of a polynomial to a window, differentiated at its centre (Savitzky and Golay
1964). The centred window is late by half its length but shifts no phase, so q, v and tau of the
same instant belong to its result. Windows are lengths of time: where stamps are uneven, the fit is
at the samples' own times, see `uneven`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml3_ros.data.even_weights import slope_weights, window_samples
from ml3_ros.data.stamps import EVEN
from ml3_ros.data.uneven import (
    EVEN_CLOCK,
    THIN,
    clocks,
    even_gain,
    evidence,
    fit_slopes,
    uneven_slopes,
)
from ml3_ros.errors import ConfigError, DataError

Array = NDArray[np.float64]

LARGEST = 1e9  # number of a measurement; sums of squares of much larger ones overflow
_CROWD = 8  # times as many samples in a window as its period allows: the stamps are wrong
_COMPARED_EVERY = 8  # uneven windows: then the stamps are compared with an even clock
_MEMORY = 1.0  # over so long the evidence for an even clock is averaged [s]


class FilteredSample(NamedTuple):
    """A window's centre: t [s]; q [rad], v [rad/s], a [rad/s^2], tau [N m], each (n,)."""

    t: float
    q: Array
    v: Array
    a: Array
    tau: Array


def savgol_acceleration(v: Array, dt: float, window: int = 21, order: int = 3) -> Array:
    """Return accelerations [rad/s^2] (T, n) of equally spaced velocities [rad/s] (T, n).

    The first and last window // 2 rows are the derivative of the first and last window's
    polynomial.

    Raises:
        ConfigError: dt, window or order out of range.
        DataError: Fewer than `window` rows.
    """
    weights = slope_weights(dt, window, order)
    v = np.asarray(v, dtype=np.float64)
    if v.ndim != 2 or len(v) < window:
        raise DataError(
            f"velocities have shape {v.shape}: give (T, n) with at least {window} rows"
        )
    half = window // 2
    a = np.empty_like(v)
    a[half : len(v) - half] = _weighted_sum(weights[half], v, len(v) - window + 1)
    a[:half] = weights[:half] @ v[:window]
    a[len(v) - half :] = weights[half + 1 :] @ v[-window:]
    return a


def uneven_acceleration(
    t: Array, v: Array, dt: float, window: int = 21, order: int = 3
) -> tuple[Array, NDArray[np.bool_]]:
    """Return accelerations [rad/s^2] (T, n) at stamps [s] (T,), and which can be used (T,).

    With even stamps these are the numbers of `savgol_acceleration`, and all can be used.

    Args:
        t: Increasing stamps; what is missing leaves a gap.
        v: Velocities [rad/s] (T, n).
        dt: Period of the samples, on average [s].
        window: Samples of the filter, were they even; odd.
        order: Degree of its polynomial.

    Raises:
        ConfigError: dt, window or order out of range.
        DataError: Fewer than `window` rows.
    """
    even = np.abs(np.diff(t) - dt) <= EVEN * dt
    if even.all() or len(v) < window:
        return savgol_acceleration(v, dt, window, order), np.ones(len(v), dtype=np.bool_)
    slope_weights(dt, window, order)  # checks its arguments
    return uneven_slopes(t, np.asarray(v, dtype=np.float64), dt, window, order)


class AccelerationFilter:
    """The same differentiation on a stream: push samples, get those whose window is complete.

    A step in time longer than half the window, or backwards, is a gap: both sides are different
    moments, which no window may mix. After shorter ones, samples are left out only where too few
    are left around them.

    Attributes:
        resets: How often the window was dropped, because of a gap.
        duplicates: How many samples were dropped, because they bore the time of the one before.
        thin: How many samples were left out, because too few were around them.
        last_reset: Why the window was last dropped, or "".
    """

    def __init__(self, n: int, dt: float, seconds: float = 0.2, order: int = 3) -> None:
        """Filter n joints.

        Args:
            n: Number of joints.
            dt: Period of the samples, on average [s].
            seconds: Length of the window [s]; the same for every period.
            order: Degree of the polynomial.
        """
        self._n, self._seconds, self._order = n, seconds, order
        self._times: list[float] = []
        self._signals = np.zeros((0, 3, n))  # q, v, tau; oldest first
        self._next = 0  # the next centre
        self._uneven = 0  # the last sample that did not come a period after the one before
        self._began = 0.0  # time of the first sample since the last gap [s]
        self._even_clock = 0.0  # what speaks for it, see `evidence`
        self._fits = 0  # of uneven windows
        self.resets = 0
        self.duplicates = 0
        self.thin = 0
        self.last_reset = ""
        self._dt: float
        self._half: int  # samples on each side of a window's centre
        self._reach: float  # of a window from its centre [s]
        self._weights: Array  # of an even window, for its slope
        self._most_gain: float  # of noise, beyond which a window is too thin
        self.retime(dt)

    @property
    def delay(self) -> float:
        """Age of a returned sample [s]."""
        return self._half * self._dt

    def retime(self, dt: float) -> None:
        """Take another period of the samples [s]; the samples so far stay.

        Raises:
            ConfigError: dt, the length of the window or its order is out of range.
        """
        if not (np.isfinite(self._seconds) and self._seconds > 0.0):
            raise ConfigError(f"the window is {self._seconds} s: it must be > 0 s")
        window = window_samples(self._seconds, dt, self._order)
        self._dt, self._half = dt, window // 2
        self._reach = (self._half + 0.5) * dt
        self._weights = slope_weights(dt, window, self._order)[self._half]
        self._most_gain = THIN * even_gain(window, self._order)
        self._uneven = max(len(self._times) - 1, 0)
        grown = np.zeros((max(len(self._signals), _CROWD * window), 3, self._n))
        grown[: len(self._signals)] = self._signals
        self._signals = grown

    def push(self, t: float, q: ArrayLike, v: ArrayLike, tau: ArrayLike) -> list[FilteredSample]:
        """Take one measurement; return the samples whose window it completes.

        Args:
            t: Time of the measurement [s].
            q: Positions [rad], (n,).
            v: Velocities [rad/s], (n,).
            tau: Torques [N m], (n,).

        Returns:
            The samples measured `delay` ago with their accelerations: one, of even stamps; none
            while the window fills.

        Raises:
            DataError: Wrong shape, or a value that is not finite or beyond LARGEST; the filter is
                unchanged.
        """
        signals = self._checked(t, q, v, tau)
        if self._times:
            step = t - self._times[-1]
            if step == 0.0:
                self.duplicates += 1
                return []
            if not 0.0 < step <= self._reach:
                self.reset(
                    f"the sample at {t:.6f} s is {step:+.6f} s from the last, more than half a "
                    f"window of {2.0 * self._reach:.3f} s"
                )
        self._append(t, signals)
        ripe = []
        wait = (self._half - 0.5) * self._dt
        while self._next < len(self._times) and t - self._times[self._next] >= wait:
            centre, self._next = self._next, self._next + 1
            if self._times[centre] - self._began >= wait:
                ripe += self._filtered(centre)
        return ripe

    def reset(self, reason: str = "on request") -> None:
        """Drop the window; the next result needs a full new one."""
        self._times.clear()
        self._next = 0
        self.resets += 1
        self.last_reset = reason

    def _append(self, t: float, signals: Array) -> None:
        if len(self._times) == len(self._signals):
            self._drop_old()
        if not self._times:
            self._began, self._uneven = t, 0
        elif abs(t - self._times[-1] - self._dt) > EVEN * self._dt:
            self._uneven = len(self._times)
        self._signals[len(self._times)] = signals
        self._times.append(t)

    def _drop_old(self) -> None:
        oldest = self._times[min(self._next, len(self._times) - 1)] - self._reach
        old = bisect_left(self._times, oldest)
        if not old:
            self.reset(
                f"{len(self._times)} samples are stamped within {self._times[-1] - oldest:.3f} s, "
                f"where one should come every {self._dt:.6f} s"
            )
            return
        kept = len(self._times) - old
        self._signals[:kept] = self._signals[old : len(self._times)].copy()
        del self._times[:old]
        self._next, self._uneven = self._next - old, max(self._uneven - old, 0)

    def _filtered(self, centre: int) -> list[FilteredSample]:
        """Return the sample number `centre` with its acceleration, if enough are around it."""
        t = self._times[centre]
        first = bisect_left(self._times, t - self._reach)
        after = bisect_right(self._times, t + self._reach)
        if centre - first == self._half == after - 1 - centre and self._uneven <= first:
            # the rows are added in the order of `savgol_acceleration`
            a = (self._weights[:, None] * self._signals[first:after, 1]).sum(axis=0)
        else:
            slope, gain = self._fit(first, centre, after)
            if gain > self._most_gain:
                self.thin += 1
                return []
            a = slope / self._reach
        q, v, tau = self._signals[centre].copy()
        return [FilteredSample(t, q, v, a, tau)]

    def _fit(self, first: int, centre: int, after: int) -> tuple[Array, float]:
        """Return the slope (n,) of v per half window amid uneven samples, and its gain of noise.

        The fit is at the stamps, or on an even clock where that has explained the signals better.
        """
        since = (np.array(self._times[first:after]) - self._times[centre])[None]
        v, inside = self._signals[first:after, 1], np.ones_like(since)
        compare, self._fits = self._fits % _COMPARED_EVERY == 0, self._fits + 1
        if not compare and self._even_clock >= EVEN_CLOCK:
            fit = fit_slopes(since / self._reach, inside, v, self._order)
            return fit.slope[0], float(fit.gain[0])
        x = clocks(since, inside, np.array([centre - first]), self._dt)[:, 0] / self._reach
        fit = fit_slopes(x, np.ones_like(x), v, self._order)
        for_even, better = evidence(fit.left[:, None])
        if compare:
            share = min(_COMPARED_EVERY * self._dt / _MEMORY, 1.0)
            self._even_clock += share * (float(for_even[0]) - self._even_clock)
        chosen = int(better[0]) if self._even_clock < EVEN_CLOCK else 0
        return fit.slope[chosen], float(fit.gain[chosen])

    def _checked(self, t: float, q: ArrayLike, v: ArrayLike, tau: ArrayLike) -> Array:
        rows = [np.asarray(x, dtype=np.float64) for x in (q, v, tau)]
        for name, row in zip(("q", "v", "tau"), rows, strict=True):
            if row.shape != (self._n,):
                raise DataError(
                    f"{name} has shape {row.shape}: give one number for each of {self._n} joints"
                )
        signals = np.stack(rows)
        if not (np.isfinite(t) and (np.abs(signals) <= LARGEST).all()):  # NaN is not
            raise DataError(
                f"the sample holds NaN, infinity or a number beyond {LARGEST:g}: drop it at the "
                "source"
            )
        return signals


def _weighted_sum(weights: Array, values: Array, count: int) -> Array:
    """Return sum_k weights[k] values[k : k + count], in an order that no count changes."""
    total: Array = weights[0] * values[:count]
    for k in range(1, len(weights)):
        total = total + weights[k] * values[k : k + count]
    return total
