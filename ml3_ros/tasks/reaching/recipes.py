# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recipes for meta-training losses for reaching: worlds, goals and settings."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from ml3_ros.core.draws import rand
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.errors import ConfigError
from ml3_ros.learners.reaching.policy import Policy
from ml3_ros.learners.reaching.world import World
from ml3_ros.tasks.reaching.worlds import PointMass, TwoLink

HIDDEN = (64, 64)  # of policies
MOMENTUM, GAIN_WEIGHT = 0.8, 0.5  # of losses with a target action
ReachingLoss = Literal["trajectory", "desired_action"]  # architectures that see actions
KNOTS = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0)  # updates between which their step sizes change


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A world with its goals.

    Attributes:
        world: What policies act in.
        unit: Of actions.
        scales: By what policies divide states and goals.
        radii: Range of the goals' distances from the origin [m].
        middle: Direction of the half plane in which a loss is meta-trained [rad].
        wander: Largest offsets from the world's start to where meta-training's episodes begin
            (n_states,), one for each goal, so that a loss sees goals from all sides.
        inner_lr: Step size of gradient descent on the paper's losses, which scale it themselves.
        momentum_lr: What learned step sizes of the others start from.
        clip_norm: Largest gradient on a policy.
    """

    world: World
    unit: str
    scales: tuple[tuple[float, ...], tuple[float, ...]]
    radii: tuple[float, float]
    middle: float
    wander: tuple[float, ...]
    inner_lr: float
    momentum_lr: float
    clip_norm: float | None = None

    def policy(self) -> Policy:
        """Return the optimizee."""
        return Policy(self.world, HIDDEN, scales=self.scales)

    def goals(self, n: int, generator: torch.Generator, *, trained: bool) -> Tensor:
        """Draw goals (n, 2) [m] in the half plane of meta-training, or in the other one."""
        direction = self.middle + (0.0 if trained else math.pi)
        angle = direction + math.pi * (rand(generator, n) - 0.5)
        low, high = self.radii
        radius = low + (high - low) * rand(generator, n)
        return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=-1)

    def offsets(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw offsets of starts (n, n_states) for meta-training; see `wander`."""
        return torch.tensor(self.wander) * (2.0 * rand(generator, n, len(self.wander)) - 1.0)

    def spec(self, architecture: ReachingLoss) -> LossSpec:
        """Return a loss on what can be seen in this world."""
        spec = LossSpec(
            architecture=architecture,
            target=InputSpec(name="action", unit=self.unit, scale=self.world.limits),
            context=self.world.inputs,
            inner_lr=self.inner_lr,
            clip_norm=self.clip_norm,
        )
        if architecture == "trajectory":
            return spec
        return replace(
            spec,
            inner_optimizer="scheduled_sgd",
            inner_lr=self.momentum_lr,
            momentum=MOMENTUM,
            roles=tuple(sorted(set(self.policy().roles().values()))),
            knots=KNOTS,
            options={"gain_weight": GAIN_WEIGHT},
        )


SETTINGS: dict[str, Setting] = {
    "point_mass": Setting(
        world=PointMass(),
        unit="N",
        scales=((1.0,) * 4, (1.0, 1.0)),
        radii=(0.3, 1.0),
        middle=0.0,
        wander=(1.0, 1.0, 0.0, 0.0),
        inner_lr=0.3,
        momentum_lr=0.05,
    ),
    "reacher": Setting(
        world=TwoLink(),
        unit="N m",
        scales=((2.0, 2.0, 3.0, 3.0), (0.1, 0.1)),
        radii=(0.08, 0.18),
        middle=0.0,
        wander=(2.0, 0.5, 0.0, 0.0),
        inner_lr=0.1,
        momentum_lr=0.03,
        clip_norm=1.0,
    ),
}


def setting(name: str) -> Setting:
    """Return a setting by name.

    Raises:
        ConfigError: There is none.
    """
    if name not in SETTINGS:
        raise ConfigError(f"no world {name!r} to reach goals in: use one of {', '.join(SETTINGS)}")
    return SETTINGS[name]


def meta_training(n_outer_steps: int, architecture: str = "trajectory") -> MetaTrainConfig:
    """Return how losses are meta-trained: policies of all ages, each for a goal of its own.

    Target actions are learned at the fixed point of descent, step sizes from updates.
    """
    config = MetaTrainConfig(
        n_outer_steps=n_outer_steps,
        n_tasks=8,
        unroll=5,
        horizon=100,
        restart="staggered",
        outer_lr=3e-3,
        outer_every_step=True,
    )
    if architecture == "desired_action":
        return replace(config, unroll=10, horizon=40, limit_weight=5.0)
    return config
