# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""World of changed dynamics: payload, stiction and motor gain differ, and may change midway."""

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand
from ml3_ros.metarl.worlds.arms import Arms

FRICTION = 0.2  # largest dry friction, as a share of the torque of an action of 1
GAIN = 0.3  # largest difference of a motor's gain from 1
BEYOND = (1.0, 1.6)  # sizes of a task's elements outside of meta-training, in those of it
CHANGES = (0.3, 0.7)  # part of an episode in which a task may change


class DynamicsWorld:
    """See `World`; the task is payload, stiction and motor gain, each -1 to 1 in meta-training.

    The hand is to reach a goal that is seen, and to stay. Where `changes`, the task
    becomes another one midway in every second episode.

    Args:
        kind: The arm, see `KINDS`.
        changes: Whether tasks change in an episode.
        threads: Of the simulation.
    """

    n_task = 3
    discrete = False
    horizon = 200
    episodes = 2
    scored = 0
    has_outside = True

    def __init__(self, kind: str, *, changes: bool = False, threads: int | None = 1) -> None:
        self.arms = Arms(kind, threads)
        self.changes = changes
        self.n_actions = self.arms.nv
        self.n_observations = 2 * self.arms.nv + 3
        self._tasks = self._later = torch.zeros(0, self.n_task)
        self._goal = torch.zeros(0, 3)
        self._when = torch.zeros(0)
        self._time = 0

    def draw(self, n: int, source: Source, *, outside: bool = False) -> Tensor:
        """See `World`; outside all elements are larger than those of meta-training."""
        tasks = 2.0 * rand(source, n, self.n_task) - 1.0
        if not outside:
            return tasks
        low, high = BEYOND
        # a payload and friction cannot be less than none: these lie above the range
        far = low + (high - low) * tasks.abs()
        return torch.cat([far[:, :2], far[:, 2:] * tasks[:, 2:].sign()], -1)

    def begin(self, tasks: Tensor, source: Source, episode: int = 0) -> Tensor:
        """See `World`."""
        n = len(tasks)
        self._tasks, self._later = tasks, self.draw(n, source)
        first, last = CHANGES
        when = self.horizon * (first + (last - first) * rand(source, n))
        changing = (rand(source, n) < 0.5) & self.changes
        self._when = torch.where(changing, when.round(), torch.inf)
        self._time = 0
        self.arms.start(self.arms.near_home(n, source))
        self._goal = self.arms.hand(self.arms.near_home(n, source))
        self._load()
        return self._seen()

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """See `World`."""
        self._time += 1
        changed = self._when == self._time
        if changed.any():
            self._tasks = torch.where(changed[:, None], self._later, self._tasks)
            self._load()
        self.arms.act(action, 1.0 + GAIN * self._tasks[:, 2])
        distance = (self._goal - self.arms.hand(self.arms.q)).norm(dim=-1)
        return self._seen(), self.arms.reward(distance, action)

    def _load(self) -> None:
        share = 0.5 * (1.0 + self._tasks[:, :2])
        self.arms.load(share[:, 0], FRICTION * share[:, 1])

    def _seen(self) -> Tensor:
        q, v = self.arms.q, self.arms.v
        way = (self._goal - self.arms.hand(q)) / self.arms.reach
        return torch.cat([self.arms.seen(q, v), way.float()], -1)
