# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Stochastic policy with a value estimate, over what a trial has shown so far."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, Normal

from ml3_ros.metarl.policies.memory import Memory, MemoryName, State, memory
from ml3_ros.metarl.worlds.world import World

LOG_STD = -0.5  # of fresh policies
SMALL = 0.01  # scale of a fresh policy's output weights


@dataclass(frozen=True, slots=True)
class Seen:
    """What an agent sees before an action: (n, k) each, or (T, n, k) of a whole trial.

    Attributes:
        observation: Of the world.
        action: Before it; zeros at the begin of a trial. Indices are one-hot.
        reward: Of that action (…, 1).
        first: Whether an episode begins (…, 1).
        task: What is known of the task (…, k); most agents know nothing, k = 0.
    """

    observation: Tensor
    action: Tensor
    reward: Tensor
    first: Tensor
    task: Tensor

    def all(self) -> Tensor:
        """Return everything (…, k)."""
        return torch.cat(
            [self.observation, self.action, self.reward, self.first, self.task], dim=-1
        )

    def now(self) -> Tensor:
        """Return what needs no memory (…, k): observation, and what is known of the task."""
        return torch.cat([self.observation, self.task], dim=-1)


class Policy(nn.Module):
    """A memory, and from its features a distribution of actions and the value of the state.

    Policies without memory see neither actions nor rewards: these belong to the past.

    Args:
        world: Where it acts.
        kind: Of the memory.
        n_task: Elements of what it is told of the task.
    """

    def __init__(self, world: World, kind: MemoryName = "none", n_task: int = 0) -> None:
        super().__init__()
        self.discrete, self.n_actions, self.kind = world.discrete, world.n_actions, kind
        self.n_task = n_task
        size = world.n_observations + n_task
        if kind != "none":
            size += world.n_actions + 2
        self.memory: Memory = memory(kind, size, world.horizon * world.episodes)
        width = self.memory.width
        self.action = nn.Linear(width, world.n_actions)
        self.critic = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
        with torch.no_grad():
            self.action.weight *= SMALL
            self.action.bias.zero_()
        if not self.discrete:
            self.log_std = nn.Parameter(torch.full((world.n_actions,), LOG_STD))

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Return parameters of the distribution (T, n, n_actions), values (T, n), the new state.

        Args:
            inputs: Of `inputs` (T, n, k).
            state: Of the memory.
        """
        features, state = self.memory(inputs, state)
        return self.action(features), self.critic(features).squeeze(-1), state

    def inputs(self, seen: Seen) -> Tensor:
        """Return what the networks take (…, k) of what is seen."""
        return seen.now() if self.kind == "none" else seen.all()

    def look(self, seen: Seen, state: State) -> tuple[Distribution, Tensor, State]:
        """Return what to do (T, n) at what is seen (T, n, k), values (T, n), the new state."""
        out, values, state = self(self.inputs(seen), state)
        return self.distribution(out), values, state

    def distribution(self, out: Tensor, log_std: Tensor | None = None) -> Distribution:
        """Return the distribution of actions with parameters `out` (…, n_actions).

        Args:
            out: Means, or logits where actions are discrete.
            log_std: Of the actions (…, n_actions); None takes the policy's own.
        """
        if self.discrete:
            return Categorical(logits=out, validate_args=False)
        std = (self.log_std if log_std is None else log_std).exp().expand_as(out)
        return Independent(Normal(out, std, validate_args=False), 1, validate_args=False)
