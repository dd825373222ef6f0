# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recipes for meta-training losses of stochastic policies: environments and goals."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from ml3_ros.core.draws import rand
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.model_free.ant_goal import AntGoal
from ml3_ros.experiments.model_free.environment import GoalEnvironment, sector
from ml3_ros.experiments.model_free.family import GoalFamily
from ml3_ros.experiments.model_free.policy import GaussianPolicy
from ml3_ros.experiments.model_free.reacher_goal import ReacherGoal

HIDDEN = (64, 64)  # of policies
N_GOALS = 64  # that a loss is meta-trained on
Architecture = Literal["desired_action", "likelihood"]
CLIP_NORM, MOMENTUM = {"desired_action": 3.0, "likelihood": 1.0}, 0.8
KNOTS = (0.0, 5.0, 15.0, 50.0, 150.0)  # gradient steps between which step sizes change
GAIN_WEIGHT = 0.1  # of losses that want an action


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """An environment with its goals, and how policies and losses learn in it.

    Attributes:
        make: Threads of the simulation -> environment.
        radii: Range of the goals' distances from the origin [m].
        log_std: Of policies that learn from a loss.
        meta_training: Algorithm 1.
        n_episodes: That a policy acts for between its updates.
        n_mini_batches: Into which their transitions are split.
        n_evaluated: Episodes of every updated policy that the task loss sees.
        n_limit: Episodes that evaluate greedy policies; None takes those.
        discount: In the task loss.
        inner_lr: What learned step sizes start from.
    """

    make: Callable[[int | None], GoalEnvironment]
    radii: tuple[float, float]
    log_std: float
    meta_training: MetaTrainConfig
    n_episodes: int = 2
    n_mini_batches: int = 5
    n_evaluated: int = 6
    n_limit: int | None = None
    discount: float = 0.97
    inner_lr: float = 0.1

    def goals(self, n: int, generator: torch.Generator, *, trained: bool) -> Tensor:
        """Draw goals (n, 2) [m] in the half ring of meta-training, or in the other one."""
        return sector(n, generator, self.radii, 0.0 if trained else math.pi)

    def policy(
        self, environment: GoalEnvironment, hidden: tuple[int, ...] = HIDDEN
    ) -> GaussianPolicy:
        """Return the optimizee."""
        return GaussianPolicy(
            environment, hidden, log_std=self.log_std, n_mini_batches=self.n_mini_batches
        )

    def turns(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw turns (n,) [rad] for meta-training, so that a loss sees goals on all sides."""
        return math.pi * (2.0 * rand(generator, n) - 1.0)

    def family(
        self, policy: GaussianPolicy, goals: Tensor, turns: Tensor | None = None
    ) -> GoalFamily:
        """Return the tasks."""
        return GoalFamily(
            policy,
            goals,
            turns=turns,
            n_episodes=self.n_episodes,
            n_evaluated=self.n_evaluated,
            n_limit=self.n_limit,
            discount=self.discount,
        )

    def spec(self, architecture: Architecture, environment: GoalEnvironment) -> LossSpec:
        """Return a loss on what policies see and do, with step sizes that are learned too."""
        options: dict[str, Any] = {"log_std": self.log_std}
        if architecture == "desired_action":
            options = {"gain_weight": GAIN_WEIGHT}
        n = environment.n_observations
        return LossSpec(
            architecture=architecture,
            target=InputSpec(name="action", unit="", scale=(1.0,) * environment.n_actions),
            context=(InputSpec(name="observation", unit="", scale=(1.0,) * n),),
            options=options,
            inner_optimizer="scheduled_sgd",
            inner_lr=self.inner_lr,
            momentum=MOMENTUM,
            clip_norm=CLIP_NORM[architecture],
            roles=tuple(sorted(set(self.policy(environment).roles().values()))),
            knots=KNOTS,
        )

    def meta_training_steps(self, environment: GoalEnvironment, config: MetaTrainConfig) -> int:
        """Return how many environment steps a meta-training takes."""
        episodes = config.unroll * (self.n_episodes + self.n_evaluated)
        # each way to follow the limit acts by itself
        ways = bool(config.limit_weight) + bool(config.limit_epochs)
        episodes += ways * (self.n_limit or self.n_evaluated)
        return config.n_outer_steps * config.n_tasks * episodes * environment.horizon


_META_TRAINING = MetaTrainConfig(
    n_tasks=8,
    unroll=2,
    horizon=15,
    restart="staggered",
    outer_lr=5e-3,
    outer_every_step=True,
    log_task_loss=False,
    limit_weight=5.0,
)
SETTINGS: dict[str, Setting] = {
    "reacher": Setting(
        make=ReacherGoal, radii=(0.08, 0.18), log_std=-1.0, meta_training=_META_TRAINING
    ),
    "ant": Setting(
        make=AntGoal,
        radii=(1.0, 1.5),
        log_std=-1.3,
        # it takes far more steps to learn to walk than to reach; so many steps of step sizes along
        # gradients from few episodes would be a random walk, were they not small
        meta_training=replace(
            _META_TRAINING,
            unroll=1,
            outer_lr=1e-4,
            outer_lr_steps=3e-3,
            limit_weight=0.0,
            limit_epochs=5,
        ),
        inner_lr=0.05,
        n_evaluated=2,
        n_limit=8,
    ),
}


def setting(name: str) -> Setting:
    """Return a setting by name.

    Raises:
        ConfigError: There is none.
    """
    if name not in SETTINGS:
        raise ConfigError(f"no robot {name!r} to act with: use one of {', '.join(SETTINGS)}")
    return SETTINGS[name]
