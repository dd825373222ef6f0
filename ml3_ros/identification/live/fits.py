# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fits of a linear model on a stream: ordinary and robust least squares, one interface."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError
from ml3_ros.identification.models.least_squares import RecursiveLeastSquares
from ml3_ros.identification.robust.recursive import RobustRecursiveLeastSquares

Array = NDArray[np.float64]
FitName = Literal["least_squares", "robust"]
FLOOR = 0.5  # of the noise that is expected: no arm is thought to have less


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

    def update(self, t: Array, regressor: Array, tau: Array) -> None:
        """Take in rows: times [s] (B,), regressor (B, n, p), measured tau [N m] (B, n).

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

    @property
    def parameters(self) -> Array:
        """See `LinearFit`."""
        return self._solver.parameters

    @property
    def precision(self) -> Array:
        """See `LinearFit`."""
        root = self._solver.information[:, :-1]
        return np.asarray(root.T @ root)

    def update(self, t: Array, regressor: Array, tau: Array) -> None:
        """See `LinearFit`."""
        self._solver.update(regressor, tau)
        left = np.square(tau - regressor @ self.parameters).sum(axis=0)
        self._power = self._keep * self._power + left
        self._count = self._keep * self._count + len(tau)
        self.scale = np.sqrt(self._power / self._count)


def make_fit(
    name: FitName, start: Array, ridge: Array, noise: Array, *, keep: float = 1.0
) -> LinearFit:
    """Return a fresh fit by its name.

    Args:
        name: least_squares or robust.
        start: Parameters to begin with (p,).
        ridge: Inverse variance of each before any row, (p,).
        noise: Torque that no model explains, expected of each joint [N m], (n,).
        keep: Share of their weight that past samples keep at an update [-]; robust keeps all.

    Raises:
        ConfigError: There is no such fit.
    """
    if name == "least_squares":
        return LeastSquares(start, ridge, noise, keep=keep)
    if name == "robust":
        return RobustRecursiveLeastSquares(
            len(start), ridge=ridge, start=start, noise=noise, floor=FLOOR * noise
        )
    raise ConfigError(f"there is no fit {name!r}: use least_squares or robust")
