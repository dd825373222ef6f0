# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Savitzky-Golay smoothing and Welch's spectrum, by NumPy alone.

As in scipy.signal, whose import takes longer than a check of a recording.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ml3_ros.errors import DataError

Array = NDArray[np.float64]


def smoothed(x: Array, window: int, order: int) -> Array:
    """Return signals (T, n) smoothed by polynomials of `order` over `window` samples (odd).

    The first and last half window are those of the polynomial of the first and last window.

    Raises:
        DataError: Fewer rows than the window.
    """
    if x.ndim != 2 or len(x) < window:
        raise DataError(f"signals have shape {x.shape}: give (T, n) with at least {window} rows")
    half = window // 2
    powers = np.vander(np.arange(-half, half + 1) / max(half, 1), order + 1)
    fit = powers @ np.linalg.pinv(powers)  # of every sample of a window
    middle = sliding_window_view(x, window, axis=0) @ fit[half]
    return np.concatenate([fit[:half] @ x[:window], middle, fit[half + 1 :] @ x[-window:]])


def power_spectrum(x: Array, rate: float, segment: int) -> tuple[Array, Array]:
    """Return frequencies [Hz] (F,) and the power density (F, n) of signals (T, n).

    Mean over segments that overlap by half, each without its mean, under a Hann window.

    Args:
        x: Signals.
        rate: Of the samples [Hz].
        segment: Length of a segment [samples], T at most.
    """
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(segment) / segment)
    pieces = sliding_window_view(x, segment, axis=0)[:: segment - segment // 2]
    pieces = pieces - pieces.mean(axis=-1, keepdims=True)
    power = np.square(np.abs(np.fft.rfft(pieces * hann))).mean(axis=0)
    power *= 2.0 / (rate * np.square(hann).sum())
    power[:, 0] /= 2.0
    if segment % 2 == 0:
        power[:, -1] /= 2.0
    return np.arange(len(power.T)) * rate / segment, np.asarray(power.T)
