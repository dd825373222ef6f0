# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Cluster-robust covariance of least squares: intervals that know that samples are correlated.

Neighbouring samples of a recording share their errors: friction that the model does not have,
filters, a cable. Residuals are therefore taken together in blocks of time, and only blocks count
as independent. Each block's share of the estimate is enlarged by its leverage (the estimator CR2
of Bell and McCaffrey 2002), and Student's t has their degrees of freedom: with a dozen blocks the
plain sandwich gives intervals that are too short.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import stdtrit

from ml3_ros.errors import DataError

Array = NDArray[np.float64]
LEVEL = 0.9  # of an interval, unless another is asked for
LEAST_LEFT = 1e-2  # of a direction: where one block holds the rest, no other confirms it
CONFIRMED = 0.99  # of a parameter, at least, must show in directions that other blocks confirm
UNSEEN = 1e-10  # share of the scaled normal matrix below which a direction is not determined
FEWEST_BLOCKS = 3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Estimate:
    """Parameters of a linear fit with their uncertainty.

    `value` (p,), `error` (p,) standard errors, infinite where the rows do not determine a
    parameter or one block alone does, `freedom` (p,) degrees of freedom of each [-],
    `covariance` (p, p).
    """

    value: Array
    error: Array
    freedom: Array
    covariance: Array

    def half_width(self, level: float = LEVEL) -> Array:
        """Return half the length of each parameter's interval (p,), in its unit."""
        return np.asarray(stdtrit(self.freedom, 0.5 + 0.5 * level) * self.error)

    def interval(self, level: float = LEVEL) -> Array:
        """Return the lower and upper end of each parameter's interval, (p, 2)."""
        half = self.half_width(level)
        return np.stack([self.value - half, self.value + half], axis=-1)


def clustered_fit(
    columns: Array,
    target: Array,
    clusters: NDArray[np.intp],
    *,
    weights: Array | None = None,
    prior: Array | None = None,
) -> Estimate:
    """Return weighted least squares of target on columns, with covariance clustered by blocks.

    Args:
        columns: (R, p).
        target: (R,).
        clusters: Block of each row (R,); errors of different blocks are taken for independent.
        weights: Of the squared residual of each row (R,), >= 0, for instance of a robust fit; all
            alike if left out.
        prior: Standard deviation of each parameter about zero before the rows are seen (p,), for
            columns that the rows may not determine; none if left out.

    Raises:
        DataError: Shapes do not fit, or there are fewer than FEWEST_BLOCKS blocks.
    """
    if columns.ndim != 2 or target.shape != columns.shape[:1] or clusters.shape != target.shape:
        raise DataError(
            f"columns {columns.shape}, target {target.shape} and clusters {clusters.shape} do not "
            "fit"
        )
    _, number = np.unique(clusters, return_inverse=True)
    count = int(number.max(initial=-1)) + 1
    if count < FEWEST_BLOCKS:
        raise DataError(
            f"{count} blocks of time are too few for an interval, {FEWEST_BLOCKS} are needed: "
            "record for longer, or use shorter blocks (split.block=1)"
        )
    root = np.ones(len(target)) if weights is None else np.sqrt(weights)
    x, y = columns * root[:, None], target * root
    scale = np.sqrt(np.square(x).sum(axis=0))
    scale[scale == 0.0] = 1.0
    x = x / scale
    order = np.argsort(number, kind="stable")
    cuts = np.flatnonzero(np.diff(number[order])) + 1
    parts = np.split(order, cuts)
    grams = np.stack([x[part].T @ x[part] for part in parts])
    extra = np.zeros(len(scale)) if prior is None else 1.0 / (prior * scale) ** 2
    value = _solution(grams.sum(axis=0) + np.diag(extra), x.T @ y)
    residual = y - x @ value
    scores = np.stack([x[part].T @ residual[part] for part in parts])
    covariance, freedom, alone = _covariance(grams, extra, scores)
    hidden = _undetermined(grams.sum(axis=0) + np.diag(extra)) | alone
    error = np.where(hidden, np.inf, np.sqrt(np.diag(covariance)) / scale)
    return Estimate(
        value=value / scale,
        error=error,
        freedom=freedom,
        covariance=covariance / np.outer(scale, scale),
    )


def _solution(gram: Array, moment: Array) -> Array:
    return np.asarray(np.linalg.lstsq(gram, moment, rcond=UNSEEN)[0])


def _undetermined(gram: Array) -> NDArray[np.bool_]:
    """Return which parameters (p,) have a part in a direction that no row shows."""
    values, directions = np.linalg.eigh(gram)
    dark = directions[:, values < UNSEEN * values[-1]]
    return np.asarray((np.abs(dark) > 1e-3).any(axis=1))


def _covariance(
    grams: Array, extra: Array, scores: Array
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return covariance (p, p) and degrees of freedom (p,) of scaled parameters; who is alone.

    Alone (p,) is a parameter that one block determines: the fit follows that block's errors, and
    no residual tells how large they are.

    With X'X = L L', block g has the leverage P_g = L^-1 X_g'X_g L^-T (p, p); CR2 multiplies its
    score L^-1 X_g'e by (I - P_g)^-1/2. Working errors of the degrees of freedom are independent.

    Args:
        grams: X_g'X_g (G, p, p).
        extra: What a prior adds to the diagonal of their sum (p,).
        scores: X_g'e (G, p).
    """
    p = len(extra)
    total = grams.sum(axis=0) + np.diag(extra)
    lower = np.linalg.cholesky(total + UNSEEN * np.trace(total) / p * np.eye(p))
    inverse = solve_triangular(lower, np.eye(p), lower=True)
    leverage = inverse @ grams @ inverse.T
    share, directions = np.linalg.eigh(leverage)
    left = np.maximum(1.0 - share, LEAST_LEFT)
    white = scores @ inverse.T
    turned = np.einsum("gji,gj->gi", directions, white) / np.sqrt(left)
    adjusted = np.einsum("gij,gj->gi", directions, turned)
    middle = adjusted.T @ adjusted + (inverse * extra) @ inverse.T
    covariance = inverse.T @ middle @ inverse
    freedom = np.array([_freedom(share, left, directions, inverse[:, k]) for k in range(p)])
    sole = share > 1.0 - LEAST_LEFT
    along = np.einsum("gji,jk->gik", directions, inverse) ** 2
    alone = (along * sole[..., None]).sum(axis=1).max(axis=0)
    return covariance, freedom, alone > (1.0 - CONFIRMED) * np.square(inverse).sum(axis=0)


def _freedom(share: Array, left: Array, directions: Array, contrast: Array) -> float:
    """Return Satterthwaite's degrees of freedom of a parameter, at least 1.

    Args:
        share: Eigenvalues of the leverages (G, p), `left` what they leave of 1.
        left: The same shape.
        directions: Their eigenvectors (G, p, p).
        contrast: The parameter in whitened coordinates (p,).
    """
    along = np.einsum("gji,j->gi", directions, contrast)
    own = (along**2 * share / left).sum(axis=1)
    seen = np.einsum("gij,gj->gi", directions, along * share / np.sqrt(left))
    matrix = np.diag(own) - seen @ seen.T
    trace = float(np.trace(matrix))
    square = float(np.square(matrix).sum())
    return max(1.0, trace**2 / square) if square > 0.0 else 1.0
