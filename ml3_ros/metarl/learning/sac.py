# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Soft actor-critic (Haarnoja et al. 2018): learns from earlier actions, for PEARL."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

WIDTH = 64  # of two hidden layers
TARGET_RATE = 0.02  # of the critics that later values are taken from
LOG_STD = (-5.0, 1.0)  # range of an actor's log standard deviation


class SoftActorCritic:
    """An actor, two critics and a temperature, over states that may hold more than observations.

    Nothing ends: an episode's end is a limit of time.

    Args:
        n_states: Elements of a state.
        n_actions: Elements of an action, each within -1 and 1.
        lr: Step size of Adam.
        discount: Of rewards.
        source: Of drawn actions.
    """

    def __init__(
        self, n_states: int, n_actions: int, lr: float, discount: float, source: torch.Generator
    ) -> None:
        self.discount, self.source, self._target_entropy = discount, source, -float(n_actions)
        self.actor = perceptron(n_states, 2 * n_actions)
        self.critics = nn.ModuleList(perceptron(n_states + n_actions, 1) for _ in range(2))
        self._targets = copy.deepcopy(self.critics).requires_grad_(requires_grad=False)
        self._log_temperature = torch.zeros((), requires_grad=True)
        self._learned = [*self.actor.parameters(), self._log_temperature]
        self._optimizer = torch.optim.Adam(self._learned, lr=lr, fused=True)

    def act(self, state: Tensor, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw actions (…, n_actions) at states (…, n_states); return their log-densities (…)."""
        mean, log_std = self.actor(state).chunk(2, -1)
        low, high = LOG_STD
        log_std = low + 0.5 * (high - low) * (1.0 + torch.tanh(log_std))
        noise = torch.randn(mean.shape, generator=source)
        before = mean + log_std.exp() * noise
        density = -0.5 * noise.square() - log_std - 0.5 * math.log(2.0 * math.pi)
        # log of the derivative of tanh, which does not overflow
        slope = 2.0 * (math.log(2.0) - before - nn.functional.softplus(-2.0 * before))
        return before.tanh(), (density - slope).sum(-1)

    def critic_loss(self, state: Tensor, action: Tensor, reward: Tensor, after: Tensor) -> Tensor:
        """Return the mean square Bellman error (), whose gradient also reaches into `state`.

        Args:
            state: (…, n_states).
            action: (…, n_actions).
            reward: (…).
            after: States after it (…, n_states).
        """
        with torch.no_grad():
            following, density = self.act(after, self.source)
            value = _smaller(self._targets, after, following)
            target = reward + self.discount * (value - self._log_temperature.exp() * density)
        found = torch.cat([state, action], -1)
        errors = [q(found).squeeze(-1) - target for q in self.critics]
        return torch.stack([e.square().mean() for e in errors]).sum()

    def improve_actor(self, state: Tensor) -> None:
        """Make one step of actor and temperature at states (…, n_states); targets follow."""
        action, density = self.act(state, self.source)
        value = _smaller(self.critics, state, action)
        loss = (self._log_temperature.exp().detach() * density - value).mean()
        missing = (density.detach() + self._target_entropy).mean()
        self._optimizer.zero_grad()
        # critics stay as they are here, and gradients of theirs would cost as much again
        (loss - self._log_temperature * missing).backward(inputs=self._learned)
        self._optimizer.step()
        with torch.no_grad():
            pairs = zip(self._targets.parameters(), self.critics.parameters(), strict=True)
            for target, today in pairs:
                target.lerp_(today, TARGET_RATE)


def perceptron(n_inputs: int, n_outputs: int) -> nn.Sequential:
    """Return a network of two hidden layers."""
    return nn.Sequential(
        nn.Linear(n_inputs, WIDTH),
        nn.ReLU(),
        nn.Linear(WIDTH, WIDTH),
        nn.ReLU(),
        nn.Linear(WIDTH, n_outputs),
    )


def _smaller(critics: nn.ModuleList, state: Tensor, action: Tensor) -> Tensor:
    """Return the smaller of both values (…)."""
    both = torch.cat([state, action], -1)
    return torch.minimum(*(q(both).squeeze(-1) for q in critics))
