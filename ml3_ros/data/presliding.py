# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Presliding states of joints: the memory of dry friction, from past positions alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import DataError

Array = NDArray[np.float64]


def hysteresis(q: Array, displacements: Array) -> Array:
    """Return z (T, n, D) in -1 ... 1: how far each joint is strained against its dry friction.

        z_k = clip(z_{k-1} + (q_k - q_{k-1}) / displacement, -1, 1), z_0 = 0

    A joint that moves has z = sign(v); one that turns round passes through zero within twice the
    displacement; one that rests keeps its z. Rows depend on past positions alone.

    Args:
        q: Joint positions [rad], (T, n), in the order of time and without a gap.
        displacements: How far a joint creeps before it slips [rad], (D,), > 0.
    """
    if q.ndim != 2 or not (displacements > 0.0).all():
        raise DataError(f"hysteresis needs q (T, n) and displacements > 0, got {q.shape}")
    steps = np.diff(q, axis=0)[..., None] / displacements
    z = np.zeros((len(q), q.shape[1], len(displacements)))
    for k, step in enumerate(steps):
        z[k + 1] = np.clip(z[k] + step, -1.0, 1.0)
    return z


class Strain:
    """`hysteresis` on a stream: one position after another, with the state kept in between."""

    def __init__(self, displacements: Array) -> None:
        """Begin without strain; displacements [rad] (D,) as in `hysteresis`."""
        if displacements.ndim != 1 or not (displacements > 0.0).all():
            raise DataError(f"displacements must be > 0 rad, got {displacements}")
        self._displacements = displacements
        self._last: Array | None = None
        self._z = np.zeros(0)

    def __call__(self, q: Array) -> Array:
        """Return z (n, D) at the next position q [rad] (n,)."""
        if self._last is None:
            self._z = np.zeros((len(q), len(self._displacements)))
        else:
            step = (q - self._last)[:, None] / self._displacements
            self._z = np.clip(self._z + step, -1.0, 1.0)
        self._last = np.array(q, dtype=float)
        return self._z.copy()
