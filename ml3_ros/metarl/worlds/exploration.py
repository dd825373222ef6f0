# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""World of a hidden goal: what shows it has to be visited first, in an unpaid episode."""

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, randint
from ml3_ros.metarl.worlds.arms import Arms

GOALS = 4  # places among which the goal is
FIRST = (0.4, 0.4, 1.2, 1.2, -1.0)  # angle of the first joint at the places and at the sign, and
LAST = (-1.0, 1.0, -1.0, 1.0, 0.0)  # of the last one, in half ranges around home
SIGN = 0.3  # distance from the sign within which it is read, in ways to a goal


class ExplorationWorld:
    """See `World`; one episode explores, the next one is to reach the goal that it found.

    The goal is one of `GOALS` places, where rewards alone tell it from the others; in the first
    episode there are none. A sign that stands elsewhere, always at the same place, shows the goal
    to a hand that is near it.

    Args:
        kind: The arm, see `KINDS`.
        threads: Of the simulation.
    """

    discrete = False
    horizon = 200
    episodes = 2
    scored = 1
    has_outside = False

    def __init__(self, kind: str, *, threads: int | None = 1) -> None:
        self.arms = Arms(kind, threads)
        self.n_actions = self.arms.nv
        self.n_task = GOALS
        self.n_observations = 2 * self.arms.nv + 3 + GOALS + 1
        width = self.arms.kind.spread
        home = torch.from_numpy(self.arms.description.home)
        angles = home.repeat(GOALS + 1, 1)
        angles[:, 0] += width * torch.tensor(FIRST)
        angles[:, -1] += width * torch.tensor(LAST)
        places = self.arms.hand(angles)
        self.places, self.sign = places[:GOALS], places[GOALS]  # (GOALS, 3), (3,) [m]
        self._tasks = torch.zeros(0, GOALS)
        self._episode = 0

    def draw(self, n: int, source: Source, *, outside: bool = False) -> Tensor:
        """See `World`; there are no tasks outside: each is one of the places."""
        return torch.eye(GOALS)[randint(source, 0, GOALS, n)]

    def begin(self, tasks: Tensor, source: Source, episode: int = 0) -> Tensor:
        """See `World`."""
        self._tasks, self._episode = tasks, episode
        home = torch.from_numpy(self.arms.description.home)
        self.arms.start(home.expand(len(tasks), -1))
        self.arms.load(torch.zeros(len(tasks)), torch.zeros(len(tasks)))
        return self._seen(self.arms.hand(self.arms.q))

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """See `World`."""
        self.arms.act(action, torch.ones(len(action)))
        hand = self.arms.hand(self.arms.q)
        goal = self.places[self._tasks.argmax(-1)]
        reward = self.arms.reward((goal - hand).norm(dim=-1), action)
        # who explores is not paid, and pays nothing
        return self._seen(hand), reward if self._episode else torch.zeros_like(reward)

    def _seen(self, hand: Tensor) -> Tensor:
        way = (self.sign - hand) / self.arms.reach
        near = (way.norm(dim=-1, keepdim=True) < SIGN).float()
        place = ((hand - self.places.mean(0)) / self.arms.reach).float()
        seen = self.arms.seen(self.arms.q, self.arms.v)
        return torch.cat([seen, place, near * self._tasks, near], -1)
