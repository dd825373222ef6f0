# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Weights that fit a polynomial to a window of even samples, and how long such a window is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError

Array = NDArray[np.float64]


def window_samples(seconds: float, dt: float, order: int) -> int:
    """Return the length in samples of `dt` [s] of a window of `seconds`: odd, enough to fit."""
    if not (np.isfinite(dt) and dt > 0.0):
        raise ConfigError(f"dt is {dt}: it must be > 0 s")
    # a measured period may be a little long
    half = int(0.5 * seconds / dt + 0.1)
    return 2 * max(half, order // 2 + 1) + 1


def slope_weights(dt: float, window: int, order: int) -> Array:
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
