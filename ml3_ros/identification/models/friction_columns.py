# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Columns for dry friction as a recording shows it: smoothed in time, and sticking at rest.

Two things make sign(v) too simple for a real arm. Drivers and data sets smooth efforts, so where
a joint turns round fast its friction turns over a longer range of speeds; and a joint that rests
keeps pushing where it was going before, which no function of (q, v, a) can know.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def smooth_sign(v: Array, a: Array, *, speed: float, smoothing: float) -> Array:
    """Return tanh(v / w) with w^2 = speed^2 + (smoothing a)^2, the shape of v.

    To first order a velocity passes zero as v(t + s) = v + a s, so averaging sign(v) over times
    s around t gives a function of v / a that turns over a range of speeds |a| times the length of
    the average. Only the state at t is used.

    Args:
        v: Joint velocities [rad/s].
        a: Joint accelerations [rad/s^2], the same shape.
        speed: Speed over which friction itself turns round [rad/s]; 0 is sign(v).
        smoothing: Time over which the effort was smoothed [s].
    """
    width = np.hypot(speed, smoothing * a)
    return np.where(width > 0.0, np.tanh(v / np.where(width > 0.0, width, 1.0)), np.sign(v))


def stillness(v: Array, a: Array, *, speed: float, smoothing: float) -> Array:
    """Return exp(-|(v, smoothing a)| / speed), 1 at rest, the shape of v; as `smooth_sign`."""
    return np.asarray(np.exp(-np.hypot(v, smoothing * a) / speed))
