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
MODEL_SEEN = 0.8  # correlation from which the rigid-body torque shows the effort's unit
NEWTON_METRES = (0.7, 1.4)  # gains between which an effort is taken for one in N m


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


def dissipative_fit(
    coefficients: Array, tau_rbd: Array, v: Array, effort: Array, counts: Array | None = None
) -> Array:
    """Return coefficients (n, 4) with friction that takes energy: joints without are fitted anew.

    Args:
        coefficients: Of `friction_fit`; viscous and coulomb may be negative.
        tau_rbd: As for `friction_fit`, and so the others.
        v: See there.
        effort: See there.
        counts: See there.
    """
    from scipy.optimize import lsq_linear  # seldom needed

    features = friction_features(tau_rbd, v)
    root = np.ones_like(effort) if counts is None else np.sqrt(counts)
    lower = np.array([-np.inf, 0.0, 0.0, -np.inf])
    fitted = np.array(coefficients)
    for j in np.flatnonzero((coefficients[:, 1:3] < 0.0).any(axis=1)):
        w = root[:, j]
        fitted[j] = lsq_linear(
            features[:, j] * w[:, None], effort[:, j] * w, bounds=(lower, np.inf)
        ).x
        fitted[j, 1:3] = np.where(coefficients[j, 1:3] < 0.0, 0.0, fitted[j, 1:3])
    return fitted


def friction_predict(coefficients: Array, tau_rbd: Array, v: Array) -> Array:
    """Return the effort (T, n) for coefficients (n, 4)."""
    return np.asarray((friction_features(tau_rbd, v) * coefficients).sum(axis=-1))
