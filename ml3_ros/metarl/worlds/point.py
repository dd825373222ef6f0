# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Point world of published comparisons: a point in the plane looks for an unseen goal."""

import math

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand

STEP = 0.1  # way of an action of 1 along an axis [m]
REACHED = 0.3  # distance within which a sparse goal pays [m]


class PointWorld:
    """See `World`; goals lie on a half circle of 1 m around the start (Rakelly et al. 2019).

    The task is the goal's direction. The reward is minus the distance [m] to the goal; where
    sparse, 1 less that distance over `REACHED`, and nothing farther away.

    Args:
        sparse: Whether goals pay from near alone: they have to be searched for.
        episodes: Of a trial.
    """

    n_observations = 2
    n_actions = 2
    n_task = 1
    discrete = False
    horizon = 20
    scored = 0
    has_outside = True

    def __init__(self, *, sparse: bool = False, episodes: int = 2) -> None:
        self.sparse, self.episodes = sparse, episodes
        self._goal = self._place = torch.zeros(0, 2)

    def draw(self, n: int, source: Source, *, outside: bool = False) -> Tensor:
        """See `World`; outside are directions of the other half circle."""
        direction = 2.0 * rand(source, n, 1) - 1.0
        return (
            torch.where(direction > 0.0, 2.0 - direction, -2.0 - direction)
            if outside
            else direction
        )

    def begin(self, tasks: Tensor, source: Source, episode: int = 0) -> Tensor:
        """See `World`; it begins in the middle."""
        angle = 0.5 * math.pi * (1.0 + tasks[:, 0])
        self._goal = torch.stack([angle.cos(), angle.sin()], -1)
        self._place = torch.zeros_like(self._goal)
        return self._place

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """See `World`."""
        self._place = self._place + STEP * action.clamp(-1.0, 1.0)
        distance = (self._goal - self._place).norm(dim=-1)
        reward = (1.0 - distance / REACHED).clamp_min(0.0) if self.sparse else -distance
        return self._place, reward
