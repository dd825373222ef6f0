# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of the model-free experiments: their losses, and the grid of tuned PPO."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.evolution import Evolution, Unrolled
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.model_free.ppo import PpoSettings
from ml3_ros.experiments.model_free.recipes import Architecture, setting

MAIN = "ml3_desired_action"


@dataclass(frozen=True, slots=True)
class Learning:
    """How a loss is learned.

    Attributes:
        architecture: Of the loss.
        estimator: Of the gradient through updates of policies.
        limit: Whether it follows its limit, see `core.outer.fixed_point`.
    """

    architecture: Architecture
    estimator: Unrolled | Evolution = Unrolled()  # noqa: RUF009, a frozen value
    limit: bool = False

    def meta_training(self, config: MetaTrainConfig) -> MetaTrainConfig:
        """Return `config` with the limit or without."""
        return config if self.limit else replace(config, limit_weight=0.0, limit_epochs=0)


LOSSES = {
    MAIN: Learning("desired_action", limit=True),
    "ml3_no_limit": Learning("desired_action"),
    "ml3_evolution": Learning("desired_action", Evolution(sigma=0.03)),
    "ml3_likelihood": Learning("likelihood"),
}
"""The main one; what it is without its limit, by either estimator; and the paper's form."""
VALIDATION_SEED = 10_000  # of goals, starts and policies on which PPO is tuned
GROWTH = 1.15  # of environment steps between evaluations
SPACE: dict[str, tuple[Any, ...]] = {
    "learning_rate": (3e-4, 1e-3, 2e-3),
    "n_envs": (4, 8),
    "episodes": (1, 2, 4),
    "n_epochs": (5, 10, 20),
    "n_mini_batches": (2, 4, 8),
    "gamma": (0.9, 0.95, 0.99),
    "gae_lambda": (0.9, 0.95),
    "clip_range": (0.1, 0.2, 0.3),
    "log_std_init": (-1.5, -1.0, -0.5),
}
"""What tuned PPO chooses from by random draws, beside settings that are known to be good."""
KNOWN = (
    PpoSettings(learning_rate=1e-3, episodes=1, n_mini_batches=4, gamma=0.95),
    PpoSettings(learning_rate=1e-3, n_envs=8, n_mini_batches=4, gamma=0.95),
    PpoSettings(),  # the library's, with fewer copies of the environment
)


@dataclass(frozen=True, kw_only=True)
class ModelFreeConfig:
    """Size of the experiment; all methods have the same goals and are evaluated alike."""

    world: str = "reacher"
    seeds: int = 5
    n_goals: int = 10  # the first half where meta-training was, but new; the others elsewhere
    outer_steps: int = 200  # half as many by evolution, where all policies have twins
    losses: tuple[str, ...] = tuple(LOSSES)
    budget: int = 20_000  # environment steps of every policy that PPO trains
    loss_budget: int = 5_000  # of every policy that a learned loss trains, at most as many
    candidates: int = 12  # settings that tuned PPO chooses from
    validation_goals: int = 4
    threads: int = 1  # of a simulation; every seed has a process of its own already

    def __post_init__(self) -> None:
        setting(self.world)
        for name in ("seeds", "outer_steps", "budget", "loss_budget", "candidates", "threads"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        for name in ("n_goals", "validation_goals"):
            if getattr(self, name) < 2 or getattr(self, name) % 2:
                raise ConfigError(f"{name} must be even and >= 2, got {getattr(self, name)}")
        if MAIN not in self.losses or not set(self.losses) <= set(LOSSES):
            raise ConfigError(f"losses must hold {MAIN}, and be of {', '.join(LOSSES)}")

    @property
    def x(self) -> tuple[int, ...]:
        """Environment steps at which policies are evaluated."""
        marks, mark = [0], 100.0
        while round(mark) < self.budget:
            marks.append(round(mark))
            mark *= GROWTH
        return (*marks, self.budget)

    @property
    def loss_x(self) -> tuple[int, ...]:
        """The first of them, at which policies under a learned loss are evaluated."""
        return tuple(mark for mark in self.x if mark <= self.loss_budget)


def candidates(config: ModelFreeConfig) -> list[PpoSettings]:
    """Return what PPO chooses from; fewer candidates are the first of more."""
    generator = np.random.default_rng(VALIDATION_SEED)
    found = [*KNOWN[: config.candidates]]
    while len(found) < config.candidates:
        drawn = {k: values[generator.integers(len(values))] for k, values in SPACE.items()}
        found.append(PpoSettings(**drawn))
    return found
