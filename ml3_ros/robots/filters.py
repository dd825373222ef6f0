"""Accelerations from measured velocities by Savitzky-Golay filters, offline and streaming.

Least-squares fit of a polynomial to a window, differentiated at its centre (Savitzky and Golay
1964). The centred window is late by half its length but shifts no phase, so q, v and tau of the
same instant belong to its result.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml3_ros.errors import ConfigError, DataError

Array = NDArray[np.float64]

# A step in time further from dt than this is a gap: the window would mix two different moments.
_DT_TOLERANCE = 0.5


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
    weights = _slope_weights(dt, window, order)
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


class AccelerationFilter:
    """The same differentiation on a stream: push samples, get the centre of each full window.

    Attributes:
        resets: How often the window was dropped, because time jumped or ran backwards.
        duplicates: How many samples were dropped, because they bore the time of the one before.
        last_reset: Why the window was last dropped, or "".
    """

    def __init__(self, n: int, dt: float, window: int = 21, order: int = 3) -> None:
        """Filter n joints sampled every dt [s]; window is odd, order that of the polynomial."""
        self._weights = _slope_weights(dt, window, order)[window // 2]
        self._n, self._dt, self._window = n, dt, window
        self._signals = np.zeros((window, 3, n))  # q, v, tau; oldest first
        self._times: list[float] = []
        self.resets = 0
        self.duplicates = 0
        self.last_reset = ""

    @property
    def delay(self) -> float:
        """Age of a returned sample [s]."""
        return self._window // 2 * self._dt

    def push(self, t: float, q: ArrayLike, v: ArrayLike, tau: ArrayLike) -> FilteredSample | None:
        """Take one measurement; return the sample at the centre of the window once that is full.

        Args:
            t: Time of the measurement [s].
            q: Positions [rad], (n,).
            v: Velocities [rad/s], (n,).
            tau: Torques [N m], (n,).

        Returns:
            The sample measured `delay` ago with its acceleration, or None while the window fills.

        Raises:
            DataError: Wrong shape, or a value that is not finite; the filter is unchanged.
        """
        signals = self._checked(t, q, v, tau)
        if self._times:
            step = t - self._times[-1]
            if step == 0.0:
                self.duplicates += 1
                return None
            if abs(step - self._dt) > _DT_TOLERANCE * self._dt:
                self.reset(
                    f"the sample at {t:.6f} s is {step:+.6f} s from the last, not {self._dt:.6f} s"
                )
        if len(self._times) == self._window:
            self._times.pop(0)
            self._signals[:-1] = self._signals[1:]
        self._signals[len(self._times)] = signals
        self._times.append(t)
        if len(self._times) < self._window:
            return None
        half = self._window // 2
        q_centre, v_centre, tau_centre = self._signals[half].copy()
        a = _weighted_sum(self._weights, self._signals[:, 1], 1)[0]
        return FilteredSample(self._times[half], q_centre, v_centre, a, tau_centre)

    def reset(self, reason: str = "asked to") -> None:
        """Drop the window; the next result needs a full new one."""
        self._times.clear()
        self.resets += 1
        self.last_reset = reason

    def _checked(self, t: float, q: ArrayLike, v: ArrayLike, tau: ArrayLike) -> Array:
        rows = [np.asarray(x, dtype=np.float64) for x in (q, v, tau)]
        for name, row in zip(("q", "v", "tau"), rows, strict=True):
            if row.shape != (self._n,):
                raise DataError(
                    f"{name} has shape {row.shape}: give one number for each of {self._n} joints"
                )
        signals = np.stack(rows)
        if not (np.isfinite(t) and np.isfinite(signals).all()):
            raise DataError("the sample holds NaN or infinity: drop it at the source")
        return signals


def _slope_weights(dt: float, window: int, order: int) -> Array:
    """Return W (window, window): W @ values is the fitted polynomial's slope at each sample."""
    if not (np.isfinite(dt) and dt > 0.0):
        raise ConfigError(f"dt is {dt}: it must be > 0 s")
    if window < 3 or window % 2 == 0:
        raise ConfigError(f"window is {window}: it must be odd and >= 3, so that it has a centre")
    if not 1 <= order < window:
        raise ConfigError(f"order is {order}: it must be in 1 .. window - 1 = {window - 1}")
    half = window // 2
    x = np.arange(-half, half + 1) / half  # scaled to [-1, 1]: keeps the fit well conditioned
    powers = np.arange(order + 1)
    fit = np.linalg.pinv(x[:, None] ** powers)
    slopes = powers * x[:, None] ** np.maximum(powers - 1, 0)
    return slopes @ fit / (half * dt)


def _weighted_sum(weights: Array, values: Array, count: int) -> Array:
    """Return sum_k weights[k] values[k : k + count], in an order that no count changes."""
    total = weights[0] * values[:count]
    for k in range(1, len(weights)):
        total = total + weights[k] * values[k : k + count]
    return total
