# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulated recordings of touched arms, with the torque that the arm alone would have measured."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np
import torch
from torch import Tensor

from ml3_ros.data.filters import savgol_acceleration
from ml3_ros.data.presliding import hysteresis
from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.control.trajectories import Excitation, ExcitationConfig
from ml3_ros.robots.linear.arm import DISPLACEMENTS, LinearArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.touched.contacts import ContactConfig, contact_torque
from ml3_ros.tasks.touched.friction import GearFriction

HALF = 10  # samples on either side of one, that its acceleration is filtered from


@dataclass(frozen=True, kw_only=True, slots=True)
class TouchedConfig:
    """A population of arms, how they move, and what touches them while they learn."""

    robot: str = "sawyer"  # name or path, see robots.registry
    memory: bool = True  # whether the linear model has presliding columns
    contacts: ContactConfig = field(default_factory=ContactConfig)
    excitation: ExcitationConfig = field(default_factory=ExcitationConfig)
    rate: float = 50.0  # samples per second [Hz]
    support_seconds: float = 20.0  # what may be learned from [s]
    held_out_seconds: float = 10.0  # other motion of the same arm, touched as well [s]
    payload: tuple[float, float] | None = None  # [kg]; None: 0 to the arm's limit
    mass_share: float = 0.2  # masses vary by +- this share [-]
    friction: tuple[float, float] = (0.5, 1.5)  # strength, see Perturbation.sample [-]
    velocity_noise: float = 3e-3  # standard deviation [rad/s]
    torque_noise_share: float = 0.01  # of each torque's own standard deviation [-]

    def __post_init__(self) -> None:
        if not (self.rate > 0.0 and self.support_seconds > 0.0 and self.held_out_seconds > 0.0):
            raise ConfigError("rate, support_seconds and held_out_seconds must be > 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class TouchedArms:
    """N recordings of S samples to learn from and H held-out ones, float32, joints in model order.

    Attributes:
        q: Positions [rad], (N, S + H, n).
        v: Measured velocities [rad/s], likewise.
        a: Accelerations [rad/s^2] from filtered velocities.
        tau: Measured torque [N m], contacts included.
        free: Torque without contacts and noise [N m]: extra information, and what is evaluated.
        nominal: Torque of the arm as described [N m].
        columns: Of the linear model, see `LinearArm.columns` [N m], (N, S + H, n, p).
        strain: Presliding states [-], (N, S + H, n D).
        spread: Standard deviation of the whole torque without contact of the held-out motion
            [N m], (N, n).
        touched: Whether something touches the arm, (N, S + H): for bounds and figures alone.
        n_support: S.
    """

    q: Tensor
    v: Tensor
    a: Tensor
    tau: Tensor
    free: Tensor
    nominal: Tensor
    columns: Tensor
    strain: Tensor
    spread: Tensor
    touched: Tensor
    n_support: int

    def __len__(self) -> int:
        return self.q.shape[0]

    def subset(self, arms: slice) -> TouchedArms:
        """Return some of the recordings."""
        names = [f.name for f in fields(TouchedArms) if f.name != "n_support"]
        return replace(self, **{name: getattr(self, name)[arms] for name in names})

    @staticmethod
    def joined(parts: list[TouchedArms]) -> TouchedArms:
        """Return several populations of the same kind of arm as one."""
        names = [f.name for f in fields(TouchedArms) if f.name != "n_support"]
        tensors = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
        return TouchedArms(**tensors, n_support=parts[0].n_support)


def simulate_touched(config: TouchedConfig, n_arms: int, seed: int) -> TouchedArms:
    """Record `n_arms` arms drawn from `config`; arm i does not depend on `n_arms`.

    The motion to learn from and the held-out one are apart, and friction remembers nothing from
    one to the other.
    """
    description = load_robot(config.robot)
    linear = LinearArm(PinocchioModel(description), memory=config.memory)
    counts = [round(x * config.rate) for x in (config.support_seconds, config.held_out_seconds)]
    arms: dict[str, list[Array]] = {}
    for index in range(n_arms):
        rng = np.random.default_rng((seed, index))
        arm = RandomArm.sample(description, config, rng)
        parts = [arm.record(linear, n, config) for n in counts]
        spreads = [part.pop("spread") for part in parts]
        arms.setdefault("spread", []).append(spreads[1])
        for name in parts[0]:
            both = np.concatenate([part[name] for part in parts])
            arms.setdefault(name, []).append(both)
    tensors = {k: torch.from_numpy(np.stack(x).astype(np.float32)) for k, x in arms.items()}
    touched = tensors.pop("touched") > 0.0
    return TouchedArms(**tensors, touched=touched, n_support=counts[0])


@dataclass(frozen=True, kw_only=True, slots=True)
class RandomArm:
    """One random arm, its friction, and the generator of all that is random about it."""

    model: PinocchioModel
    friction: GearFriction
    rng: np.random.Generator

    @staticmethod
    def sample(
        description: RobotDescription, config: TouchedConfig, rng: np.random.Generator
    ) -> RandomArm:
        """Draw an arm of the population."""
        perturbation = Perturbation.sample(
            description,
            rng,
            payload=config.payload,
            mass_share=config.mass_share,
            friction=config.friction,
        )
        shares = [perturbation.per_joint(x, description.nv) for x in ("coulomb", "viscous")]
        friction = GearFriction.sample(shares[0], shares[1], rng)
        return RandomArm(
            model=PinocchioModel(description, perturbation), friction=friction, rng=rng
        )

    def record(self, linear: LinearArm, n_samples: int, config: TouchedConfig) -> dict[str, Array]:
        """Return a motion's signals by name, see `TouchedArms`."""
        path = self.path(n_samples, config)
        return self.measured(linear, path, self.model.rnea(*path), config)

    def path(self, n_samples: int, config: TouchedConfig) -> tuple[Array, Array, Array]:
        """Return q, v and a of a new motion, each (n_samples + 2 HALF, n)."""
        seed, home = int(self.rng.integers(2**31)), self.model.description.home
        motion = Excitation(self.model.limits, home, seed, config.excitation)
        # the first piece starts at rest; learning and evaluation see the motion itself
        steps = np.arange(n_samples + 2 * HALF) - HALF
        return motion.at(config.excitation.piece_seconds + steps / config.rate)

    def measured(
        self,
        linear: LinearArm,
        path: tuple[Array, Array, Array],
        body: Array,
        config: TouchedConfig,
    ) -> dict[str, Array]:
        """Return the signals of a path by name, without its first and last HALF samples.

        Args:
            linear: The arm as described.
            path: See `path`.
            body: Torque of the rigid body along it [N m], (n_samples + 2 HALF, n).
            config: The population.
        """
        (q, v, _), rng, rate = path, self.rng, config.rate
        free = body + self.friction.torque(q, v, body)
        added, touched = contact_torque(self.model, q, v, free, config.contacts, rng, rate)
        noise = config.torque_noise_share * free.std(0) * rng.standard_normal(free.shape)
        measured_v = v + config.velocity_noise * rng.standard_normal(v.shape)
        measured_a = savgol_acceleration(measured_v, 1.0 / rate, 2 * HALF + 1)
        signals = {
            "q": q,
            "v": measured_v,
            "a": measured_a,
            "tau": free + added + noise,
            "free": free,
            "nominal": linear.nominal(q, measured_v, measured_a),
            "columns": linear.columns(q, measured_v, measured_a),
            "strain": hysteresis(q, np.array(DISPLACEMENTS)).reshape(len(q), -1),
            "touched": touched.astype(float),
        }
        cut = {name: x[HALF : len(x) - HALF] for name, x in signals.items()}
        return cut | {"spread": free.std(0)}
