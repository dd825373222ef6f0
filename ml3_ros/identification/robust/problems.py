# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Weighted least-squares problems: weights of every row and joint in, residuals out.

A problem is a callable, so that one way to find weights serves every fit: friction of each joint,
columns of each joint with penalties, or one set of parameters for all joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml3_ros.errors import DataError

Array = NDArray[np.float64]
FEWEST = 30  # rows with weight; where a joint has fewer, they cannot tell its parameters


class Problem(Protocol):
    """Least squares on given rows."""

    @property
    def tau(self) -> Array:
        """What is to be explained, (R, n)."""
        ...

    @property
    def floor(self) -> Array | float:
        """Scale below which no joint's noise is thought to be, in the unit of tau, (n,) or one."""
        ...

    def solve(self, weights: Array) -> Array:
        """Return the residuals (R, n) of the fit by weights (R, n), each >= 0."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class JointwiseProblem:
    """Every joint has columns and parameters of its own.

    Minimises per joint mean w (tau - X x)^2 + sum penalty x^2. `columns` holds X (R, p_j) and
    `penalties` (p_j,) >= 0 of each joint, `tau` is (R, n).
    """

    columns: Sequence[Array]
    penalties: Sequence[Array]
    tau: Array
    floor: float = 0.0

    def parameters(self, weights: Array) -> list[Array]:
        """Return the parameters of each joint (p_j,) for weights (R, n)."""
        found = []
        for x, penalty, target, weight in zip(
            self.columns, self.penalties, self.tau.T, _usable(weights).T, strict=True
        ):
            weighted = x.T * (weight / weight.sum())
            # of columns that say the same, the smallest parameters
            found.append(
                np.linalg.lstsq(weighted @ x + np.diag(penalty), weighted @ target, rcond=1e-13)[0]
            )
        return found

    def solve(self, weights: Array) -> Array:
        """Return the residuals (R, n); see `Problem`."""
        found = self.parameters(weights)
        predicted = [x @ w for x, w in zip(self.columns, found, strict=True)]
        return np.asarray(self.tau - np.stack(predicted, axis=-1))


class JointProblem:
    """All joints share parameters: tau = Y w, as rigid-body regressors have them.

    Minimises sum weights ((tau - Y w) / unit)^2 + |R w - z|^2 with a known R and z, such as a
    ridge or what was learned before.
    """

    def __init__(
        self,
        regressor: Array,
        tau: Array,
        *,
        unit: Array,
        known: Array,
        floor: Array | float = 0.0,
    ) -> None:
        """Take the rows.

        Args:
            regressor: Y (R, n, p).
            tau: Measured torque [N m] (R, n).
            unit: In which joints are compared [N m], (n,), > 0: their noise, or else their spread.
            known: R and z side by side (p, p + 1); see `ridge_information`.
            floor: See `Problem` [N m].

        Raises:
            DataError: Shapes do not fit, or a value is not finite.
        """
        p = regressor.shape[-1]
        if regressor.shape != (*tau.shape, p) or known.shape != (p, p + 1) or not len(tau):
            raise DataError(
                f"regressor {regressor.shape}, tau {tau.shape} and known {known.shape} do not fit"
            )
        if not (np.isfinite(regressor).all() and np.isfinite(tau).all()):
            raise DataError("regressor or tau is not finite: drop such samples")
        self.tau, self.floor, self._unit = tau, floor, unit
        self._rows = (regressor / unit[:, None]).reshape(-1, p)
        self._target = (tau / unit).reshape(-1)
        self._gram = known[:, :-1].T @ known[:, :-1]
        self._moment = known[:, :-1].T @ known[:, -1]

    def parameters(self, weights: Array) -> Array:
        """Return w (p,) for weights (R, n)."""
        moment = self._moment + (self._rows.T * weights.reshape(-1)) @ self._target
        return np.asarray(np.linalg.solve(self.information(weights), moment))

    def information(self, weights: Array) -> Array:
        """Return the matrix of the normal equations (p, p) for weights (R, n)."""
        return np.asarray(self._gram + (self._rows.T * weights.reshape(-1)) @ self._rows)

    def residual(self, parameters: Array) -> Array:
        """Return tau - Y w [N m] (R, n) for w (p,)."""
        left = self._target - self._rows @ parameters
        return np.asarray(left.reshape(self.tau.shape) * self._unit)

    def solve(self, weights: Array) -> Array:
        """Return the residuals [N m] (R, n); see `Problem`."""
        return self.residual(self.parameters(weights))


def ridge_information(ridge: ArrayLike, start: Array) -> Array:
    """Return R and z (p, p + 1) of sum ridge (w - start)^2: one number > 0 or (p,), and (p,)."""
    root = np.sqrt(np.broadcast_to(np.asarray(ridge, dtype=float), start.shape))
    return np.column_stack([np.diag(root), root * start])


def _usable(weights: Array) -> Array:
    """Return weights (R, n) with those of a joint that keeps too few rows replaced by ones."""
    kept = (weights > 0.0).sum(axis=0) >= min(FEWEST, len(weights))
    return np.where(kept, weights, 1.0)
