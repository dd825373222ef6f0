# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Task family of sine frequencies (Fig. 5a, b): one parameter, fitted by gradient steps."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand
from ml3_ros.core.networks import FunctionalModule
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.tasks.sine.points import PointFamily

LIMIT = 5.0  # frequencies, first guesses and x lie within +-LIMIT
N_POINTS = 64


class Sinusoid(FunctionalModule):
    """f_omega(x) = sin(omega x) with theta = {"omega": (*lead, 1)} [rad per unit of x].

    Args:
        start: Range of the first guess; from a single point where both ends are equal.
    """

    def __init__(self, start: tuple[float, float] = (-LIMIT, LIMIT)) -> None:
        super().__init__()
        self.start = start
        self.declare({"omega": torch.zeros(1)})

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return first guesses, uniform in their range."""
        low, high = self.start
        return {"omega": low + (high - low) * rand(generator, *lead, 1)}

    def roles(self) -> dict[str, str]:
        """Return the one role there is."""
        return {"omega": "frequency"}

    def call(self, params: Params, *inputs: Any) -> Tensor:
        """Return the prediction (*lead, B, 1) for a batch with "x" (*lead, B, 1)."""
        (batch,) = inputs
        return torch.sin(params["omega"].unsqueeze(-2) * batch["x"])


@dataclass(frozen=True, slots=True)
class FrequencyTasks:
    """Drawn tasks y = sin(nu x).

    Attributes:
        nu: True frequencies (N,).
        support: Points to learn from, "x" and "y", each (N, B, 1).
        query: Others for evaluation.
    """

    nu: Tensor
    support: Batch
    query: Batch

    @staticmethod
    def draw(nu: Tensor, generator: torch.Generator, n_points: int = N_POINTS) -> "FrequencyTasks":
        """Draw points of given frequencies nu (N,)."""

        def points() -> Batch:
            uniform = torch.rand(len(nu), n_points, 1, generator=generator)
            x = LIMIT * (2.0 * uniform - 1.0)
            return {"x": x, "y": (nu[:, None, None] * x).sin()}

        return FrequencyTasks(nu, points(), points())

    @staticmethod
    def random(n: int, generator: torch.Generator) -> "FrequencyTasks":
        """Draw n tasks with frequencies uniform in +-LIMIT."""
        nu = LIMIT * (2.0 * torch.rand(n, generator=generator) - 1.0)
        return FrequencyTasks.draw(nu, generator)

    def __len__(self) -> int:
        return len(self.nu)


class FrequencyFamily(PointFamily[FrequencyTasks]):
    """Frequency of a sine; a `core.outer.family.TaskFamily`.

    Args:
        optimizee: The model and where its first guesses come from.
        tasks: The tasks, all of whose points are observed at every step.
        tolerance: Frequencies that are this close count as found: where meta-training looks at
            the log of the task loss, it would gain most from making small errors smaller.
    """

    def __init__(self, optimizee: Sinusoid, tasks: FrequencyTasks, tolerance: float = 0.0) -> None:
        super().__init__(optimizee, tasks)
        self.tolerance = tolerance

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        """Return the points for evaluation, and as extra information the true frequency."""
        points, _ = super().query(tasks, ages, generator)
        return points, {"nu": self.tasks.nu[tasks]}

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return the terms of eq. (9), each (*lead,).

        "task" is the mean squared error, "frequency" the shaping loss (omega - nu)^2 plus the
        square of the tolerance.
        """
        error = self.optimizee.call(theta, batch) - batch["y"]
        distance = theta["omega"].squeeze(-1) - extra["nu"]
        return {
            "task": error.square().mean((-2, -1)),
            "frequency": distance.square() + self.tolerance**2,
        }
