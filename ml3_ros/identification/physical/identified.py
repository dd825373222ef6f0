# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Identified arm: links that can exist, gains and friction terms, with which efforts come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import DataError
from ml3_ros.identification.physical.inertia import N, is_physical
from ml3_ros.identification.physical.terms import JointSamples, Term, term_columns

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class IdentifiedArm:
    """Inverse dynamics as a recording shows them.

    effort_j = gain_j (Y phi)_j + sum of friction terms, for `names` (n,). `links` (n, 10) are the
    ten parameters of everything that a joint moves and the next does not, `gains` (n,) the effort
    per N m, `terms` those of each joint with `coefficients` in the unit of the effort, and `noise`
    (n,) what the fit left, as a standard deviation. `urdf` is the arm's description without
    shapes, `gravity` [m/s^2] (3,) in its base. `scale_spread` [-] is the relative standard
    deviation of the factor that all masses have in common, which is not seen in efforts of an
    unknown unit.
    """

    name: str
    names: tuple[str, ...]
    links: Array
    gains: Array
    terms: tuple[tuple[Term, ...], ...]
    coefficients: tuple[Array, ...]
    noise: Array
    urdf: str = ""
    gravity: Array
    scale_spread: float = 0.0

    def __post_init__(self) -> None:
        n = len(self.names)
        if self.links.shape != (n, N) or self.gains.shape != (n,) or self.noise.shape != (n,):
            raise DataError(f"links, gains and noise must be of {n} joints")
        if not is_physical(self.links).all():
            bad = [
                name
                for name, ok in zip(self.names, is_physical(self.links), strict=True)
                if not ok
            ]
            raise DataError(
                f"the links behind {', '.join(bad)} have inertias that no body can have"
            )
        if [len(t) for t in self.terms] != [len(c) for c in self.coefficients] or len(
            self.terms
        ) != n:
            raise DataError("every friction term needs one coefficient")

    def rigid_torque(self, regressor: Array) -> Array:
        """Return Y phi [N m] (R, n) of a regressor (R, n, p >= 10 n) of the arm."""
        return np.asarray(regressor[..., : self.links.size] @ self.links.ravel())

    def friction(self, v: Array, a: Array, strain: Array, load: Array) -> Array:
        """Return the friction effort (R, n).

        Args:
            v: Joint velocities [rad/s], (R, n).
            a: Joint accelerations [rad/s^2], (R, n).
            strain: Presliding states of `split.DISPLACEMENTS` [-], (R, n, D).
            load: Rigid-body torque [N m], (R, n).
        """
        columns = [
            term_columns(terms, JointSamples(v[:, j], a[:, j], load[:, j], strain[:, j])) @ beta
            for j, (terms, beta) in enumerate(zip(self.terms, self.coefficients, strict=True))
        ]
        return np.stack(columns, axis=-1)

    def effort(self, regressor: Array, v: Array, a: Array, strain: Array) -> Array:
        """Return the effort (R, n); arguments as of `rigid_torque` and `friction`."""
        load = self.rigid_torque(regressor)
        return self.gains * load + self.friction(v, a, strain, load)

    def simple_friction(self, v: Array, a: Array, strain: Array, load: Array) -> Array:
        """Return what friction without memory comes nearest, [N m]: (n, 4).

        Viscous [N m s/rad], Coulomb [N m], offset [N m] and rotor inertia [kg m^2] of each joint,
        the first two and the last not negative, by least squares over the rows (R, n); for
        formats that know no more.
        """
        from scipy.optimize import lsq_linear

        target = self.friction(v, a, strain, load) / self.gains
        low = np.array([0.0, 0.0, -np.inf, 0.0])
        rows = []
        for j in range(len(self.names)):
            columns = np.stack([v[:, j], np.sign(v[:, j]), np.ones(len(v)), a[:, j]], axis=-1)
            columns[:, 3] *= float(any(term.kind == "rotor" for term in self.terms[j]))
            rows.append(lsq_linear(columns, target[:, j], (low, np.inf)).x)
        return np.array(rows)


def residual_noise(residual: Array, weights: Sequence[float] | Array | None = None) -> Array:
    """Return the standard deviation (n,) of residuals (R, n), weighted where weights are given."""
    w = np.ones_like(residual) if weights is None else np.asarray(weights, dtype=float)
    return np.asarray(np.sqrt((w * residual**2).sum(axis=0) / np.maximum(w.sum(axis=0), 1e-300)))
