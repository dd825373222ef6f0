# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of the rivals of model-free losses: budgets, and what each rival is tuned over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ml3_ros.data.metrics import resolved
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.model_free.config import MAIN, ModelFreeConfig
from ml3_ros.experiments.model_free.environment import GoalEnvironment
from ml3_ros.experiments.model_free.ppo import PpoSettings
from ml3_ros.experiments.model_free.recipes import setting
from ml3_ros.metarl.learning.ppo import PpoConfig

GOAL_PPO, MAML, RL2 = "goal_ppo", "maml_goals", "rl2_goals"
RIVALS = (GOAL_PPO, MAML, RL2)
PRETRAINING = tuple(
    PpoSettings(
        learning_rate=rate, n_envs=32, episodes=1, n_mini_batches=4, gamma=0.95, decays=True
    )
    for rate in (1e-3, 3e-3, 1e-2, 3e-2)
)
"""Of PPO on all goals of meta-training."""
FINE_TUNING = tuple(
    PpoSettings(learning_rate=rate, episodes=1, n_mini_batches=4, gamma=0.95)
    for rate in (1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3)
)
"""Of PPO on one goal, from there."""
META_LEARNING = tuple(
    PpoConfig(n_trials=32, n_parts=2, lr=rate, discount=0.95)
    for rate in (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
)
"""Of MAML, and of RL squared."""
MAML_RATE = 0.1  # step size that MAML's begin with: on validation goals better than 1


@dataclass(frozen=True, kw_only=True)
class FreeRivalsConfig:
    """Size of the experiment; all rivals have the same goals, as many steps, and one evaluation.

    Attributes:
        loss: Whether the learned loss is run too, and the robot with weak motors. Otherwise the
            model-free experiment has its numbers, of the same seeds, goals and outer steps.
        rivals: Of `RIVALS`; goal-conditioned PPO is always among them.
        world: Robot that acts, see `model_free.recipes`.
        seeds: Of meta-training; goals are those of the model-free experiment.
        n_goals: Half of them where meta-training was, but new; the others elsewhere.
        outer_steps: Of the learned loss.
        share: Environment steps of a rival's meta-training, of those of the loss.
        budget: Environment steps on each new goal.
        tuning_steps: Of the meta-training of each candidate.
        validation_goals: On which candidates are compared.
        episodes: Of a trial of MAML and RL squared.
        strength: Share of the motors' strength that is left where the robot is another one.
        threads: Of a simulation.
    """

    loss: bool = True
    rivals: tuple[str, ...] = RIVALS
    world: str = "reacher"
    seeds: int = 5
    n_goals: int = 10
    outer_steps: int = 200
    share: float = 0.1
    budget: int = 1_500
    tuning_steps: int = 100_000
    validation_goals: int = 4
    episodes: int = 3
    strength: float = 0.6
    threads: int = 1

    def __post_init__(self) -> None:
        """Reject what cannot be run (ConfigError)."""
        if self.tuning_steps < 1 or self.episodes < 2:
            raise ConfigError(
                f"tuning_steps must be >= 1 and episodes >= 2, got {self.tuning_steps} and "
                f"{self.episodes}"
            )
        if GOAL_PPO not in self.rivals or not set(self.rivals) <= set(RIVALS):
            raise ConfigError(f"rivals must hold {GOAL_PPO}, and be of {', '.join(RIVALS)}")
        for name in ("share", "strength"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ConfigError(f"{name} must be a share of 1, got {getattr(self, name)}")
        self.base()

    def base(self) -> ModelFreeConfig:
        """Return the same sizes for the learned loss."""
        return ModelFreeConfig(
            world=self.world,
            seeds=self.seeds,
            n_goals=self.n_goals,
            outer_steps=self.outer_steps,
            losses=(MAIN,),
            budget=self.budget,
            loss_budget=self.budget,
            validation_goals=self.validation_goals,
            threads=self.threads,
        )

    @property
    def meta_learned(self) -> tuple[str, ...]:
        """Rivals that learn how to adapt: MAML and RL squared."""
        return tuple(name for name in self.rivals if name != GOAL_PPO)

    def of_part(self) -> dict[str, Any]:
        """Return what one method's numbers depend on: neither other rivals nor other seeds."""
        return {k: v for k, v in resolved(self).items() if k not in ("seeds", "rivals")}

    @property
    def x(self) -> tuple[int, ...]:
        """Environment steps on a new goal at which policies are evaluated."""
        return self.base().x

    def trial_x(self, horizon: int) -> tuple[int, ...]:
        """Return the first of them, up to the last episode of a trial."""
        return tuple(x for x in self.x if x // horizon < self.episodes)

    def meta_training_steps(self, environment: GoalEnvironment) -> int:
        """Return the environment steps of one meta-training of the learned loss."""
        chosen = setting(self.world)
        meta_training = replace(chosen.meta_training, n_outer_steps=self.outer_steps)
        return chosen.meta_training_steps(environment, meta_training)

    def pretraining_x(self, steps: int) -> tuple[int, ...]:
        """Return of how many steps of meta-training PPO is evaluated: up to all `steps`."""
        marks = (0, 25_000, 50_000, 100_000, 200_000, 400_000, 800_000)
        return (*(mark for mark in marks if mark < steps), steps)
