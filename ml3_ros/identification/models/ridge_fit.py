# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ridge regression of one signal on columns of very different kinds, tested on left-out groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml3_ros.errors import DataError

Array = NDArray[np.float64]
LEAST = 1e-12  # added to penalties: of columns that say the same, each gets a share
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


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """Errors of groups that are predicted from the others, for any choice of some columns.

    Kept are sums of products of 1, the columns (p) and the target: `each` (G, p + 2, p + 2) of
    every group, `others` of the rows that it is predicted from. So trying a choice costs no pass
    over the rows.
    """

    each: Array
    others: Array

    @staticmethod
    def of(
        columns: Array,
        target: Array,
        groups: NDArray[np.intp],
        twins: NDArray[np.bool_] | None = None,
        counts: Array | None = None,
    ) -> LeftOut:
        """Take the sums; arguments as for `left_out_errors`."""
        counts = np.ones(len(target)) if counts is None else counts
        # about their means: sums of products would lose what is small beside them
        z = np.empty((len(target), columns.shape[1] + 2))
        z[:, 0], z[:, -1] = 1.0, target - target.mean()
        np.subtract(columns, columns.mean(axis=0), out=z[:, 1:-1])

        def moments(some: NDArray[np.bool_]) -> Array:
            part = z[some]
            return np.asarray(part.T @ (part * counts[some, None]))

        names = np.unique(groups)
        each = np.stack([moments(groups == group) for group in names])
        others = each.sum(axis=0) - each
        if twins is not None and twins.any():
            for place, group in enumerate(names):
                others[place] -= moments(twins[:, group] & (groups != group))
        return LeftOut(each, others)

    def errors(self, penalty: ArrayLike, some: Sequence[int] | None = None) -> Array:
        """Return the sum of squared errors of each group (G,) by `some` of the columns, or all."""
        each, others = self.each, self.others
        if some is not None:
            kept = np.concatenate([[0], np.asarray(some, dtype=int) + 1, [each.shape[-1] - 1]])
            each, others = (x[:, kept[:, None], kept] for x in (each, others))
        weights = _weights_of_moments(others, penalty)
        miss = np.concatenate([-weights, np.ones((len(each), 1))], axis=1)
        return np.maximum(np.einsum("gi,gij,gj->g", miss, each, miss), 0.0)


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
    return LeftOut.of(columns, target, groups, twins, counts).errors(penalty)


def _weights_of_moments(moments: Array, penalty: ArrayLike) -> Array:
    """Return (offset, w) (G, p + 1) as `ridge_weights`, of sums of products of 1, x and y.

    Args:
        moments: (G, p + 2, p + 2), in the order 1, columns, target.
        penalty: As for `ridge_weights`.
    """
    count = moments[:, 0, 0]
    if not (count > 0.0).all():
        raise DataError("a group is to be predicted from rows of which none counts")
    mean = moments[:, 0, 1:] / count[:, None]
    spread = moments[:, 1:, 1:] / count[:, None, None] - mean[:, :, None] * mean[:, None, :]
    scale = np.sqrt(np.maximum(np.diagonal(spread, axis1=1, axis2=2)[:, :-1], 0.0))
    varies = scale > FLAT
    scale = np.where(varies, scale, np.inf)
    p = scale.shape[1]
    gram = spread[:, :p, :p] / scale[:, :, None] / scale[:, None, :]
    gram[:, np.arange(p), np.arange(p)] += np.broadcast_to(penalty, (p,)) + ~varies + LEAST
    w = np.linalg.solve(gram, (spread[:, :p, p] / scale)[..., None])[..., 0] / scale
    offset = mean[:, p] - np.einsum("gp,gp->g", w, mean[:, :p])
    return np.concatenate([offset[:, None], w], axis=1)
