# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Goals as a world of meta-reinforcement learning, and the same robot with weaker motors."""

from __future__ import annotations

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, randint
from ml3_ros.experiments.model_free.copies import Goals
from ml3_ros.experiments.model_free.environment import GoalEnvironment


class GoalWorld:
    """See `metarl.worlds.world.World`: a task is a goal [m] and the robot's turn [rad].

    Observations tell the way to the goal, as those of every policy here: what a method can still
    find out in a trial is how the robot answers.

    Args:
        environment: Where.
        goals: The tasks of meta-training.
        episodes: Of a trial.
    """

    discrete = False
    scored = 0
    has_outside = False

    def __init__(self, environment: GoalEnvironment, goals: Goals, episodes: int) -> None:
        self.environment, self.goals, self.episodes = environment, goals, episodes
        self.n_observations, self.n_actions = environment.n_observations, environment.n_actions
        self.n_task, self.horizon = environment.n_goals + 1, environment.horizon
        self._state, self._goal = torch.zeros(0), torch.zeros(0)

    @property
    def tasks(self) -> Tensor:
        """All tasks (N, n_task)."""
        return torch.cat([self.goals.places, self.goals.turns.unsqueeze(-1)], dim=-1)

    def draw(self, n: int, source: Source, *, outside: bool = False) -> Tensor:
        """See `World`."""
        return self.tasks[randint(source, 0, len(self.goals.places), n)]

    def begin(self, tasks: Tensor, source: Source, episode: int = 0) -> Tensor:
        """See `World`."""
        start = self.environment.start(source, len(tasks))
        return self.place(self.environment.turn(start, tasks[:, -1]), tasks[:, :-1])

    def place(self, state: Tensor, goal: Tensor) -> Tensor:
        """Begin episodes in states (n, n_states) with goals (n, n_goals); see `begin`."""
        self._state, self._goal = state, goal
        return self.environment.observe(state, goal)

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """See `World`."""
        after = self.environment.step(self._state, action)
        reward = self.environment.reward(self._state, action, after, self._goal)
        self._state = after
        return self.environment.observe(after, self._goal), reward


class WeakMotors:
    """See `GoalEnvironment`: one whose motors give a share of what actions command.

    Rewards count actions as they are commanded.

    Args:
        environment: With its full strength.
        strength: What is left of it, as a share of 1.
    """

    def __init__(self, environment: GoalEnvironment, strength: float) -> None:
        self.environment, self.strength = environment, strength
        self.n_actions, self.n_goals = environment.n_actions, environment.n_goals
        self.n_observations, self.horizon = environment.n_observations, environment.horizon
        self.period = environment.period
        self.start, self.turn = environment.start, environment.turn
        self.observe, self.distance = environment.observe, environment.distance
        self.reward = environment.reward

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """See `GoalEnvironment`; commands beyond 1 are clipped first."""
        return self.environment.step(state, self.strength * action.clamp(-1.0, 1.0))
