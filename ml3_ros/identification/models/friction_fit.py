# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The classical fit of a real arm's effort: rigid-body torque times a gain, plus friction.

Per joint, effort = gain tau_rbd + viscous v + coulomb sign(v) + offset by least squares; the gain
stands for the unit of the recorded effort (N m or motor current).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import DataError

Array = NDArray[np.float64]
RIGID_BODY_ALONE = (1.0, 0.0, 0.0, 0.0)
COEFFICIENTS = ("gain", "viscous", "coulomb", "offset")


def friction_features(tau_rbd: Array, v: Array) -> Array:
    """Return (T, n, 4): tau_rbd [N m], v [rad/s], sign(v), 1, for (T, n) of each."""
    if tau_rbd.shape != v.shape or v.ndim != 2:
        raise DataError(f"tau_rbd {tau_rbd.shape} and v {v.shape} must both be (T, n)")
    return np.stack([tau_rbd, v, np.sign(v), np.ones_like(v)], axis=-1)


def friction_fit(tau_rbd: Array, v: Array, effort: Array, counts: Array | None = None) -> Array:
    """Return the coefficients (n, 4), in the order of COEFFICIENTS, that fit all rows at once.

    Args:
        tau_rbd: Torque of the rigid-body model [N m], (T, n).
        v: Joint velocities [rad/s], (T, n).
        effort: Measured effort [N m or A], (T, n).
        counts: How much each row and joint counts [-], (T, n) >= 0; all the same if left out.
    """
    features = friction_features(tau_rbd, v)
    root = np.ones_like(effort) if counts is None else np.sqrt(counts)
    return np.stack(
        [
            np.linalg.lstsq(features[:, j] * w[:, None], effort[:, j] * w, rcond=None)[0]
            for j, w in enumerate(root.T)
        ]
    )


def friction_predict(coefficients: Array, tau_rbd: Array, v: Array) -> Array:
    """Return the effort (T, n) for coefficients (n, 4)."""
    return np.asarray((friction_features(tau_rbd, v) * coefficients).sum(axis=-1))
