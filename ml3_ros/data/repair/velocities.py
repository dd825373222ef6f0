# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Velocities that a driver does not fill, taken from positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.filters import uneven_acceleration
from ml3_ros.data.stamps import sampling_period
from ml3_ros.errors import DataError

Array = NDArray[np.float64]
DERIVATIVE = 0.1  # window over which positions are differentiated [s]
MOVES = 0.01  # a joint that moves so far has velocities [rad]


class Velocities(NamedTuple):
    """Derivative (T, n) of positions at all samples, and which of them can be used (T,)."""

    v: Array
    usable: NDArray[np.bool_]


def never_filled(q: Array, v: Array) -> NDArray[np.bool_]:
    """Return which joints (n,) move while their velocity stays the same."""
    return np.asarray((np.ptp(q, axis=0) > MOVES) & (np.ptp(v, axis=0) == 0.0))


def from_positions(path: str, t: Array, q: Array) -> Velocities:
    """Differentiate positions (T, n) [rad] at times (T,) [s].

    Raises:
        DataError: Too few samples; `path` is what the error calls them.
    """
    dt = sampling_period(t)
    window = max(5, 2 * round(0.5 * DERIVATIVE / dt) + 1)
    if len(t) <= window:
        raise DataError(f"{path} is too short to differentiate its positions: {len(t)} samples")
    return Velocities(*uneven_acceleration(t, q, dt, window, 3))


def listed(joints: NDArray[np.bool_], names: Sequence[str]) -> str:
    """Return the names of the joints (n,) that are marked."""
    return ", ".join(name for name, some in zip(names, joints, strict=True) if some)
