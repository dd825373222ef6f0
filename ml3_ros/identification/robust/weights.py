# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Weights and scales of robust regression, also over a window of time and along an arm.

A contact lasts, so one sample says less than its neighbours together; and a force on link k loads
the joints before it and none beyond. Sources: Huber (1964), Beaton and Tukey (1974), and Hampel et
al., Robust Statistics (1986).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ml3_ros.errors import ConfigError, DataError

Array = NDArray[np.float64]
Weight = Callable[[Array, float], Array]
Loss = Literal["tukey", "cauchy", "huber"]
# 95 % as efficient as least squares where noise is Gaussian
TUKEY, CAUCHY, HUBER = 4.685, 2.385, 1.345
ONE_VALUE = 0.3  # share of rows from which an effort of one value is no measurement
NOTHING = 1e-6  # of the spread of an effort: no sensor tells less, and what is smaller is rounding


def tukey(u: Array, width: float = TUKEY) -> Array:
    """Return the biweight (1 - (u / width)^2)^2 of residuals u in units of their scale, 0 outside.

    Residuals beyond `width` do not count at all. The shape of u; u may have either sign.
    """
    return np.square(np.clip(1.0 - np.square(u / width), 0.0, None))


def cauchy(u: Array, width: float = CAUCHY) -> Array:
    """Return 1 / (1 + (u / width)^2), the shape of u: large residuals count less, none nothing."""
    return np.asarray(1.0 / (1.0 + np.square(u / width)))


def huber(u: Array, width: float = HUBER) -> Array:
    """Return min(1, width / |u|), the shape of u: all large residuals pull alike."""
    return np.asarray(width / np.maximum(np.abs(u), width))


WEIGHTS: dict[Loss, tuple[Weight, float]] = {
    "tukey": (tukey, TUKEY),
    "cauchy": (cauchy, CAUCHY),
    "huber": (huber, HUBER),
}


def quantile_scale(residual: Array, share: float = 0.5) -> Array:
    """Return the standard deviation of noise, per joint (n,), from its smallest residuals.

    The quantile of |residual|, over that of Gaussian noise of scale 1. Of Gaussian residuals any
    share gives the same; up to 1 - share of the rows may be anything. Half is the median absolute
    deviation from zero (MAD).

    Args:
        residual: (R, n), R >= 1.
        share: Of the rows that are trusted, in (0, 1).
    """
    if not 0.0 < share < 1.0:
        raise ConfigError(f"share must be in (0, 1), got {share}")
    if not len(residual):
        raise DataError("a scale needs residuals, got none")
    quantile = np.quantile(np.abs(residual), share, axis=0)
    return np.asarray(quantile / ndtri(0.5 * (1.0 + share)))


def silent(tau: Array) -> NDArray[np.bool_]:
    """Return the joints (n,) whose effort (R, n) is one value most of the time.

    A sensor's dead band, or what a driver fills in: such an effort has no noise to measure by, so
    whatever else it shows would look like a contact.
    """
    if not len(tau):
        return np.zeros(tau.shape[1], dtype=bool)
    most = [np.unique(effort, return_counts=True)[1].max() for effort in tau.T]
    return np.asarray(np.array(most) > ONE_VALUE * len(tau))


def windowed_mean(x: Array, t: Array, half: float) -> Array:
    """Return the mean of x (R, n) over rows within `half` [s] of each, (R, n).

    Args:
        x: Finite numbers.
        t: Times [s] (R,), rising; they need not be even.
        half: Half the window [s], >= 0.
    """
    first = np.searchsorted(t, t - half - 1e-9)
    after = np.searchsorted(t, t + half + 1e-9, side="right")
    sums = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(x, axis=0)])
    # sums of squares cannot be negative; differences of large sums can
    return np.asarray(np.maximum(sums[after] - sums[first], 0.0) / (after - first)[:, None])


def toward_base(u: Array) -> Array:
    """Return for each joint the largest of its own value and those of joints beyond it, (R, n).

    What is seen at joint k pushes on link k or further out, so it loads every joint before as
    well, whether it shows there or hides in friction. Joints are in the order of a serial arm.
    """
    return np.maximum.accumulate(u[:, ::-1], axis=1)[:, ::-1]


def evidence(residual: Array, scale: Array, t: Array, half: float) -> Array:
    """Return u (R, n) >= 0: root mean square residuals around each row, joints beyond included.

    About 1 where there is only noise of `scale` (n,); see `windowed_mean` and `toward_base`.
    """
    power = windowed_mean(np.square(residual / scale), t, half)
    return np.sqrt(toward_base(power))
