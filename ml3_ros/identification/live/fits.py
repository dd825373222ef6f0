# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fits of a linear model on a stream: ordinary, robust and learned least squares."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError
from ml3_ros.identification.live.learned_fit import LearnedFit
from ml3_ros.identification.live.structure import Structure
from ml3_ros.identification.models.least_squares import RecursiveLeastSquares
from ml3_ros.identification.robust.recursive import RobustRecursiveLeastSquares
from ml3_ros.zoo import shipped_loss

Array = NDArray[np.float64]
FitName = Literal["least_squares", "robust", "learned"]
LEARNED = "touched_arm"  # the shipped loss, for any arm
LEAST_WEIGHT = 1e-4  # of a row, where its logarithm is told
FLOOR = 1.0  # of the noise that is expected: no arm is thought to have less


class LinearFit(Protocol):
    """What learns w of tau = Y w from rows of a stream."""

    @property
    def parameters(self) -> Array:
        """Parameters w (p,) that fit everything so far."""
        ...

    @property
    def scale(self) -> Array:
        """Torque that no w explains, standard deviation [N m] (n,); empty before any row."""
        ...

    @property
    def precision(self) -> Array:
        """Inverse of the covariance of w (p, p), as the noise of the rows was announced."""
        ...

    def believed(self) -> tuple[Array, Array]:
        """Return times [s] (R,) of the newest rows, and how far each is believed (R, n).

        That is the logarithm of a weight, 0 at full trust.
        """
        ...

    def update(self, t: Array, regressor: Array, tau: Array, v: Array) -> None:
        """Take in rows: times [s] (B,), regressor (B, n, p), measured tau [N m] and v [rad/s].

        Raises:
            DataError: Shapes do not fit, or a value is not finite; nothing was changed.
        """
        ...


class LeastSquares:
    """Ordinary recursive least squares as a `LinearFit`: every row counts, whatever it holds."""

    def __init__(self, start: Array, ridge: Array, noise: Array, *, keep: float = 1.0) -> None:
        """Begin with w = start; see `make_fit`, and `RecursiveLeastSquares` for `keep`."""
        self._solver = RecursiveLeastSquares(
            len(start), ridge=ridge, start=start, noise=noise, keep=keep
        )
        self._keep = keep
        self._power, self._count = np.zeros(len(noise)), 0.0
        self.scale: Array = np.zeros(0)
        self._newest = np.zeros(0)

    def believed(self) -> tuple[Array, Array]:
        """See `LinearFit`; all rows are."""
        return self._newest, np.zeros((len(self._newest), len(self._power)))

    @property
    def parameters(self) -> Array:
        """See `LinearFit`."""
        return self._solver.parameters

    @property
    def precision(self) -> Array:
        """See `LinearFit`."""
        root = self._solver.information[:, :-1]
        return np.asarray(root.T @ root)

    def update(self, t: Array, regressor: Array, tau: Array, v: Array) -> None:
        """See `LinearFit`; velocities are not looked at."""
        self._solver.update(regressor, tau)
        self._newest = t
        left = np.square(tau - regressor @ self.parameters).sum(axis=0)
        self._power = self._keep * self._power + left
        self._count = self._keep * self._count + len(tau)
        self.scale = np.sqrt(self._power / self._count)


class RobustLeastSquares:
    """`RobustRecursiveLeastSquares` as a `LinearFit`: what touches the arm is left out."""

    def __init__(self, start: Array, ridge: Array, noise: Array) -> None:
        """Begin with w = start; see `make_fit`."""
        self._solver = RobustRecursiveLeastSquares(
            len(start), ridge=ridge, start=start, noise=noise, floor=FLOOR * noise
        )

    @property
    def parameters(self) -> Array:
        """See `LinearFit`."""
        return self._solver.parameters

    @property
    def scale(self) -> Array:
        """See `LinearFit`."""
        return self._solver.scale

    @property
    def precision(self) -> Array:
        """See `LinearFit`."""
        return self._solver.precision

    def believed(self) -> tuple[Array, Array]:
        """See `LinearFit`."""
        t, weights = self._solver.waiting
        return t, np.log(np.maximum(weights, LEAST_WEIGHT))

    def update(self, t: Array, regressor: Array, tau: Array, v: Array) -> None:
        """See `LinearFit`; velocities are not looked at."""
        self._solver.update(t, regressor, tau)


def make_fit(
    name: FitName, structure: Structure, *, keep: float = 1.0, spacing: float = 0.05
) -> LinearFit:
    """Return a fresh fit by its name.

    Args:
        name: least_squares, robust or learned.
        structure: What is fitted.
        keep: Share of their weight that past samples keep at an update [-]; least squares only.
        spacing: Time between rows [s].

    Raises:
        ConfigError: There is no such fit.
    """
    start, ridge, noise = structure.start, structure.ridge, structure.noise
    if name == "least_squares":
        return LeastSquares(start, ridge, noise, keep=keep)
    if name == "robust":
        return RobustLeastSquares(start, ridge, noise)
    if name == "learned":
        return LearnedFit(shipped_loss(LEARNED), structure, spacing)
    raise ConfigError(f"there is no fit {name!r}: use least_squares, robust or learned")
