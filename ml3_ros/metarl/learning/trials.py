# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trials of policies in a world: episodes of one hidden task each, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution

from ml3_ros.core.draws import Source
from ml3_ros.metarl.policies.policy import Policy, Seen
from ml3_ros.metarl.worlds.world import World


class Agent(Protocol):
    """Who acts in trials of hidden tasks, and learns from them what it can."""

    def begin(self, tasks: Tensor) -> None:
        """Begin trials of tasks (n, n_task), of which agents but oracles take the number alone."""

    def act(self, seen: Seen) -> Tensor:
        """Return the next actions (n, n_actions), or (n,)."""


@dataclass(frozen=True, slots=True)
class Trials:
    """What happened in n trials of T steps, the steps first.

    Attributes:
        seen: Before each action, (T, n, k).
        actions: (T, n, n_actions) or (T, n).
        rewards: (T, n).
    """

    seen: Seen
    actions: Tensor
    rewards: Tensor

    def of(self, rows: Tensor) -> Trials:
        """Return some of the trials."""
        seen = Seen(*(getattr(self.seen, f.name)[:, rows] for f in fields(Seen)))
        return Trials(seen, self.actions[:, rows], self.rewards[:, rows])

    def returns(self, episodes: int) -> Tensor:
        """Return the mean reward of each episode (episodes, n)."""
        return self.rewards.view(episodes, -1, self.rewards.shape[1]).mean(1)


@torch.no_grad()
def run_trials(
    world: World,
    agent: Agent,
    tasks: Tensor,
    source: Source,
    *,
    told: Tensor | None = None,
    episodes: Sequence[int] | None = None,
) -> Trials:
    """Let an agent act for a trial of each task (n, n_task).

    Args:
        world: Where.
        agent: Who.
        tasks: What is hidden.
        source: Of where episodes begin.
        told: What agents see in `Seen.task` (n, k); None is nothing.
        episodes: Numbers of the episodes; None is all of a trial.
    """
    n = len(tasks)
    told = torch.zeros(n, 0) if told is None else told
    action, reward = torch.zeros(n, world.n_actions), torch.zeros(n, 1)
    seen, actions, rewards = [], [], []
    agent.begin(tasks)
    for episode in range(world.episodes) if episodes is None else episodes:
        observation = world.begin(tasks, source, episode)
        for step in range(world.horizon):
            first = torch.full((n, 1), float(step == 0))
            now = Seen(observation, action, reward, first, told)
            chosen = agent.act(now)
            observation, paid = world.step(chosen)
            seen.append(now)
            actions.append(chosen)
            rewards.append(paid)
            action = one_hot(chosen, world.n_actions) if world.discrete else chosen.clamp(-1, 1)
            reward = paid.unsqueeze(-1)
    stacked = Seen(*(torch.stack([getattr(x, f.name) for x in seen]) for f in fields(Seen)))
    return Trials(stacked, torch.stack(actions), torch.stack(rewards))


def transitions(trials: Trials, episodes: int) -> Tensor:
    """Return what each action changed, (n, episodes (horizon - 1), k): o, a, r, o after it.

    What an episode's last action changed is not seen.
    """
    seen = trials.seen.observation
    found = [seen[:-1], trials.actions[:-1], trials.rewards[:-1, :, None], seen[1:]]
    horizon = len(seen) // episodes
    inside = torch.arange(1, len(seen)) % horizon != 0
    return torch.cat(found, -1)[inside].transpose(0, 1)


def one_hot(action: Tensor, n: int) -> Tensor:
    """Return indices (…) as rows (…, n)."""
    return torch.nn.functional.one_hot(action.long(), n).float()


class PolicyAgent:
    """A policy that acts by its memory, or by its newest observation alone.

    Args:
        policy: Its network.
        source: Of its actions; None takes the likeliest.
    """

    def __init__(self, policy: Policy, source: torch.Generator | None = None) -> None:
        self.policy, self.source = policy, source
        self._state: list[Tensor] = []

    def begin(self, tasks: Tensor) -> None:
        """See `Agent`."""
        self._state = []

    def act(self, seen: Seen) -> Tensor:
        """See `Agent`."""
        now = Seen(*(getattr(seen, f.name).unsqueeze(0) for f in fields(Seen)))
        chances, _, self._state = self.policy.look(now, self._state)
        return drawn(chances, self.source)[0]


def drawn(chances: Distribution, source: torch.Generator | None) -> Tensor:
    """Draw actions from a distribution; without a source, take the likeliest."""
    if source is None:
        return chances.mode
    if isinstance(chances, Categorical):
        flat = chances.probs.flatten(0, -2)
        return torch.multinomial(flat, 1, generator=source).view(chances.probs.shape[:-1])
    mean = chances.mean
    return mean + chances.stddev * torch.randn(mean.shape, generator=source)
