# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The outer objective of meta-training, eq. (9): weighted task losses, and clipped gradients."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.types import Batch, Extra, Params, append_dimensions

DIVERGED = 1e6  # a task loss beyond this (or NaN) ends the episode of its model
LOG_FLOOR = 1e-6  # keeps the log of a vanishing task loss finite

TaskLosses = Callable[[Params, Batch, Extra], dict[str, Tensor]]
"""(theta', query, extra) -> terms of eq. (9) by name, each (seeds, tasks)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OuterObjective:
    """What a loss is trained for: the task loss of the models that it has trained.

    Attributes:
        task_losses: The terms of eq. (9).
        weights: beta and gamma of eq. (9), by the name of the term.
        log_task_loss: Whether each term is replaced by its logarithm.
        clip: Largest norm of a seed's gradient.
    """

    task_losses: TaskLosses
    weights: tuple[tuple[str, float], ...]
    log_task_loss: bool
    clip: float

    def evaluate(self, theta: Params, query: Batch, extra: Extra) -> Tensor:
        """Return eq. (9): the weighted sum of the terms, (seeds, tasks)."""
        terms = self.task_losses(theta, query, extra)
        if self.log_task_loss:
            terms = {name: (value + LOG_FLOOR).log() for name, value in terms.items()}
        weighted = [weight * terms[name] for name, weight in self.weights if weight > 0.0]
        return sum(weighted, torch.zeros(()))

    def diverged(self, outer_loss: Tensor) -> Tensor:
        """Return which models are lost."""
        largest = math.log(DIVERGED) if self.log_task_loss else DIVERGED
        return ~(outer_loss < largest)  # NaN counts

    def mean_and_clipped(self, total: Params, n_tasks: int) -> Params:
        """Return gradients over n_tasks, no longer than `clip`; few passes over the memory."""
        norms = [torch.linalg.vector_norm(g.flatten(1), dim=1) for g in total.values()]
        norm = torch.linalg.vector_norm(torch.stack(norms), dim=0) / n_tasks
        finite = norm.isfinite()
        factor = torch.where(finite, self.clip / norm.clamp_min(self.clip) / n_tasks, 0.0)
        return {
            k: torch.where(append_dimensions(finite, g), g, 0.0) * append_dimensions(factor, g)
            for k, g in total.items()
        }


def task_loss_of(outer_loss: Tensor, config: MetaTrainConfig) -> Tensor:
    """Return the task loss behind a mean of `OuterObjective.evaluate`, as a number for people.

    With `log_task_loss` it is the geometric mean of all that `outer_loss` is a mean over: terms by
    their weights, steps, models and seeds. Without, it is `outer_loss` itself.

    Args:
        outer_loss: Of any shape, such as `OuterStep.task_loss`.
        config: Of the training.
    """
    if not config.log_task_loss:
        return outer_loss
    total = sum(weight for _, weight in config.weights if weight > 0.0)
    return ((outer_loss.double() / total).exp() - LOG_FLOOR).clamp_min(0.0)
