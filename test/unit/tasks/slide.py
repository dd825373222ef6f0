# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A point on a line that policies move to goals, and the family of these tasks."""

from __future__ import annotations

import torch

from ml3_ros.core.draws import Source, rand
from ml3_ros.experiments.model_free.family import GoalFamily
from ml3_ros.experiments.model_free.policy import (
    GaussianPolicy,
)


class Slide:
    """A point on a line that an action moves: s' = s + a / 2, paid for being near the goal."""

    n_actions, n_goals, n_observations, horizon, period = 1, 1, 1, 4, 0.1

    def start(self, source: Source, *lead: int):
        return 0.2 * (rand(source, *lead, 1) - 0.5).double()

    def turn(self, state, angle):
        return torch.where(angle.unsqueeze(-1).abs() > 1.0, -state, state)  # a line has two ways

    def step(self, state, action):
        return state + 0.5 * action.clamp(-1.0, 1.0)

    def observe(self, state, goal):
        return (goal - state).float()

    def distance(self, state, goal):
        return (goal - state).norm(dim=-1).float()

    def reward(self, state, action, after, goal):
        return -self.distance(after, goal)


GOALS = torch.linspace(-1.0, 1.0, 8).unsqueeze(-1)


def family(**rest):
    policy = GaussianPolicy(Slide(), (8,), n_mini_batches=rest.pop("n_mini_batches", 1))
    return GoalFamily(policy, GOALS, **rest)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)
