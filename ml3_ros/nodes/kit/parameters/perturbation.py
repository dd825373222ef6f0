# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of nodes that simulate an arm which is not quite as it is described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from ml3_ros.nodes.kit.parameters.annotated import NodeParameters, Param
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.perturbation import Perturbation


@dataclass(frozen=True, kw_only=True)
class PerturbationParameters(NodeParameters):
    """In what the simulated arm differs from its description."""

    perturbation_seed: Annotated[
        int,
        Param(
            "seed of a random draw of masses, payload and friction in place of mass_scale, "
            "payload, viscous and coulomb; -1: take those",
            (-1, 2**31 - 1),
        ),
    ] = -1
    payload: Annotated[
        float,
        Param("point mass at the tool, which the arm's description does not have [kg]", (0, 20)),
    ] = 0.0
    mass_scale: Annotated[
        tuple[float, ...],
        Param("mass of links over the described one, one number or one a joint [-]", (0.1, 10)),
    ] = (1.0,)
    viscous: Annotated[
        tuple[float, ...],
        Param("viscous friction, one number or one a joint [N m s/rad]", (0, 1000)),
    ] = (0.0,)
    coulomb: Annotated[
        tuple[float, ...],
        Param("dry (Coulomb) friction, one number or one a joint [N m]", (0, 1000)),
    ] = (0.0,)
    position_noise: Annotated[
        float, Param("standard deviation of the noise on measured positions [rad]", (0, 0.1))
    ] = 0.0
    velocity_noise: Annotated[
        float, Param("standard deviation of the noise on measured velocities [rad/s]", (0, 1))
    ] = 1e-3
    torque_noise: Annotated[
        tuple[float, ...],
        Param(
            "standard deviation of the noise on measured efforts, one number or one a joint [N m]",
            (0, 100),
        ),
    ] = (0.0,)
    command_delay: Annotated[
        float, Param("time from a command until the motors follow it [s]", (0, 0.1))
    ] = 0.0

    def perturbation(self, description: RobotDescription) -> Perturbation:
        """Return how the arm that moves differs from its description.

        Args:
            description: The arm as it is described.
        """
        torque_noise = _one_or_all(self.torque_noise)
        if self.perturbation_seed >= 0:
            return Perturbation.sample(
                description,
                np.random.default_rng(self.perturbation_seed),
                command_delay=(self.command_delay, self.command_delay),
                position_noise=self.position_noise,
                velocity_noise=self.velocity_noise,
                torque_noise=torque_noise,
            )
        return Perturbation(
            payload=self.payload,
            mass_scale=_one_or_all(self.mass_scale),
            viscous=_one_or_all(self.viscous),
            coulomb=_one_or_all(self.coulomb),
            command_delay=self.command_delay,
            position_noise=self.position_noise,
            velocity_noise=self.velocity_noise,
            torque_noise=torque_noise,
        )


def _one_or_all(values: tuple[float, ...]) -> float | tuple[float, ...]:
    return values[0] if len(values) == 1 else values
