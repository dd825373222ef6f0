# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Gaussian policies, their episodes in an environment, and mini-batches of these."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ml3_ros.core.losses.likelihood import log_likelihood
from ml3_ros.core.losses.meta_losses import MetaLoss
from ml3_ros.core.losses.trajectory import minimum_of
from ml3_ros.core.networks import Mlp, PerceptronModel
from ml3_ros.core.types import Batch, Params
from ml3_ros.experiments.model_free.environment import GoalEnvironment


@dataclass(frozen=True, slots=True)
class Episodes:
    """What policies did, (*lead, E, T, k)."""

    observations: Tensor
    actions: Tensor
    rewards: Tensor  # (*lead, E, T)
    last: Tensor  # state (*lead, E, n_states) at the end


class Gaussian(Protocol):
    """pi(a|s) = N(mean(s), std^2) in an environment."""

    environment: GoalEnvironment
    log_std: float

    def call(self, params: Params, batch: Batch, /) -> Tensor:
        """Return the means (*lead, B, n_actions) at "observation" (*lead, B, n)."""


class GreedyPolicy:
    """Takes the target action of a loss, on average; its parameters are those of the loss.

    Args:
        environment: Where it acts.
        network: Of the loss.
        log_std: As of `GaussianPolicy`.

    Raises:
        ConfigError: A loss of this kind has no target action.
    """

    def __init__(
        self, environment: GoalEnvironment, network: MetaLoss, log_std: float = -1.0
    ) -> None:
        self.environment, self.log_std = environment, log_std
        self.network = minimum_of(network)

    def call(self, phi: Params, batch: Batch) -> Tensor:
        """Return the means (*lead, B, n_actions) at "observation" (*lead, B, n)."""
        return self.network.desired(phi, batch["observation"])


class GaussianPolicy(PerceptronModel):
    """pi(a|s) = N(Mlp(s), std^2) with tanh layers; called, it returns the mean.

    Args:
        environment: Where it acts.
        hidden: Widths of the hidden layers.
        log_std: Logarithm of the standard deviation of every action; it stays.
        n_mini_batches: Updates that a model makes on what it observes in an inner step.
        output_scale: Of the initial weights of the output.
    """

    def __init__(
        self,
        environment: GoalEnvironment,
        hidden: tuple[int, ...] = (64, 64),
        *,
        log_std: float = -1.0,
        n_mini_batches: int = 1,
        output_scale: float = 0.1,
    ) -> None:
        super().__init__()
        self.environment, self.log_std = environment, log_std
        self.n_mini_batches = n_mini_batches
        sizes = (environment.n_observations, *hidden, environment.n_actions)
        self.net = Mlp(sizes, activation="tanh", output_scale=output_scale)

    def call(self, params: Params, *inputs: Any) -> Tensor:
        """Return the means (*lead, B, n_actions) at "observation" (*lead, B, n)."""
        (batch,) = inputs
        return self.mapped(params, batch["observation"])

    def experience(self, params: Params, batch: Batch) -> Batch:
        """Return what is seen and done from "start" towards "goal", in the order "order".

        Returns:
            "observation", "action" and "reward" (*lead, E T, k). A batch that already holds
            actions, such as those of a real robot, stays.
        """
        if "action" in batch:
            return batch
        episodes = act(self, params, batch["start"], batch["goal"], batch["noise"])
        order = batch["order"]

        def shuffled(x: Tensor) -> Tensor:
            rows = x.flatten(-3, -2)
            return rows.gather(-2, order.unsqueeze(-1).expand_as(rows))

        return {
            "observation": shuffled(episodes.observations),
            "action": shuffled(episodes.actions),
            "reward": shuffled(episodes.rewards.unsqueeze(-1)),
        }

    def mini_batches(self, batch: Batch) -> tuple[Batch, ...]:
        """Return the transitions in parts of equal size; what is left over is not used."""
        size = batch["action"].shape[-2] // self.n_mini_batches
        parts = range(0, size * self.n_mini_batches, size)
        return tuple({k: x[..., i : i + size, :] for k, x in batch.items()} for i in parts)


def log_likelihoods(
    policy: Gaussian, params: Params, observations: Tensor, actions: Tensor
) -> Tensor:
    """Return log pi(a|s) (*lead, B) of actions (*lead, B, k) at observations (*lead, B, n)."""
    means = policy.call(params, {"observation": observations})
    return log_likelihood(actions, means, policy.log_std)


def act(
    policy: Gaussian, params: Params, start: Tensor, goal: Tensor, noise: Tensor | None
) -> Episodes:
    """Act for an episode from every start; no gradient flows through it.

    Args:
        policy: Who acts.
        params: Its parameters, each (*lead, *shape).
        start: First states (*lead, E, n_states).
        goal: Goals (*lead, E, n_goals).
        noise: Standard normal (*lead, E, T, n_actions); None acts by the mean.
    """
    environment, std = policy.environment, math.exp(policy.log_std)
    state, seen, done, rewards = start, [], [], []
    with torch.no_grad():
        for t in range(environment.horizon):
            observation = environment.observe(state, goal)
            action = policy.call(params, {"observation": observation})
            if noise is not None:
                action = action + std * noise[..., t, :]
            after = environment.step(state, action)
            rewards.append(environment.reward(state, action, after, goal))
            seen.append(observation)
            done.append(action)
            state = after
    return Episodes(torch.stack(seen, -2), torch.stack(done, -2), torch.stack(rewards, -1), state)
