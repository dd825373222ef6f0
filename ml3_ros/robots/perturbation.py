# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Differences of a real arm from its description: masses, payload, friction, noise, delay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.base import Array, RobotDescription

PerJoint = float | tuple[float, ...]  # one number for all joints, or one per joint

# Friction of a joint at strength 1, as a share of its effort limit: Coulomb, and viscous at the
# velocity limit. A choice of ours (harmonic-drive arms lie between 1 and 10 %), so that one number
# fits arms of any size.
COULOMB_SHARE = 0.02
VISCOUS_SHARE = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Perturbation:
    """What stands for reality; the default is the arm exactly as described.

    Joint quantities take one number for all joints or one per joint. Link i is everything that
    joint i moves and joint i+1 does not; scaling its mass scales its inertia with it and leaves
    its centre of mass.
    """

    payload: float = 0.0  # point mass at the tool [kg]
    mass_scale: PerJoint = 1.0  # of each link [-]; () means 1
    viscous: PerJoint = 0.0  # friction torque per velocity [N m s/rad]
    coulomb: PerJoint = 0.0  # dry friction torque [N m]
    position_noise: PerJoint = 0.0  # standard deviation of measured q [rad]
    velocity_noise: PerJoint = 0.0  # ... of measured v [rad/s]
    torque_noise: PerJoint = 0.0  # ... of measured tau [N m]
    command_delay: float = 0.0  # from a command until the motors follow it [s]

    def __post_init__(self) -> None:
        """Turn sequences into tuples; reject what no arm can have (ConfigError)."""
        for field in fields(self):
            value = self._normalised(field.name)
            object.__setattr__(self, field.name, value)

    def _normalised(self, name: str) -> PerJoint:
        try:
            array = np.asarray(getattr(self, name), dtype=np.float64)
        except (TypeError, ValueError):
            raise ConfigError(f"perturbation {name} is not a number: give numbers only") from None
        if array.ndim > (0 if name in ("payload", "command_delay") else 1):
            raise ConfigError(
                f"perturbation {name} has too many dimensions: give one number, or one per joint"
            )
        if array.size == 0:
            return 1.0 if name == "mass_scale" else 0.0
        if not np.isfinite(array).all() or (array < 0.0).any():
            raise ConfigError(
                f"perturbation {name} is {array.tolist()}: it must be finite and >= 0"
            )
        if name == "mass_scale" and (array == 0.0).any():
            raise ConfigError("perturbation mass_scale is 0: a link needs mass, give a number > 0")
        return tuple(array.tolist()) if array.ndim else float(array)

    def per_joint(self, name: str, n: int) -> Array:
        """Return the field `name` as an array (n,).

        Raises:
            RobotError: The field holds another number of values than the arm has joints.
        """
        value = np.asarray(getattr(self, name), dtype=np.float64)
        if value.ndim and value.shape != (n,):
            raise RobotError(
                f"perturbation {name} has {value.size} values for {n} joints: give 1 or {n}"
            )
        return np.array(np.broadcast_to(value, (n,)))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-able numbers and lists."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Perturbation:
        """Return the perturbation that `to_dict` described.

        Raises:
            ConfigError: A key is unknown or a value is out of range.
        """
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            known = ", ".join(field.name for field in fields(cls))
            raise ConfigError(f"a perturbation has no {', '.join(unknown)}: use {known}")
        return cls(**values)

    @classmethod
    def sample(
        cls,
        description: RobotDescription,
        rng: np.random.Generator,
        *,
        payload: tuple[float, float] | None = None,
        mass_share: float = 0.2,
        friction: tuple[float, float] = (0.0, 1.5),
        position_noise: PerJoint = 0.0,
        velocity_noise: PerJoint = 0.0,
        torque_noise: PerJoint = 0.0,
        command_delay: tuple[float, float] = (0.0, 0.0),
    ) -> Perturbation:
        """Draw a random arm of the kind of `description`, uniformly in every range.

        Args:
            description: The nominal arm.
            rng: Generator of all draws.
            payload: Smallest and largest payload [kg]; default 0 to the arm's payload limit.
            mass_share: Every link's mass is scaled by a draw from 1 - mass_share to 1 + mass_share
                [-].
            friction: Smallest and largest strength of each joint's friction [-]; viscous and
                Coulomb are drawn apart. At strength 1 they are 2 % of the effort limit, viscous
                friction at the velocity limit.
            position_noise: Passed on [rad].
            velocity_noise: Passed on [rad/s].
            torque_noise: Passed on [N m].
            command_delay: Smallest and largest delay [s].

        Returns:
            The perturbation. The numbers drawn do not depend on which ranges are given.
        """
        if not 0.0 <= mass_share < 1.0:
            raise ConfigError(f"mass_share is {mass_share}: it must be in [0, 1)")
        n, limits = description.nv, description.limits
        effort = np.where(np.isfinite(limits.effort), limits.effort, 0.0)
        low, high = (0.0, description.payload_limit) if payload is None else payload
        strength_coulomb = _between(rng.random(n), *friction)
        strength_viscous = _between(rng.random(n), *friction)
        return cls(
            payload=float(_between(rng.random(), low, high)),
            mass_scale=tuple(_between(rng.random(n), 1.0 - mass_share, 1.0 + mass_share)),
            viscous=tuple(strength_viscous * VISCOUS_SHARE * effort / limits.velocity),
            coulomb=tuple(strength_coulomb * COULOMB_SHARE * effort),
            position_noise=position_noise,
            velocity_noise=velocity_noise,
            torque_noise=torque_noise,
            command_delay=float(_between(rng.random(), *command_delay)),
        )


def friction_torque(perturbation: Perturbation, v: Array, smooth: float = 0.05) -> Array:
    """Return viscous * v + coulomb * tanh(v / smooth): what friction adds to the motor torque.

    Args:
        perturbation: Gives the coefficients.
        v: Joint velocities [rad/s], shape (..., n).
        smooth: Velocity [rad/s] over which dry friction builds up; > 0.

    Returns:
        Friction torque [N m], shape of v, on the motor's side: M a + nle + friction = tau.
    """
    if not smooth > 0.0:
        raise ConfigError(f"smooth is {smooth}: it must be > 0")
    n = v.shape[-1]
    dry = perturbation.per_joint("coulomb", n) * np.tanh(v / smooth)
    return perturbation.per_joint("viscous", n) * v + dry


def _between(unit: Any, low: float, high: float) -> Any:
    if not low <= high:
        raise ConfigError(f"the range {low} to {high} is empty: give the smaller number first")
    return low + unit * (high - low)
