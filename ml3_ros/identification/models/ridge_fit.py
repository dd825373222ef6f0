# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ridge regression of one signal on columns of very different kinds, tested on left-out groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml3_ros.errors import DataError

Array = NDArray[np.float64]
FLAT = 1e-9  # columns that vary less than this are left out


def ridge_weights(
    columns: Array, target: Array, penalty: ArrayLike, counts: Array | None = None
) -> Array:
    """Return w (p + 1,), the offset last, with target = columns @ w[:p] + w[p].

    Minimises mean (target - columns w - offset)^2 + sum penalty (w s)^2 with s the standard
    deviation of each column, so that penalties are pure numbers; the offset has none.

    Args:
        columns: (T, p).
        target: (T,).
        penalty: Of each column [-], (p,) or one for all, >= 0.
        counts: How much each row counts in mean and deviation [-], (T,) >= 0 and some > 0; all
            the same if left out.
    """
    if columns.ndim != 2 or target.shape != columns.shape[:1] or not len(target):
        raise DataError(f"columns {columns.shape} and target {target.shape} do not fit")
    counts = np.ones(len(target)) if counts is None else counts
    if counts.shape != target.shape or not counts.sum() > 0.0:
        raise DataError(f"counts {counts.shape} of rows {target.shape} must be >= 0, some > 0")
    share = counts / counts.sum()
    mean, centre = share @ columns, share @ target
    scale = np.sqrt(share @ np.square(columns - mean))
    varies = scale > FLAT
    scale = np.where(varies, scale, 1.0)
    z = (columns - mean) / scale * varies
    penalty = np.broadcast_to(np.asarray(penalty, dtype=float), scale.shape) + ~varies
    weighted = z.T * share
    gram = weighted @ z + np.diag(penalty)
    moment = weighted @ (target - centre)
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
    counts: Array | None = None,
) -> Array:
    """Return the sum of squared errors of each group (G,) where it is predicted from the others.

    Rows that count little in the fit count as little in the error: what touches the arm while a
    group is left out chooses nothing either.

    Args:
        columns: (T, p).
        target: (T,).
        groups: To which of them each row belongs, (T,).
        penalty: As for `ridge_weights`.
        twins: Whether a row is too like one of group 0, 1, ... to predict it from, (T, G).
        counts: How much each row counts, in fits and in errors, as for `ridge_weights`.
    """
    errors = []
    counts = np.ones(len(target)) if counts is None else counts
    for group in np.unique(groups):
        out = groups == group
        learned = ~out if twins is None else ~(out | twins[:, group])
        weights = ridge_weights(columns[learned], target[learned], penalty, counts[learned])
        left = target[out] - ridge_predict(weights, columns[out])
        errors.append(float(counts[out] @ np.square(left)))
    return np.array(errors)
