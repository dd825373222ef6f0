# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An outer step as a pure function: a window of inner steps in, a gradient on phi out."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ml3_ros.core.draws import Source
from ml3_ros.core.types import Batch, Extra, Params

STEP_WEIGHTS = "step_weights"  # name within a schedule


@dataclass(frozen=True, slots=True)
class Window:
    """What an outer step is given: models, and everything that is drawn for K steps of them.

    Attributes:
        theta: Models before the steps, each (seeds, tasks, *shape).
        inner_state: What the estimator keeps of them, see `Estimator.init`, likewise.
        query: What the task loss is evaluated on.
        extra: Extra information for it (eq. 9).
        schedule: "step_weights" (K, seeds, tasks), how much the task loss after each step counts
            (without it only the last does), and the random numbers of `Estimator.draw`.
        batches: What each of the K inner steps observes.
    """

    theta: Params
    inner_state: Params
    query: Batch
    extra: Extra
    schedule: Params
    batches: tuple[Batch, ...]

    @property
    def step_weights(self) -> Tensor | None:
        """Weights of the task loss after each step, or None if only the last counts."""
        return self.schedule.get(STEP_WEIGHTS)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an outer step returns.

    Attributes:
        grads: On phi, the mean over the tasks, clipped (seeds, 1, *shape); zero for a seed where
            it is not finite.
        task_loss: Mean over the tasks (seeds,).
        diverged: Models whose task loss is too large or NaN (seeds, tasks).
        theta: Models after the steps.
        inner_state: Likewise.
    """

    grads: Params
    task_loss: Tensor
    diverged: Tensor
    theta: Params
    inner_state: Params


class Estimator(Protocol):
    """A way to find the gradient on phi; `estimate` is pure, so that an engine may record it."""

    def init(self, theta: Params, lead: tuple[int, ...]) -> Params:
        """Return the state that goes with fresh models (*lead, *shape)."""

    def draw(self, source: Source, n_tasks: int) -> Params:
        """Return the random numbers of one outer step; they become part of its schedule."""

    def estimate(self, phi: Params, window: Window) -> Estimate:
        """Return the gradient on phi (seeds, 1, *shape), and the models after the window."""
