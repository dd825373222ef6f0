# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An arm as a linear model: torque as described, plus columns for what may differ from that.

Inverse dynamics is linear in inertial parameters and in friction coefficients. Parameters are
deviations from the description in units of how much arms of a kind differ, so that 1 is a large
one for each of them, whatever its physical unit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.presliding import hysteresis
from ml3_ros.robots.base import Array
from ml3_ros.robots.perturbation import COULOMB_SHARE, VISCOUS_SHARE
from ml3_ros.robots.pinocchio_model import PinocchioModel

MASS_SPREAD = 0.2  # of a link's mass over arms of a kind, as a share of it
RADIUS = 0.05  # by which a centre of mass and a radius of gyration may differ [m]
DRY_SPEED = 0.05  # over which dry friction turns round [rad/s]
DISPLACEMENTS = (0.005, 0.02)  # of the presliding columns [rad]
STRONGEST = 5.0  # effort limit where the description has none, in units of gravity's torque
PARAMETER_KINDS = (
    *("mass", "moment", "inertia", "tool mass", "tool moment", "tool inertia", "rotor"),
    *("viscous", "dry", "offset", "presliding"),
)
"""Groups of parameters. Those of the last link, which carries the payload, are the tool's."""


class LinearArm:
    """Torque of an arm as nominal torque plus columns times deviations.

    Attributes:
        kinds: Index into PARAMETER_KINDS of each parameter, (p,).
        spread: How much it differs over arms of a kind, in SI units, (p,).
    """

    def __init__(self, model: PinocchioModel, *, memory: bool = True) -> None:
        """Take an arm.

        Args:
            model: The arm as described, without perturbation.
            memory: Whether dry friction remembers where it was strained to; else it follows the
                velocity alone.
        """
        self._model, self.n_joints, self._memory = model, model.nv, memory
        self._inertial = model.inertial_parameters()
        n, limits = model.nv, model.limits
        largest = np.abs(model.nle(model.description.home, np.zeros(n))).max() + 1.0
        effort = np.where(np.isfinite(limits.effort), limits.effort, STRONGEST * largest)
        dry = COULOMB_SHARE * effort
        links = np.concatenate([self._spread_of_link(i) for i in range(n)])
        rotors = self._inertial[10 * n :] + 0.01
        of_joints = [VISCOUS_SHARE * effort / limits.velocity, dry, dry]
        of_joints += [dry for _ in DISPLACEMENTS] if memory else []
        self.spread = np.concatenate([links, rotors[: len(self._inertial) - 10 * n], *of_joints])
        inner = np.tile(np.repeat([0, 1, 2], [1, 3, 6]), n - 1)
        outer = np.repeat([3, 4, 5], [1, 3, 6])
        rotor = np.full(len(self._inertial) - 10 * n, 6)
        joint = np.repeat([7, 8, 9, *[10] * (len(of_joints) - 3)], n)
        self.kinds: NDArray[np.int64] = np.concatenate([inner, outer, rotor, joint])

    def _spread_of_link(self, i: int) -> Array:
        mass = self._inertial[10 * i]
        diagonal = self._inertial[10 * i + 4 : 10 * i + 10][[0, 2, 5]]
        light = max(float(mass), 1e-3)
        radius = float(np.sqrt(max(diagonal.sum() / 2.0, 0.0) / light)) + RADIUS
        heavy = MASS_SPREAD * light
        if i == self.n_joints - 1:
            heavy += max(self._model.description.payload_limit, 1e-3) / np.sqrt(3.0)
            radius += 2.0 * RADIUS
        return np.repeat([heavy, heavy * radius, heavy * radius**2], [1, 3, 6])

    def nominal(self, q: Array, v: Array, a: Array) -> Array:
        """Return the torque of the arm as described [N m], (T, n)."""
        return self._model.rnea(q, v, a)

    def columns(self, q: Array, v: Array, a: Array) -> Array:
        """Return what each parameter adds to the torque at a deviation of 1 [N m], (T, n, p).

        Args:
            q: Positions [rad] (T, n), in order of time and without a gap: friction has memory.
            v: Velocities [rad/s] (T, n).
            a: Accelerations [rad/s^2] (T, n).
        """
        joints = [v, np.tanh(v / DRY_SPEED), np.ones_like(v)]
        if self._memory:
            joints += list(np.moveaxis(hysteresis(q, np.array(DISPLACEMENTS)), -1, 0))
        eye = np.eye(self.n_joints)
        columns = [self._model.regressor(q, v, a), *(x[..., None] * eye for x in joints)]
        return np.asarray(np.concatenate(columns, axis=-1) * self.spread)
