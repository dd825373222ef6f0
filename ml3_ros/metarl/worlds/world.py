# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""World protocol of meta-reinforcement learning: copies of an environment with hidden tasks."""

from typing import Protocol

from torch import Tensor

from ml3_ros.core.draws import Source


class World(Protocol):
    """Copies of an environment, each with a task that its observations do not tell.

    A trial is `episodes` episodes of one task, each `horizon` actions long; none ends early. What
    counts at meta-test is the return of each episode. Tensors are float32, the copies first.

    Attributes:
        n_observations: Elements of an observation, each around 1 in size.
        n_actions: Elements of an action, each counts from -1 to 1 and is clipped beyond; where
            `discrete`, how many actions there are, and an action is an index (n,).
        n_task: Elements of a task; those of meta-training lie within -1 and 1.
        discrete: Whether actions are indices.
        horizon: Actions in an episode.
        episodes: Episodes in a trial.
        scored: The first episode whose return counts, 0 where all do.
        has_outside: Whether there are tasks outside of the range of meta-training.
    """

    n_observations: int
    n_actions: int
    n_task: int
    discrete: bool
    horizon: int
    episodes: int
    scored: int
    has_outside: bool

    def draw(self, n: int, source: Source, *, outside: bool = False) -> Tensor:
        """Draw tasks (n, n_task): those of meta-training, or others outside of their range.

        Where there are none outside (`has_outside`), it draws the same ones.
        """

    def begin(self, tasks: Tensor, source: Source, episode: int = 0) -> Tensor:
        """Begin an episode of each task (n, n_task); return the observations (n, n_observations).

        `source` draws where it begins, and what happens in it; `episode` is its number in a trial.
        """

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """Act (n, n_actions), or (n,) where discrete; return observations and rewards (n,)."""
