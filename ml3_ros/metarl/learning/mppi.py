# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Model predictive path integral control (Williams et al. 2017) in a model, for many copies."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

SPREAD, SMOOTH = (
    0.6,
    0.6,
)  # of drawn plans around the one before, and how alike actions in a row are
CHOOSY = 3.0  # a plan that is better by the spread of returns counts e^3 as much

Model = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Observations (n, s, k) and actions (n, s, n_actions): observations after, and rewards (n, s)."""


class Mppi:
    """Plans of actions, one for each copy, which are kept and improved at every action.

    Args:
        n_actions: Elements of an action, each within -1 and 1.
        source: Of drawn plans.
        n_samples: Plans that are drawn.
        horizon: Actions of a plan.
        discount: Of rewards.
    """

    def __init__(
        self,
        n_actions: int,
        source: torch.Generator,
        *,
        n_samples: int = 32,
        horizon: int = 10,
        discount: float = 0.98,
    ) -> None:
        self.n_actions, self.source, self.discount = n_actions, source, discount
        self.n_samples, self.horizon = n_samples, horizon
        self._plan = torch.zeros(0, horizon, n_actions)

    def begin(self, n: int) -> None:
        """Forget the plans, and begin with those of n copies that do nothing."""
        self._plan = torch.zeros(n, self.horizon, self.n_actions)

    def act(self, observation: Tensor, model: Model) -> Tensor:
        """Return the next actions (n, n_actions) at observations (n, k)."""
        drawn = self._drawn()
        state = observation.unsqueeze(1).expand(-1, self.n_samples, -1)
        value = torch.zeros(drawn.shape[:2])
        for t in range(self.horizon):
            state, reward = model(state, drawn[:, :, t])
            value = value + self.discount**t * reward
        # in units of their spread, so that no scale of rewards is asked for
        better = (value - value.mean(1, keepdim=True)) / (value.std(1, keepdim=True) + 1e-6)
        weights = (CHOOSY * better).softmax(1)
        plan = (weights[..., None, None] * drawn).sum(1)
        self._plan = torch.cat([plan[:, 1:], plan[:, -1:]], 1)
        return plan[:, 0]

    def _drawn(self) -> Tensor:
        """Return plans (n, n_samples, horizon, n_actions); the first is the old one itself."""
        n = len(self._plan)
        shape = (n, self.n_samples, self.horizon, self.n_actions)
        noise = torch.randn(shape, generator=self.source)
        for t in range(1, self.horizon):
            fresh = (1.0 - SMOOTH**2) ** 0.5 * noise[:, :, t]
            noise[:, :, t] = SMOOTH * noise[:, :, t - 1] + fresh
        noise[:, 0] = 0.0
        return (self._plan.unsqueeze(1) + SPREAD * noise).clamp(-1.0, 1.0)
