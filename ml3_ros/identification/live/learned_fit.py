# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Least squares under a learned loss on a stream: which rows to believe was learned, not set.

The newest seconds wait as rows and are weighted anew at every update, from the residuals around
each; older rows count for good with their last weight. Nothing is tuned for an arm.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.learner import closed_form
from ml3_ros.core.linear_model import COEFFICIENTS, COLUMNS, LinearModel, WeightedProblem
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import LEAST_SQUARES, LossSpec
from ml3_ros.core.networks import BoundModel
from ml3_ros.core.types import Batch
from ml3_ros.errors import DataError, LossFileError
from ml3_ros.identification.live.structure import Structure

Array = NDArray[np.float64]
LAG = 20.0  # that rows wait [s]: as long as the recordings that losses are trained on
FIRST_PASSES, PASSES = 6, 2  # reweighted fits at the first updates, and at each later one
SETTLED = 5  # updates after which the later ones are enough
BELIEVED = 0.9  # quantile of a joint's weights that counts as full trust


def loss_for(loss: LearnedLoss, unit: Array, spacing: float) -> LossSpec:
    """Return the spec of a loss of linear models for another arm; phi serves any number of joints.

    Args:
        loss: Of a linear model, see `tasks.touched`.
        unit: Usual torque of each joint that the description does not explain [N m], (n,).
        spacing: Time between rows [s].

    Raises:
        LossFileError: It is no loss of linear models.
    """
    spec = loss.spec
    named = tuple(x.name for x in spec.context)
    if spec.inner_optimizer != LEAST_SQUARES or named != ("v",):
        raise LossFileError(
            "it is no loss of physical models: make one with `ml3 train --task touched`"
        )
    own = spec.of_size(len(unit), spacing=spacing)
    return replace(own, target=replace(own.target, scale=tuple(unit.tolist())))


class LearnedFit:
    """Learns w of tau = Y w under a learned loss; a `LinearFit`.

    Attributes:
        parameters: w (p,) that fit everything so far.
        scale: Torque that no w explains, standard deviation [N m] (n,); empty before any row.
        precision: Inverse of the covariance of w (p, p), as the noise was announced.
    """

    def __init__(self, loss: LearnedLoss, structure: Structure, spacing: float) -> None:
        """Begin with the arm as described.

        Args:
            loss: Of a linear model, for any arm.
            structure: What is fitted.
            spacing: Time between rows [s].

        Raises:
            LossFileError: It is no loss of linear models.
        """
        start, sizes, noise, unit = (
            structure.start,
            structure.spread,
            structure.noise,
            structure.unit,
        )
        self._spec = loss_for(loss, unit, spacing)
        self._phi = loss.phi
        self._model = LinearModel(len(noise), structure.kinds)
        self._loss = closed_form(self._spec.loss())
        self._start, self._sizes, self._noise = start, sizes, noise
        self._gain = torch.tensor(1.0 / unit, dtype=torch.float32)
        p = len(start)
        self.parameters = start.copy()
        self.scale: Array = np.zeros(0)
        self._prior = np.diag(sizes**-2.0)
        self._t = np.zeros(0)
        self._columns = torch.zeros(0, len(noise), p)
        self._rest = torch.zeros(0, len(noise))  # measured less that of `start`
        self._v = torch.zeros(0, len(noise))
        self._weights = torch.zeros(0, len(noise))
        # of rows that wait no longer: moments in the unit of the loss, and believed information
        self._gram = torch.zeros(p, p, dtype=torch.float64)
        self._moment = torch.zeros(p, dtype=torch.float64)
        self._information = np.zeros((p, p))
        self.precision: Array = self._prior.copy()
        self._updates = 0

    def believed(self) -> tuple[Array, Array]:
        """See `LinearFit`."""
        weights = self._weights.double().numpy()
        if not len(weights):
            return self._t, weights
        # of all joints alike, as when losses of networks are trained
        return self._t, np.log(weights / np.quantile(weights, BELIEVED))

    def update(self, t: Array, regressor: Array, tau: Array, v: Array) -> None:
        """See `LinearFit`."""
        self._append(t, regressor, tau, v)
        batch = {
            COLUMNS: self._columns.flatten(-2),
            self._spec.target.name: self._rest,
            "v": self._v,
        }
        coefficients = torch.from_numpy((self.parameters - self._start) / self._sizes).float()
        passes = FIRST_PASSES if self._updates < SETTLED else PASSES
        with torch.no_grad():
            for made in range(passes):
                coefficients, self._weights = self._pass(coefficients, batch, made)
        self._updates += 1
        self.parameters = self._start + self._sizes * coefficients.double().numpy()
        self._judge(coefficients)
        self._take_in()

    def _pass(self, coefficients: Tensor, batch: Batch, made: int) -> tuple[Tensor, Tensor]:
        """Return the fit with the weights of the last one's residuals, and these weights."""
        bound = BoundModel(self._model, {COEFFICIENTS: coefficients})
        # losses are trained to count their fits of one recording
        count = torch.tensor(float(made if self._updates < SETTLED else FIRST_PASSES))
        problem = self._loss.problem(self._phi, bound, batch, count)
        return problem.solve(self._gram, self._moment), problem.weights

    def _append(self, t: Array, regressor: Array, tau: Array, v: Array) -> None:
        n, p = len(self._noise), len(self._start)
        shapes = (t.shape, regressor.shape, tau.shape, v.shape)
        if not len(t) or shapes != ((len(t),), (len(t), n, p), (len(t), n), (len(t), n)):
            raise DataError(
                f"t, regressor, tau and v are {shapes}: they must be (B,), (B, {n}, {p}), "
                f"(B, {n}) and (B, {n})"
            )
        new = (regressor * self._sizes, tau - regressor @ self._start, v)
        with np.errstate(over="ignore"):  # what float32 cannot hold is not finite
            columns, rest, speed = (torch.from_numpy(np.asarray(x, np.float32)) for x in new)
        if not np.isfinite(t).all() or not all(x.isfinite().all() for x in (columns, rest, speed)):
            raise DataError(
                "t, regressor, tau or v is not finite, or too large: drop such samples"
            )
        if (np.diff(np.concatenate([self._t[-1:], t])) <= 0.0).any():
            raise DataError("times must rise: sort samples, and drop those that come twice")
        self._t = np.concatenate([self._t, t])
        self._columns = torch.cat([self._columns, columns])
        self._rest, self._v = torch.cat([self._rest, rest]), torch.cat([self._v, speed])

    def _trust(self) -> Array:
        """Return how far the fit believes each row that waits, 0 ... 1, (R, n)."""
        weights = self._weights.double().numpy()
        full = np.quantile(weights, BELIEVED, axis=0)
        return np.asarray(np.minimum(weights / np.maximum(full, 1e-12), 1.0))

    def _judge(self, coefficients: Tensor) -> None:
        """Tell the noise of each joint from rows that are believed, and how sure w is."""
        trust = self._trust()
        left = (self._rest - self._columns @ coefficients).double().numpy()
        power = (trust * np.square(left)).sum(0) / trust.sum(0)
        self.scale = np.sqrt(np.maximum(power, 1e-12))
        self.precision = self._prior + self._information + self._believed(slice(None), trust)

    def _believed(self, rows: slice | NDArray[np.bool_], trust: Array) -> Array:
        """Return the information of rows about w in SI units (p, p)."""
        weighted = self._columns[rows].double().numpy() / self._noise[:, None] / self._sizes
        flat = (np.sqrt(trust[rows])[..., None] * weighted).reshape(-1, len(self._sizes))
        return np.asarray(flat.T @ flat)

    def _take_in(self) -> None:
        """Let rows that have waited long enough count for good, with their weights."""
        old = self._t <= self._t[-1] - LAG
        if not old.any():
            return
        rows, kept = torch.from_numpy(old), torch.from_numpy(~old)
        problem = WeightedProblem(
            self._columns[rows] * self._gain[:, None],
            self._rest[rows] * self._gain,
            self._weights[rows],
            torch.zeros(len(self._sizes)),
        )
        gram, moment = problem.normal_equations()
        self._gram, self._moment = self._gram + gram, self._moment + moment
        self._information = self._information + self._believed(old, self._trust())
        self._t = self._t[~old]
        self._columns, self._weights = self._columns[kept], self._weights[kept]
        self._rest, self._v = self._rest[kept], self._v[kept]
