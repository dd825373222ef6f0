# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Proximal policy optimization (Schulman et al. 2017) on trials, for policies that remember."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml3_ros.errors import ConfigError
from ml3_ros.metarl.learning.trials import PolicyAgent, Trials, run_trials
from ml3_ros.metarl.policies.policy import Policy
from ml3_ros.metarl.worlds.world import World

Rewards = Callable[[Trials], Tensor]
"""Rewards (T, n) that a policy learns from, where they are not the world's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PpoConfig:
    """How policies learn.

    Attributes:
        n_trials: Trials between updates.
        n_epochs: Passes over them.
        n_parts: Updates of a pass.
        lr: Step size of Adam, which falls to zero along a line.
        discount: Of rewards.
        trace: Of advantages (GAE's lambda).
        clip: Largest change of an action's likelihood that pays, as a share.
        entropy: Weight of the entropy.
        across: Whether what is learned from a reward reaches into the episode before: exploration
            pays later.
    """

    n_trials: int = 32
    n_epochs: int = 8
    n_parts: int = 4
    lr: float = 1e-3
    discount: float = 0.98
    trace: float = 0.95
    clip: float = 0.2
    entropy: float = 0.003
    across: bool = True

    def __post_init__(self) -> None:
        """Reject what cannot learn (ConfigError)."""
        if min(self.n_trials, self.n_epochs, self.n_parts) < 1 or self.n_trials % self.n_parts:
            raise ConfigError(
                "n_trials, n_epochs and n_parts must be >= 1, n_trials in equal parts"
            )
        if not (self.lr > 0.0 and 0.0 < self.discount <= 1.0 and 0.0 <= self.trace <= 1.0):
            raise ConfigError("lr must be > 0, discount and trace shares of 1")


def advantages(
    rewards: Tensor, values: Tensor, config: PpoConfig, episodes: int
) -> tuple[Tensor, Tensor]:
    """Return generalised advantages and returns (T, n), Schulman et al. 2015.

    The end of a trial is a limit of time, not of the world: its value is that of the last state.

    Args:
        rewards: (T, n).
        values: Of the states (T, n).
        config: Discount, trace, and whether episodes are one.
        episodes: Of a trial.
    """
    horizon = len(rewards) // episodes
    following = torch.cat([values[1:], values[-1:]])
    ends = torch.arange(1, len(rewards) + 1) % horizon == 0
    if config.across:
        ends = torch.arange(len(rewards)) == len(rewards) - 1
    # where a part ends, the state after it was not seen: the last one stands for it
    following = torch.where(ends[:, None], values, following)
    delta = rewards + config.discount * following - values
    found, advantage = torch.empty_like(rewards), torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        kept = 0.0 if ends[t] else config.discount * config.trace
        advantage = delta[t] + kept * advantage
        found[t] = advantage
    return found, found + values


def train(
    world: World,
    policy: Policy,
    steps: int,
    seed: int,
    config: PpoConfig,
    rewards: Rewards | None = None,
) -> Iterator[tuple[int, Trials]]:
    """Train a policy in place on tasks of meta-training; yield after each update.

    Args:
        world: Where.
        policy: Who learns.
        steps: Environment steps of all trials together; at least one update is made.
        seed: Of tasks, episodes and actions.
        config: How.
        rewards: What it learns from; None takes the world's rewards.

    Yields:
        Environment steps so far, and the trials that were learned from.
    """
    source = torch.Generator().manual_seed(seed)
    agent = PolicyAgent(policy, source)
    optimizer = torch.optim.Adam(policy.parameters(), lr=config.lr, eps=1e-5)
    per_update = config.n_trials * world.horizon * world.episodes
    n_updates = max(1, steps // per_update)
    for update in range(n_updates):
        optimizer.param_groups[0]["lr"] = config.lr * (1.0 - update / n_updates)
        tasks = world.draw(config.n_trials, source)
        trials = run_trials(world, agent, tasks, source, told=tasks if policy.n_task else None)
        paid = trials.rewards if rewards is None else rewards(trials)
        improve(policy, optimizer, trials, paid, world.episodes, config, source)
        yield (update + 1) * per_update, trials


def improve(
    policy: Policy,
    optimizer: torch.optim.Optimizer,
    trials: Trials,
    paid: Tensor,
    episodes: int,
    config: PpoConfig,
    source: torch.Generator,
) -> None:
    """Make one update of PPO: some passes over trials whose rewards are `paid` (T, n)."""
    with torch.no_grad():
        chances, values, _ = policy.look(trials.seen, [])
        before = chances.log_prob(trials.actions)
        # values are means of rewards, so that their errors are as large for any discount
        paid = paid * max(1.0 - config.discount, 1.0 / len(paid))
        found, returns = advantages(paid, values, config, episodes)
    found = (found - found.mean()) / (found.std() + 1e-6)
    for _ in range(config.n_epochs):
        order = torch.randperm(found.shape[1], generator=source)
        for rows in order.chunk(config.n_parts):
            part = trials.of(rows)
            chances, values, _ = policy.look(part.seen, [])
            ratio = (chances.log_prob(part.actions) - before[:, rows]).exp()
            limited = ratio.clamp(1.0 - config.clip, 1.0 + config.clip)
            gain = torch.minimum(ratio * found[:, rows], limited * found[:, rows]).mean()
            error = (values - returns[:, rows]).square().mean()
            loss = 0.5 * error - gain - config.entropy * chances.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
            optimizer.step()
