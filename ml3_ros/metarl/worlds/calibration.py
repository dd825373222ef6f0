# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""World of wrong calibration: encoders have unknown offsets, which only rewards betray."""

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand
from ml3_ros.metarl.worlds.arms import Arms

OFFSET = 0.1  # largest offset of meta-training [rad]
BEYOND = (1.0, 1.6)  # sizes outside of it, in those of it


class CalibrationWorld:
    """See `World`; the task is an offset of each encoder, -1 to 1 in meta-training.

    Observed are angles that are wrong by it, velocities, and the way that is left to the goal as
    it seems by these angles; the reward sees where the hand is.

    Args:
        kind: The arm, see `KINDS`.
        threads: Of the simulation.
    """

    discrete = False
    horizon = 200
    episodes = 2
    scored = 0
    has_outside = True

    def __init__(self, kind: str, *, threads: int | None = 1) -> None:
        self.arms = Arms(kind, threads)
        self.n_actions = self.n_task = self.arms.nv
        self.n_observations = 2 * self.arms.nv + 3
        self._offset = torch.zeros(0, self.n_task)
        self.goal = torch.zeros(0, 3)  # of each copy [m]; the goal is known, the hand is not

    def draw(self, n: int, source: Source, *, outside: bool = False) -> Tensor:
        """See `World`; outside all offsets are larger than those of meta-training."""
        tasks = 2.0 * rand(source, n, self.n_task) - 1.0
        low, high = BEYOND
        return tasks.sign() * (low + (high - low) * tasks.abs()) if outside else tasks

    def begin(self, tasks: Tensor, source: Source, episode: int = 0) -> Tensor:
        """See `World`."""
        n = len(tasks)
        self._offset = OFFSET * tasks.double()
        self.arms.start(self.arms.near_home(n, source))
        self.arms.load(torch.zeros(n), torch.zeros(n))
        self.goal = self.arms.hand(self.arms.near_home(n, source))
        return self._seen()

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """See `World`."""
        self.arms.act(action, torch.ones(len(action)))
        distance = (self.goal - self.arms.hand(self.arms.q)).norm(dim=-1)
        return self._seen(), self.arms.reward(distance, action)

    def _seen(self) -> Tensor:
        q, v = self.arms.q + self._offset, self.arms.v
        way = (self.goal - self.arms.hand(q)) / self.arms.reach
        return torch.cat([self.arms.seen(q, v), way.float()], -1)
