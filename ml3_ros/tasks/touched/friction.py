# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Friction of a simulated gear, with memory, load and ripple: more than a fit has columns for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class GearFriction:
    """Friction of n joints, each field (n,).

    Attributes:
        coulomb: Dry friction [N m].
        viscous: At 1 rad/s [N m].
        power: Exponent of the speed in viscous friction [-].
        stiction: How much more dry friction is at rest, as a share of it (Stribeck 1902) [-].
        stribeck_speed: Speed over which that vanishes [rad/s].
        displacement: Angle over which dry friction builds up after a turn (Dahl 1968) [rad].
        load: Dry friction per torque that the gear carries [-].
        asymmetry: Difference between both directions, as a share of dry friction [-].
        ripple: Of dry friction along a turn, as a share of it [-].
        waves: Of the ripple per radian [1/rad].
        phase: Of the ripple [rad].
        spring: Torque of hoses and springs per angle [N m/rad].
    """

    coulomb: Array
    viscous: Array
    power: Array
    stiction: Array
    stribeck_speed: Array
    displacement: Array
    load: Array
    asymmetry: Array
    ripple: Array
    waves: Array
    phase: Array
    spring: Array

    @staticmethod
    def sample(coulomb: Array, viscous: Array, rng: np.random.Generator) -> GearFriction:
        """Draw what is not dry and viscous friction (n,) of a harmonic-drive arm."""
        n = len(coulomb)
        return GearFriction(
            coulomb=coulomb,
            viscous=viscous,
            power=rng.uniform(0.6, 1.0, n),
            stiction=rng.uniform(0.0, 0.6, n),
            stribeck_speed=rng.uniform(0.05, 0.2, n),
            displacement=np.exp(rng.uniform(np.log(0.002), np.log(0.02), n)),
            load=rng.uniform(0.0, 0.1, n),
            asymmetry=rng.uniform(-0.2, 0.2, n),
            ripple=rng.uniform(0.0, 0.3, n),
            waves=np.round(rng.uniform(20.0, 60.0, n)),
            phase=rng.uniform(0.0, 2.0 * np.pi, n),
            spring=rng.uniform(-0.5, 0.5, n) * coulomb,
        )

    def torque(self, q: Array, v: Array, carried: Array) -> Array:
        """Return what friction adds to the motor torque [N m] (T, n), rows in order of time.

        Args:
            q: Positions [rad] (T, n), without a gap.
            v: Velocities [rad/s] (T, n).
            carried: Torque of the rigid body [N m] (T, n).
        """
        strain = np.zeros_like(q)
        for k, step in enumerate(np.diff(q, axis=0) / self.displacement):
            strain[k + 1] = np.clip(strain[k] + step, -1.0, 1.0)
        dry = self.coulomb * (1.0 + self.stiction * np.exp(-np.square(v / self.stribeck_speed)))
        dry = dry + self.load * np.abs(carried) + self.asymmetry * self.coulomb * np.sign(strain)
        wave = self.ripple * self.coulomb * np.sin(self.waves * q + self.phase)
        viscous = self.viscous * np.sign(v) * np.abs(v) ** self.power
        return np.asarray(strain * dry + viscous + wave + self.spring * q)
