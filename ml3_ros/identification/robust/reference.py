# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The model against which contacts are seen: everything an arm's own effort is known to hold.

What it leaves is noise, errors of structure, and what is not the arm. It is richer than any model
that is reported, so that friction is not taken for a hand; penalties keep it from explaining one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.fits import Explained
from ml3_ros.identification.models.friction_columns import smooth_sign, stillness

Array = NDArray[np.float64]
# Speed over which dry friction turns round [rad/s] and how long an effort was smoothed [s]
SHAPES = ((0.0, 0.0), (0.01, 0.0), (0.03, 0.1), (0.1, 0.0), (0.03, 0.2))
STILL = (0.03, 0.3)  # speeds below which a joint may stick [rad/s]
SMOOTHING = 0.1  # of the effort, for what sticks [s]
GAIN, FRICTION, INERTIA = 1e-5, 1e-3, 0.03  # penalties of standardised columns
# Columns that vary less say nothing but noise, which a standardised one would blow up.
LEAST_TORQUE, LEAST_SPEED, LEAST_SHARE = 1e-3, 0.02, 0.1  # [N m], [rad/s], [-]
WEAK = 1e-3  # of the penalty: combinations of inertial columns with less power are left out


def reference_columns(data: Explained, learned: NDArray[np.bool_]) -> tuple[list, list]:
    """Return columns X (R, p_j) and penalties (p_j,) of each joint, the offset's last and 0.

    Args:
        data: Rows, and the model's part in them.
        learned: Rows (R,) whose spread standardises the columns.
    """
    columns, penalties = [], []
    ones = np.ones((len(learned), 1))
    for joint in range(data.rows.tau.shape[1]):
        friction = _standardised(_friction(data, joint), learned, LEAST_SHARE)
        speed = _standardised(data.rows.v[:, joint, None], learned, LEAST_SPEED)
        gain = _standardised(data.tau_rbd[:, joint, None], learned, LEAST_TORQUE)
        inertia = _standardised(data.regressor[:, joint], learned, LEAST_TORQUE)
        # the same ridge solution from few combinations as from all
        _, size, axes = np.linalg.svd(inertia[learned], full_matrices=False)
        kept = np.square(size) > WEAK * INERTIA * learned.sum()
        inertia = inertia @ axes[kept].T
        parts = [gain, speed, friction, inertia, ones]
        weight = [GAIN, GAIN, FRICTION, INERTIA, 0.0]
        columns.append(np.hstack(parts))
        penalties.append(
            np.concatenate([np.full(x.shape[1], w) for x, w in zip(parts, weight, strict=True)])
        )
    return columns, penalties


def _friction(data: Explained, joint: int) -> Array:
    """Return the columns of dry friction and rotor inertia (R, p)."""
    v, a = data.rows.v[:, joint], data.rows.a[:, joint]
    columns = [smooth_sign(v, a, speed=w, smoothing=s) for w, s in SHAPES]
    for strain in data.rows.strain[:, joint].T:
        columns.append(strain)
        columns += [strain * stillness(v, a, speed=s, smoothing=SMOOTHING) for s in STILL]
    return np.stack([*columns, a], axis=-1)


def _standardised(x: Array, learned: NDArray[np.bool_], least: float) -> Array:
    mean, spread = x[learned].mean(axis=0), x[learned].std(axis=0)
    return np.asarray((x - mean) / np.maximum(spread, least))
