# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Task family of fitted points: a task shows all its points at every step, whatever its age."""

from typing import Generic, Protocol, TypeVar

from torch import Tensor

from ml3_ros.core.draws import Source, randint
from ml3_ros.core.networks import FunctionalModule
from ml3_ros.core.types import Batch, Extra, Params


class PointTasks(Protocol):
    """Drawn tasks, with points to learn from and others for evaluation, each (N, B, 1)."""

    @property
    def support(self) -> Batch:
        """Points to learn from, "x" and "y"."""

    @property
    def query(self) -> Batch:
        """Points for evaluation, likewise."""

    def __len__(self) -> int:
        """Return N."""


Tasks = TypeVar("Tasks", bound=PointTasks)


class PointFamily(Generic[Tasks]):
    """Fitted points, batched over tasks; with `task_losses` a `core.outer.family.TaskFamily`.

    Args:
        optimizee: What is fitted.
        tasks: The tasks.
    """

    def __init__(self, optimizee: FunctionalModule, tasks: Tasks) -> None:
        self.optimizee, self.tasks = optimizee, tasks

    def sample(self, n: int, generator: Source) -> Tensor:
        """Draw n tasks (n,)."""
        return randint(generator, 0, len(self.tasks), n)

    def init(self, tasks: Tensor, generator: Source) -> Params:
        """Return fresh parameters for each task."""
        return self.optimizee.init(generator, (len(tasks),))

    def support(self, tasks: Tensor, ages: Tensor, generator: Source) -> Batch:
        """Return the points to learn from, at every age the same."""
        return {k: p[tasks] for k, p in self.tasks.support.items()}

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        """Return the points for evaluation; there is no extra information."""
        return {k: p[tasks] for k, p in self.tasks.query.items()}, {}
