# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Test of policies on goals: how far from them episodes end while something trains them."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.inner_optimizers import InnerOptimizer
from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.types import Params
from ml3_ros.experiments.runner.adaptation import adaptation_curves, training_curves
from ml3_ros.learners.reaching.policy import ImaginingPolicy, Policy
from ml3_ros.tasks.reaching.dynamics import Dynamics
from ml3_ros.tasks.reaching.family import ReachingFamily, distance
from ml3_ros.tasks.reaching.greedy import GreedyPolicy
from ml3_ros.tasks.reaching.recipes import HIDDEN, Setting

MODEL_SEED, EPISODE_SEED = 30_000, 40_000
TEST_EPISODES = 8  # of each policy and checkpoint, from random starts


@dataclass(frozen=True, slots=True)
class ReachingTest:
    """How policies went for their goals, at checkpoints."""

    final: NDArray[np.float64]  # (goals, x), mean distance at the end of an episode [m]
    paths: NDArray[np.float64]  # (goals, x, T + 1, 2), of one episode [m]


class Observer:
    """Measures policies on episodes from fixed starts, and remembers the first of each."""

    def __init__(
        self,
        policy: Policy | GreedyPolicy,
        goals: Tensor,
        seed: int,
        offsets: Tensor | None = None,
    ) -> None:
        generator = torch.Generator().manual_seed(EPISODE_SEED + seed)
        self.policy, self.goals = policy, goals
        self.start = policy.world.start(generator, len(goals), TEST_EPISODES)
        if offsets is not None:
            self.start = self.start + offsets.unsqueeze(1)
        self.paths: list[Tensor] = []

    def __call__(self, theta: Params) -> Tensor:
        """Return the mean final distance (goals,) [m]."""
        goal = self.goals.unsqueeze(1).expand(-1, TEST_EPISODES, -1)
        states, _ = self.policy.rollout(theta, self.start, goal)
        self.paths.append(self.policy.world.position(states[:, 0]))
        return distance(self.policy.world, states, goal)[..., -1].mean(-1)

    def result(self, final: NDArray[np.float64]) -> ReachingTest:
        """Return distances (goals, x), as measured, with the paths that led there."""
        paths = torch.stack(self.paths, dim=1).double().numpy()
        return ReachingTest(final, np.where(np.isfinite(paths), paths, np.inf))


def under_loss(
    chosen: Setting,
    goals: Tensor,
    loss: LearnedLoss,
    checkpoints: tuple[int, ...],
    seed: int,
    offsets: Tensor | None = None,
) -> ReachingTest:
    """Train a fresh policy for every goal with a learned loss, which knows no model.

    Args:
        chosen: World and policies.
        goals: (n, 2) [m].
        loss: The loss.
        checkpoints: Updates at which policies are measured.
        seed: Of policies and episodes.
        offsets: As of `ReachingFamily`.
    """
    policy = chosen.policy()
    observer = Observer(policy, goals, seed, offsets)
    family = ReachingFamily(policy, goals, offsets=offsets)
    curves = adaptation_curves(
        family, len(goals), loss.spec, loss.phi, checkpoints, observer, MODEL_SEED + seed
    )
    return observer.result(curves)


def rival(
    chosen: Setting,
    goals: Tensor,
    rule: InnerOptimizer,
    model: tuple[Dynamics, Params] | None,
    checkpoints: tuple[int, ...],
    seed: int,
    *,
    start: Params | None = None,
    observant: bool = False,
) -> ReachingTest:
    """Train policies on the task loss through a model, or through the true dynamics.

    Args:
        chosen: World and policies.
        goals: (n, 2) [m].
        rule: Update rule.
        model: Learned dynamics with their parameters; None for the true ones.
        checkpoints: Updates at which policies are measured.
        seed: Of policies and episodes.
        start: Where all policies begin, (*shape), instead of those of `under_loss`.
        observant: Whether policies see the way that is left, as learned losses do.
    """
    policy = ImaginingPolicy(chosen.world, HIDDEN, scales=chosen.scales, observant=observant)
    dynamics, params = model or (None, {})
    observer = Observer(policy, goals, seed)
    family = ReachingFamily(policy, goals, dynamics=dynamics)
    curves = training_curves(
        family,
        len(goals),
        Learner(policy, family, rule),
        {k: p.unsqueeze(0) for k, p in params.items()},
        checkpoints,
        observer,
        MODEL_SEED + seed,
        start,
    )
    return observer.result(curves)
