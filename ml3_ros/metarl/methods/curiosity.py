# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Prediction-error bonus: RL squared that is also paid for what a model did not expect.

The bonus is paid in the first episode of a trial alone, so that it may explore there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml3_ros.metarl.learning.ppo import train
from ml3_ros.metarl.learning.trials import Agent, PolicyAgent, Trials, one_hot
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.policies.policy import Policy
from ml3_ros.metarl.worlds.world import World

WEIGHT = 0.1  # of the bonus, whose mean is 1, over a reward of 1
WIDTH, PASSES, LR = 64, 8, 1e-3  # of the model, and how it learns after each update


@dataclass(frozen=True, kw_only=True, slots=True)
class Curiosity:
    """See `Method`.

    Attributes:
        weight: Of the bonus.
    """

    told: bool = False
    weight: float = WEIGHT

    def __call__(self, world: World, budget: Budget) -> Agent:
        """See `Method`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(budget.seed)
            policy = Policy(world, "gru")
            model = PredictionError(world)

        def paid(trials: Trials) -> Tensor:
            bonus = model(trials)
            bonus[world.horizon :] = 0.0
            return trials.rewards + self.weight * bonus

        for steps, trials in train(world, policy, budget.steps, budget.seed, budget.ppo, paid):
            scored = trials.returns(world.episodes)[world.scored :]
            budget.progress(steps, float(scored.mean()))
        return PolicyAgent(policy, budget.source())


class PredictionError:
    """A model of the next observation and reward, and how wrong it is.

    Args:
        world: Where.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        size = world.n_observations + world.n_actions
        self._net = nn.Sequential(
            nn.Linear(size, WIDTH), nn.Tanh(), nn.Linear(WIDTH, world.n_observations + 1)
        )
        self._optimizer = torch.optim.Adam(self._net.parameters(), lr=LR)

    def __call__(self, trials: Trials) -> Tensor:
        """Return the errors (T, n), their mean 1, and learn from the trials."""
        before = trials.seen.observation
        actions = trials.actions
        if self._world.discrete:
            actions = one_hot(actions, self._world.n_actions)
        x = torch.cat([before[:-1], actions[:-1]], -1)
        y = torch.cat([before[1:], trials.rewards[:-1, :, None]], -1)
        within = trials.seen.first[1:] == 0.0  # an episode's begin follows from nothing
        for i in range(PASSES + 1):
            errors = ((self._net(x) - y).square() * within).mean(-1)
            if i == 0:
                found = errors.detach()
            self._optimizer.zero_grad()
            errors.mean().backward()
            self._optimizer.step()
        found = found / (found.mean() + 1e-8)
        return torch.cat([found, torch.zeros_like(found[:1])])
