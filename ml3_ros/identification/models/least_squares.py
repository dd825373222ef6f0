# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Least squares on the rigid-body regressor: the reference that knows a model's structure.

Inverse dynamics is linear in the inertial parameters, tau = Y(q, v, a) w (Atkeson, An and
Hollerbach 1986), and stays so with friction columns beside Y. Where that structure is right,
nothing learned from scratch comes near it, so it is the reference line of every figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import qr, solve_triangular

from ml3_ros.errors import ConfigError, DataError

Array = NDArray[np.float64]


class HasRegressor(Protocol):
    """A rigid-body model that is linear in its inertial parameters."""

    nv: int

    def regressor(self, q: Array, v: Array, a: Array) -> Array:
        """Return Y (B, n, p) of states (B, n)."""
        ...

    def inertial_parameters(self) -> Array:
        """Return the nominal parameters (p,)."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class JointColumns:
    """Which columns every joint adds to the rigid-body regressor, each with its own parameter."""

    viscous: bool = True  # v [N m s/rad]
    coulomb: bool = True  # tanh(v / coulomb_speed) [N m]
    offset: bool = True  # 1 [N m]
    rotor: bool = False  # a [kg m^2]: inertia of motor and gear, seen through the gear
    coulomb_speed: float = 0.05  # speed over which dry friction turns round [rad/s]

    def __post_init__(self) -> None:
        if not self.coulomb_speed > 0.0:
            raise ConfigError(f"coulomb_speed must be > 0, got {self.coulomb_speed}")

    def __call__(self, v: Array, a: Array) -> Array:
        """Return the columns (B, n, k n) for velocities and accelerations (B, n)."""
        kinds = []
        if self.viscous:
            kinds.append(v)
        if self.coulomb:
            kinds.append(np.tanh(v / self.coulomb_speed))
        if self.offset:
            kinds.append(np.ones_like(v))
        if self.rotor:
            kinds.append(a)
        n = v.shape[-1]
        if not kinds:
            return np.zeros((*v.shape, 0))
        return np.concatenate([kind[..., None] * np.eye(n) for kind in kinds], axis=-1)


NO_COLUMNS = JointColumns(viscous=False, coulomb=False, offset=False)


class TorqueRegressor:
    """Y(q, v, a) of a model with joint columns beside it, so that tau = Y w.

    `nominal` (p,) are the model's own parameters, zero for the joint columns.
    """

    def __init__(self, model: HasRegressor, columns: JointColumns = NO_COLUMNS) -> None:
        self._model, self._columns = model, columns
        inertial = model.inertial_parameters()
        extra = columns(np.zeros((1, model.nv)), np.zeros((1, model.nv))).shape[-1]
        self.nominal = np.concatenate([inertial, np.zeros(extra)])

    def __call__(self, q: ArrayLike, v: ArrayLike, a: ArrayLike) -> Array:
        """Return Y (B, n, p) for q [rad], v [rad/s], a [rad/s^2] of shape (B, n)."""
        state = [np.asarray(x, dtype=float) for x in (q, v, a)]
        return np.concatenate([self._model.regressor(*state), self._columns(*state[1:])], axis=-1)


class RecursiveLeastSquares:
    """Least squares with a ridge, block by block, in square-root information form.

    After any number of updates w minimises

        sum keep^age |(tau - Y w) / noise|^2 + sum ridge (w - start)^2

    with the age of samples counted in updates. Only samples fade: if the ridge did too, nothing
    would hold the parameters that a resting arm does not show, and they would grow without bound.

    Kept are a triangular R and z with R w = z, updated by a QR factorisation of [R z; Y tau]
    (Bierman 1977): unlike the covariance form it cannot lose symmetry or definiteness.
    """

    def __init__(
        self,
        n_parameters: int,
        *,
        ridge: ArrayLike = 1e-6,
        start: ArrayLike | None = None,
        noise: ArrayLike = 1.0,
        keep: float = 1.0,
    ) -> None:
        """Begin with w = start.

        Args:
            n_parameters: Number of parameters p.
            ridge: Weight of the distance from `start`, one number or one per parameter; > 0.
            start: Parameters to begin with (p,), zero if left out.
            noise: Standard deviation of tau [N m], one number or one per joint (n,).
            keep: Share of their weight that past samples keep at an update [-]; below 1 the arm
                may change.

        Raises:
            ConfigError: ridge or noise is not > 0, `start` has another length, or keep is not in
                (0, 1].
        """
        if not 0.0 < keep <= 1.0:
            raise ConfigError(f"keep must be in (0, 1], got {keep}")
        weight, self._noise = np.asarray(ridge, dtype=float), np.asarray(noise, dtype=float)
        first = np.zeros(n_parameters) if start is None else np.array(start, dtype=float)
        if first.shape != (n_parameters,):
            raise ConfigError(f"start must have shape ({n_parameters},), got {first.shape}")
        if not (np.all(weight > 0.0) and np.all(self._noise > 0.0)):
            raise ConfigError("ridge and noise must be > 0: without them w is not determined")
        root = np.sqrt(np.broadcast_to(weight, first.shape))
        self._root: Array = np.column_stack([np.diag(root), root * first])
        self._parameters: Array | None = first
        self._keep = np.sqrt(keep)
        # what the ridge loses at an update is added again; no rows where nothing is forgotten
        self._renewed = np.sqrt(1.0 - keep) * self._root if keep < 1.0 else self._root[:0]

    @property
    def parameters(self) -> Array:
        """The parameters w (p,) that fit everything so far."""
        if self._parameters is None:
            self._parameters = np.asarray(
                solve_triangular(self._root[:, :-1], self._root[:, -1]), dtype=float
            )
        return self._parameters

    @property
    def information(self) -> Array:
        """R and z side by side (p, p + 1): w minimises |R w - z|^2."""
        return self._root.copy()

    def update(self, regressor: Array, tau: Array) -> None:
        """Take in a block: regressor (B, n, p) or (n, p), measured tau [N m] (B, n) or (n,).

        Raises:
            DataError: Shapes do not fit, or a value is not finite; nothing was changed.
        """
        rows = self._rows(regressor, tau)
        (triangle,) = qr(np.vstack([self._keep * self._root, self._renewed, rows]), mode="r")
        self._root = np.asarray(triangle[: len(self._root)])
        self._parameters = None

    def predict(self, regressor: Array) -> Array:
        """Return tau [N m] (B, n) for a regressor (B, n, p)."""
        return np.asarray(regressor @ self.parameters)

    def _rows(self, regressor: Array, tau: Array) -> Array:
        n_parameters = self._root.shape[1] - 1
        expected = (*tau.shape, n_parameters)
        if regressor.shape != expected:
            raise DataError(f"regressor must have shape {expected}, got {regressor.shape}")
        if not (np.isfinite(regressor).all() and np.isfinite(tau).all()):
            raise DataError("regressor or tau is not finite: drop such samples")
        weighted = np.concatenate([regressor, tau[..., None]], axis=-1) / self._noise[..., None]
        return np.asarray(weighted.reshape(-1, n_parameters + 1))
