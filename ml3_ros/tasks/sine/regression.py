# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Task family of sine regression (Fig. 2, top): a small network, full-batch steps."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ml3_ros.core.networks import Mlp, PerceptronModel
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.errors import ConfigError
from ml3_ros.tasks.sine.points import PointFamily

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class SineDistribution:
    """Tasks y = amplitude * sin(x - phase); each quantity is uniform in its range."""

    amplitude: Range = (1.0, 1.0)
    phase: Range = (math.pi, math.pi)  # [rad]
    x: Range = (-2.0, 2.0)  # [rad]
    n_points: int = 100  # of one task, to learn from

    def __post_init__(self) -> None:
        for name in ("amplitude", "phase", "x"):
            low, high = getattr(self, name)
            if not -math.inf < low <= high < math.inf:
                raise ConfigError(f"{name} must be a finite range (low, high), got {(low, high)}")
        if self.n_points < 1:
            raise ConfigError(f"n_points must be >= 1, got {self.n_points}")


META_TRAIN = SineDistribution()
"""What the paper meta-trains on: a single task."""

META_TEST = SineDistribution(amplitude=(0.2, 5.0), phase=(-math.pi, math.pi), x=(-5.0, 5.0))
"""What it is tested on: outside of the former in amplitude, phase and x."""


@dataclass(frozen=True, slots=True)
class SineTasks:
    """Drawn tasks, with points to learn from and others for evaluation.

    Attributes:
        support: "x" and "y", each (N, n_points, 1).
        query: Likewise, from another draw of x.
        amplitude: (N,).
        phase: (N,) [rad].
    """

    support: Batch
    query: Batch
    amplitude: Tensor
    phase: Tensor

    @staticmethod
    def draw(distribution: SineDistribution, n: int, generator: torch.Generator) -> "SineTasks":
        """Draw n tasks."""

        def uniform(bounds: Range, *shape: int) -> Tensor:
            return bounds[0] + (bounds[1] - bounds[0]) * torch.rand(*shape, generator=generator)

        amplitude, phase = uniform(distribution.amplitude, n), uniform(distribution.phase, n)

        def points() -> Batch:
            x = uniform(distribution.x, n, distribution.n_points, 1)
            return {"x": x, "y": amplitude[:, None, None] * (x - phase[:, None, None]).sin()}

        return SineTasks(points(), points(), amplitude, phase)

    def __len__(self) -> int:
        return len(self.amplitude)


class Regressor(PerceptronModel):
    """y = Mlp(x): the optimizee, called with a batch.

    Args:
        hidden: Widths of the hidden layers.
        activation: Nonlinearity between layers.
    """

    def __init__(self, hidden: tuple[int, ...] = (40, 40), activation: str = "relu") -> None:
        super().__init__()
        self.net = Mlp((1, *hidden, 1), activation=activation)

    def call(self, params: Params, *inputs: Any) -> Tensor:
        """Return the prediction (*lead, B, 1) for a batch with "x" (*lead, B, 1)."""
        (batch,) = inputs
        return self.mapped(params, batch["x"])


class SineRegressionFamily(PointFamily[SineTasks]):
    """Sine regression with a network; a `core.outer.family.TaskFamily`."""

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return the mean squared error (*lead,) as "task"."""
        error = self.optimizee.call(theta, batch) - batch["y"]
        return {"task": error.square().mean((-2, -1))}
