# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ridge regression of one signal on columns of very different kinds, tested on left-out groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml3_ros.errors import DataError

Array = NDArray[np.float64]
FLAT = 1e-9  # columns that vary less than this are left out


def ridge_weights(columns: Array, target: Array, penalty: ArrayLike) -> Array:
    """Return w (p + 1,), the offset last, with target = columns @ w[:p] + w[p].

    Minimises mean (target - columns w - offset)^2 + sum penalty (w s)^2 with s the standard
    deviation of each column, so that penalties are pure numbers; the offset has none.

    Args:
        columns: (T, p).
        target: (T,).
        penalty: Of each column [-], (p,) or one for all, >= 0.
    """
    if columns.ndim != 2 or target.shape != columns.shape[:1] or not len(target):
        raise DataError(f"columns {columns.shape} and target {target.shape} do not fit")
    mean, scale = columns.mean(axis=0), columns.std(axis=0)
    varies = scale > FLAT
    scale = np.where(varies, scale, 1.0)
    z = (columns - mean) / scale * varies
    centre = target.mean()
    penalty = np.broadcast_to(np.asarray(penalty, dtype=float), scale.shape) + ~varies
    gram = z.T @ z / len(z) + np.diag(penalty)
    moment = z.T @ (target - centre) / len(z)
    w = np.linalg.lstsq(gram, moment, rcond=None)[0] / scale
    return np.append(w, centre - mean @ w)


def ridge_predict(weights: Array, columns: Array) -> Array:
    """Return the prediction (T,) for columns (T, p) and weights (p + 1,)."""
    return np.asarray(columns @ weights[:-1] + weights[-1])


def left_out_errors(
    columns: Array,
    target: Array,
    groups: NDArray[np.intp],
    penalty: ArrayLike,
    twins: NDArray[np.bool_] | None = None,
) -> Array:
    """Return the sum of squared errors of each group (G,) where it is predicted from the others.

    Args:
        columns: (T, p).
        target: (T,).
        groups: To which of them each row belongs, (T,).
        penalty: As for `ridge_weights`.
        twins: Whether a row is too like one of group 0, 1, ... to predict it from, (T, G).
    """
    errors = []
    for group in np.unique(groups):
        out = groups == group
        learned = ~out if twins is None else ~(out | twins[:, group])
        weights = ridge_weights(columns[learned], target[learned], penalty)
        errors.append(float(np.sum((target[out] - ridge_predict(weights, columns[out])) ** 2)))
    return np.array(errors)
