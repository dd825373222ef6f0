# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The rivals themselves: goal-conditioned PPO, MAML and RL squared, meta-trained and met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ml3_ros.core.types import Params
from ml3_ros.experiments.free_rivals.config import MAML, MAML_RATE, FreeRivalsConfig
from ml3_ros.experiments.free_rivals.goal_world import GoalWorld
from ml3_ros.experiments.free_rivals.meta_test import adapted_costs, remembering_costs
from ml3_ros.experiments.model_free.copies import Goals
from ml3_ros.experiments.model_free.environment import GoalEnvironment
from ml3_ros.experiments.model_free.policy import GaussianPolicy
from ml3_ros.experiments.model_free.ppo import PpoSettings, Weights, ppo_curve, trained
from ml3_ros.experiments.model_free.recipes import HIDDEN
from ml3_ros.experiments.model_free.run import Evaluator
from ml3_ros.metarl.learning.ppo import PpoConfig
from ml3_ros.metarl.learning.task_policies import AdaptingAgent
from ml3_ros.metarl.learning.trials import PolicyAgent
from ml3_ros.metarl.methods.maml import Maml
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.methods.policies import RL2 as RECURRENT

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MetaTraining:
    """What every rival is given.

    Attributes:
        config: Of the experiment.
        environment: Where.
        goals: Those of meta-training, which the learned loss of the same seed has too.
        steps: Environment steps.
        seed: Of everything that is random.
    """

    config: FreeRivalsConfig
    environment: GoalEnvironment
    goals: Goals
    steps: int
    seed: int


def goal_ppo(
    given: MetaTraining, settings: PpoSettings, evaluator: Evaluator
) -> tuple[Array, Weights]:
    """Train one policy on all goals by PPO.

    Returns:
        Costs (goals, pretraining_x) on new goals on the way, without a step there; and the weights
        after the last update.
    """
    policy, n = GaussianPolicy(given.environment, HIDDEN), len(evaluator.goals)
    cost, marks = evaluator.cost(policy), given.config.pretraining_x(given.steps)

    def measure(theta: Params) -> Array:
        return cost({k: p.expand(n, *p.shape[1:]) for k, p in theta.items()}).double().numpy()

    curve, weights = trained(policy, given.goals, settings, marks, measure, given.seed)
    return curve.T, weights


def fine_tuned(
    config: FreeRivalsConfig,
    settings: PpoSettings,
    start: Weights,
    evaluator: Evaluator,
    seed: int,
) -> Array:
    """Go on with PPO from `start` on each new goal; return costs (goals, x)."""
    policy = GaussianPolicy(evaluator.environment, HIDDEN)

    def curve(i: int, goal: Tensor) -> Array:
        cost = evaluator.cost(policy, slice(i, i + 1))
        own = seed * 1000 + i
        return ppo_curve(
            policy, goal, settings, config.x, lambda theta: float(cost(theta)), own, start
        )

    goals = tqdm(evaluator.goals, desc="PPO on new goals", leave=False)
    return np.stack([curve(i, goal) for i, goal in enumerate(goals)])


def meta_learned(given: MetaTraining, name: str, ppo: PpoConfig) -> Callable[[Evaluator], Array]:
    """Meta-train MAML or RL squared; return what gives costs (goals, trial_x) on new goals."""
    world = GoalWorld(given.environment, given.goals, given.config.episodes)
    with tqdm(total=given.steps, desc=name, leave=False, mininterval=1.0) as bar:

        def progress(done: int, reward: float) -> None:
            bar.update(done - bar.n)

        budget = Budget(steps=given.steps, seed=given.seed, ppo=ppo, progress=progress)
        agent = (Maml(rate=MAML_RATE) if name == MAML else RECURRENT)(world, budget)
    horizon = given.environment.horizon
    episodes = [x // horizon for x in given.config.trial_x(horizon)]
    marks = sorted(set(episodes))
    places = [marks.index(n) for n in episodes]

    def costs(evaluator: Evaluator) -> Array:
        if isinstance(agent, AdaptingAgent):
            return adapted_costs(agent, evaluator, marks, given.seed)[:, places]
        assert isinstance(agent, PolicyAgent)
        return remembering_costs(agent.policy, evaluator, marks, given.seed)[:, places]

    return costs
