# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The settings of Algorithm 1."""

import math
from dataclasses import dataclass
from typing import Literal

from ml3_ros.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class MetaTrainConfig:
    """One run of Algorithm 1; frozen, so a run is described by a value."""

    n_outer_steps: int = 1000
    n_tasks: int = 4  # models trained at once under each loss
    unroll: int = 5  # K: inner steps between updates of phi
    horizon: int = 100  # M: a model is reset after this many inner steps
    restart: Literal["together", "staggered"] = "together"
    """Whether all models are reset at once, or spread so that every age is always present."""
    outer_lr: float = 1e-2
    outer_lr_steps: float = 3e-2  # outer_lr of learned step sizes
    outer_lr_final: float = 0.05  # share of both at the end; linear over the second half
    outer_clip: float = 1.0  # largest norm of the gradient on phi [-]
    outer_every_step: bool = False  # task loss averaged over the unroll, or at its end only
    outer_early: bool = False
    """With outer_every_step, whether steps count by 1 / (1 + age): alike in the log of age."""
    log_task_loss: bool = True  # so that late, small errors count as much as early ones
    weights: tuple[tuple[str, float], ...] = (("task", 1.0),)
    """beta and gamma of eq. (9): weight of each named term of the family's task losses."""
    limit_weight: float = 0.0
    """Of the gradient at the fixed point of descent, see `core.outer.fixed_point`."""
    limit_epochs: int = 0
    """Passes of phi through episodes at the fixed point after every outer step."""
    limit_mini_batches: int = 8  # into which those episodes are split
    limit_lr: float = 1e-3  # outer_lr of those steps

    def __post_init__(self) -> None:
        for name in ("n_outer_steps", "n_tasks", "unroll", "horizon", "limit_mini_batches"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be >= 1, got {getattr(self, name)}")
        for name in ("outer_lr", "outer_lr_steps", "outer_clip", "limit_lr"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ConfigError(f"{name} must be > 0 and finite, got {getattr(self, name)}")
        if not any(weight > 0.0 for _, weight in self.weights):
            raise ConfigError("weights: at least one term of the task loss needs a weight > 0")
        if not 0.0 <= self.limit_weight < math.inf:
            raise ConfigError(f"limit_weight must be >= 0 and finite, got {self.limit_weight}")
        if self.limit_epochs < 0:
            raise ConfigError(f"limit_epochs must be >= 0, got {self.limit_epochs}")
