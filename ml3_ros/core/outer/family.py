# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Task families: the distributions that meta-training draws its tasks from."""

from typing import Protocol

from torch import Tensor, nn

from ml3_ros.core.draws import Source
from ml3_ros.core.types import Batch, Extra, Params


class TaskFamily(Protocol):
    """A distribution of tasks. A task is an index into the family, so many make one tensor.

    A source of random numbers is one generator, or one for each seed, see `core.draws`: tasks are
    then those of all seeds, in order. Draw with `rand` and `randint` from there.
    """

    @property
    def optimizee(self) -> nn.Module:
        """The structure of the models; with the engine "higher" any module, see `Learner`."""

    def sample(self, n: int, generator: Source) -> Tensor:
        """Draw n tasks (n,), int64."""

    def init(self, tasks: Tensor, generator: Source) -> Params:
        """Return a fresh random optimizee for each task, parameters (n, *shape)."""

    def support(self, tasks: Tensor, ages: Tensor, generator: Source) -> Batch:
        """Return what the inner step of age `ages` (n,) observes, each (n, B, k)."""

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        """Return the task loss's batch, and the extra information, which exists here only."""

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return the terms of eq. (9) by name, each (*lead,) and positive."""
