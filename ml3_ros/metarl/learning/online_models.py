# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Models of next observations and rewards that adapt to the last transitions, and plan with them.

What GrBAL and ReBAL share (Nagabandi et al. 2019): only how a model adapts differs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ml3_ros.metarl.learning.mppi import Mppi
from ml3_ros.metarl.policies.policy import Seen
from ml3_ros.metarl.worlds.world import World

PAST, FUTURE = 16, 16  # transitions that a model adapts to, and those that it shall then predict
WINDOWS = 64  # of both, in a gradient step
Adapted = dict[str, Tensor]
"""What a model has become for each of n copies, by name (n, ...)."""


class OnlineModel(nn.Module):
    """A model that adapts; how it does so is told by its children.

    Args:
        world: Whose observations and rewards it predicts.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, world: World) -> None:
        super().__init__()
        self.sizes = [world.n_observations, world.n_actions, 1, world.n_observations]
        n = world.n_observations + 1
        # of changes of observations, and of rewards
        self.register_buffer("scale", torch.ones(n))
        self.register_buffer("offset", torch.zeros(n))

    def adapted(self, past: Tensor, *, create_graph: bool = False) -> Adapted:
        """Return what the model becomes after the last transitions (n, m, k), m >= 0."""
        raise NotImplementedError

    def outputs(self, adapted: Adapted, inputs: Tensor) -> Tensor:
        """Return changes and rewards (n, s, k + 1), scaled, of observations and actions (n, s, …).

        Args:
            adapted: Of `adapted`.
            inputs: Observations and actions side by side.
        """
        raise NotImplementedError

    def errors(self, adapted: Adapted, transitions: Tensor) -> Tensor:
        """Return the mean error (n,) of predicted transitions (n, s, k), scaled.

        Errors are squared up to 1, and grow along a line beyond: at its limits an arm leaps.
        """
        before, action, reward, after = transitions.split(self.sizes, -1)
        wanted = (torch.cat([after - before, reward], -1) - self.offset) / self.scale
        found = self.outputs(adapted, torch.cat([before, action], -1))
        error = nn.functional.smooth_l1_loss(found, wanted, reduction="none")
        return error.mean((-2, -1))

    def step(self, adapted: Adapted, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Return observations (n, s, k) after actions (n, s, n_actions), and rewards (n, s)."""
        found = self.outputs(adapted, torch.cat([state, action], -1)) * self.scale + self.offset
        return state + found[..., :-1], found[..., -1]

    def fit_scales(self, transitions: Tensor) -> None:
        """Take the scales of outputs from transitions (n, m, k)."""
        before, _, reward, after = transitions.split(self.sizes, -1)
        found = torch.cat([after - before, reward], -1).flatten(0, 1)
        self.offset.copy_(found.mean(0))
        self.scale.copy_(found.std(0) + 1e-4)


class PlanningAgent:
    """Plans in a model that adapts before each action to the last transitions; see `Agent`.

    Args:
        model: What it plans in.
        planner: How.
    """

    def __init__(self, model: OnlineModel, planner: Mppi) -> None:
        self.model, self.planner = model, planner
        self._past: list[Tensor] = []
        self._last: tuple[Tensor, Tensor] | None = None

    def begin(self, tasks: Tensor) -> None:
        """See `Agent`."""
        self._past, self._last = [], None

    @torch.no_grad()
    def act(self, seen: Seen) -> Tensor:
        """See `Agent`."""
        now = seen.observation
        if bool(seen.first[0]):
            self.planner.begin(len(now))
        elif self._last is not None:
            self._past.append(torch.cat([*self._last, seen.reward, now], -1))
            self._past = self._past[-PAST:]
        none = now.new_zeros(len(now), 0, sum(self.model.sizes))
        past = torch.stack(self._past, 1) if self._past else none
        adapted = self.model.adapted(past)
        action = self.planner.act(now, lambda o, a: self.model.step(adapted, o, a))
        self._last = (now, action)
        return action


def improve(
    model: OnlineModel, optimizer: torch.optim.Optimizer, kept: Tensor, source: torch.Generator
) -> None:
    """Make one gradient step on windows of trials' transitions (n, m, k).

    What a window begins with is the past, of as many transitions as at some time in a trial.
    """
    length = min(PAST + FUTURE, kept.shape[1])
    rows = torch.randint(len(kept), (WINDOWS, 1), generator=source)
    begin = torch.randint(kept.shape[1] - length + 1, (WINDOWS, 1), generator=source)
    windows = kept[rows, begin + torch.arange(length)]
    n_past = int(torch.randint(min(PAST, length - 1) + 1, (1,), generator=source))
    adapted = model.adapted(windows[:, :n_past], create_graph=True)
    loss = model.errors(adapted, windows[:, n_past : n_past + FUTURE]).mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
