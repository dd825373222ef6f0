# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Robust least squares on a stream: what touches the arm is not learned, whenever it comes.

A square-root information filter holds what is known for good. The newest seconds wait beside it as
rows: a contact shows better from both its sides than while it begins, so rows are weighted anew
until they are old enough, and are then taken in with their last weight. Memory is bounded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml3_ros.errors import ConfigError, DataError
from ml3_ros.identification.models.least_squares import RecursiveLeastSquares
from ml3_ros.identification.robust.irls import (
    NARROW,
    REACH,
    RobustConfig,
    robust_fit,
    settled_weights,
)
from ml3_ros.identification.robust.problems import JointProblem
from ml3_ros.identification.robust.weights import NOTHING, WEIGHTS, evidence

Array = NDArray[np.float64]
REWEIGHTED = 3  # times at each update
GROWTH = 1.5  # the first rows are fitted from random starts again when there are so many more
_DEFAULT = RobustConfig()


class RobustRecursiveLeastSquares:
    """tau = Y w for all joints, block by block, with weights of rows and joints.

    Like `RecursiveLeastSquares`, whose ridge, start and noise it shares; `noise` is only in which
    unit joints are compared. The scale of each joint is tracked over all rows that agree.
    """

    def __init__(
        self,
        n_parameters: int,
        *,
        noise: ArrayLike,
        ridge: ArrayLike = 1e-6,
        start: ArrayLike | None = None,
        floor: ArrayLike = 0.0,
        lag: float = 20.0,
        width: float = NARROW,
        config: RobustConfig = _DEFAULT,
    ) -> None:
        """Begin with w = start.

        Args:
            n_parameters: Number of parameters p.
            noise: Unit of each joint's torque [N m], (n,) or one number; its spread will do.
            ridge: Weight of the distance from `start`, one number or one per parameter; > 0.
            start: Parameters to begin with (p,), zero if left out.
            floor: Scale below which no joint's noise is thought to be [N m], one number or (n,).
                Fewer rows than parameters are fitted without error: where that were taken for
                the noise, all that comes later would look like a contact.
            lag: How long rows wait before they count for good [s]; longer than contacts last.
            width: Evidence up to which rows agree [scales].
            config: Of the robust fit.

        Raises:
            ConfigError: As `RecursiveLeastSquares`, or lag or width is not > 0.
        """
        if not (lag > 0.0 and width > 0.0):
            raise ConfigError(f"lag and width must be > 0, got {lag} s and {width}")
        self._known = RecursiveLeastSquares(n_parameters, ridge=ridge, start=start, noise=noise)
        self._noise, self._lag = np.asarray(noise, dtype=float), lag
        self._floor = np.asarray(floor, dtype=float)
        self._width, self._config = width, config
        self.parameters = self._known.parameters  # w (p,) that fit everything so far
        self.scale = np.zeros(0)  # noise of each joint [N m] (n,), empty before any row
        self._t = np.zeros(0)
        self._regressor = np.zeros((0, 0, n_parameters))
        self._tau = np.zeros((0, 0))
        self._weights = np.zeros((0, 0))
        self._fitted = 0  # rows when they were last fitted from random starts
        self._taken_in = False
        known = self._known.information[:, :-1]
        self.precision: Array = known.T @ known  # inverse of the covariance of w (p, p)
        self._power: Array = np.zeros(0)  # of rows that agreed and wait no longer
        self._count: Array = np.zeros(0)

    @property
    def waiting(self) -> tuple[Array, Array]:
        """Times [s] (R,) of the rows that wait, and their weights (R, n)."""
        return self._t.copy(), self._weights.copy()

    def update(self, t: Array, regressor: Array, tau: Array) -> None:
        """Take in rows: times [s] (B,), regressor (B, n, p), measured tau [N m] (B, n).

        Raises:
            DataError: Shapes do not fit, a value is not finite, or times do not rise; nothing was
                changed.
        """
        self._append(t, regressor, tau)
        problem = JointProblem(
            self._regressor,
            self._tau,
            unit=np.broadcast_to(self._noise, self._tau.shape[1:]),
            known=self._known.information,
            floor=self._floor,
        )
        first = not self._taken_in and self._t[-1] - self._t[0] >= self._lag
        if first or (not self._taken_in and len(self._t) >= GROWTH * self._fitted):
            fit = robust_fit(problem, self._t, self._width, self._config)
            self._weights, self.scale = fit.weights, fit.scale
            self._fitted = len(self._t)
        # New rows may be touched, or show what was not seen before: weighed by what is known, and
        # fitted first. Kept is what leaves fewer rows unexplained.
        ways = [
            self._reweighted(problem, residual)
            for residual in (problem.residual(self.parameters), problem.solve(self._weights))
        ]
        self._weights, around, residual = min(
            ways, key=lambda way: np.minimum(np.square(way[1]), self._width**2).sum()
        )
        self._track(residual, around)
        self.parameters = problem.parameters(self._weights)
        self.precision = problem.information(self._weights)
        self._take_in(problem.residual(self.parameters))

    def predict(self, regressor: Array) -> Array:
        """Return tau [N m] (B, n) for a regressor (B, n, p)."""
        return np.asarray(regressor @ self.parameters)

    def _append(self, t: Array, regressor: Array, tau: Array) -> None:
        p = self._known.information.shape[0]
        if tau.ndim != 2 or regressor.shape != (*tau.shape, p) or t.shape != tau.shape[:1]:
            raise DataError(
                f"t {t.shape}, regressor {regressor.shape} and tau {tau.shape} must be (B,), "
                f"(B, n, {p}) and (B, n)"
            )
        if not all(np.isfinite(x).all() for x in (t, regressor, tau)):
            raise DataError("t, regressor or tau is not finite: drop such samples")
        whole = np.concatenate([self._t[-1:], t])
        if not len(t) or (np.diff(whole) <= 0.0).any():
            raise DataError("times must rise: sort samples, and drop those that come twice")
        if not len(self.scale):
            n = tau.shape[1]
            self.scale = np.broadcast_to(self._noise, (n,)).astype(float)
            self._power, self._count = np.zeros(n), np.zeros(n)
            self._regressor, self._tau = np.zeros((0, n, p)), np.zeros((0, n))
            self._weights = np.zeros((0, n))
        self._t = np.concatenate([self._t, t])
        self._regressor = np.concatenate([self._regressor, regressor])
        self._tau = np.concatenate([self._tau, tau])
        self._weights = np.concatenate([self._weights, np.ones_like(tau)])

    def _reweighted(self, problem: JointProblem, residual: Array) -> tuple[Array, Array, Array]:
        """Return weights, evidence and residuals (R, n) after some steps from given residuals."""
        weight, _ = WEIGHTS[self._config.loss]
        for _ in range(REWEIGHTED):
            around = evidence(residual, self.scale, self._t, self._config.half)
            weights = weight(around, REACH * self._width)
            residual = problem.solve(weights)
        around = evidence(residual, self.scale, self._t, self._config.half)
        return settled_weights(weights, around, self._width), around, residual

    def _track(self, residual: Array, around: Array) -> None:
        """Let the scale follow what agrees, of all rows so far."""
        agree = around < self._width
        count = self._count + agree.sum(axis=0)
        power = self._power + np.square(residual * agree).sum(axis=0)
        known = count > 0.0
        least = np.maximum(NOTHING * self._noise, self._floor)
        found = np.sqrt(power / np.maximum(count, 1.0))
        self.scale = np.maximum(np.where(known, found, self.scale), least)

    def _take_in(self, residual: Array) -> None:
        """Hand rows that have waited long enough to the filter, with their weights."""
        old = self._t <= self._t[-1] - self._lag
        if not old.any():
            return
        root = np.sqrt(self._weights[old])
        self._known.update(self._regressor[old] * root[..., None], self._tau[old] * root)
        agree = self._weights[old] > 0.0
        self._power = self._power + np.square(residual[old] * agree).sum(axis=0)
        self._count = self._count + agree.sum(axis=0)
        self._taken_in = True
        self._t, self._regressor = self._t[~old], self._regressor[~old]
        self._tau, self._weights = self._tau[~old], self._weights[~old]
