"""What an outer step computes, as a pure function: an engine may record and compile it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ml3_ros.core.draws import Source
from ml3_ros.core.inner_loop import LossFunction, Predictor, meta_gradient
from ml3_ros.core.inner_optimizers import InnerOptimizer
from ml3_ros.core.networks import FunctionalModule
from ml3_ros.core.types import Batch, Extra, Params, append_dimensions

DIVERGED = 1e6  # a task loss beyond this (or NaN) ends the episode of its model
LOG_FLOOR = 1e-6  # keeps the log of a vanishing task loss finite
STEP_WEIGHTS = "step_weights"  # name within the schedule


class Estimator(Protocol):
    """What an outer step makes of models and losses: the gradient on phi, and models after it."""

    def init(self, theta: Params, lead: tuple[int, ...]) -> Params:
        """Return the state that goes with fresh models (*lead, *shape)."""

    def draw(self, source: Source, n_tasks: int) -> Params:
        """Return the random numbers of one outer step; they become part of its schedule."""

    def __call__(
        self,
        theta: Params,
        inner_state: Params,
        phi: Params,
        query: Batch,
        extra: Extra,
        schedule: Params,
        *batches: Batch,
    ) -> tuple[Params, ...]:
        """Return (values, gradient on phi, theta', state'); see `OuterGradient`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OuterGradient:
    """The gradient on phi of eq. (9), for all seeds and tasks at once.

    Attributes:
        optimizee: The structure of f_theta.
        loss: The loss M_phi.
        inner_optimizer: The update rule h.
        task_losses: (theta', query, extra) -> terms of eq. (9) by name, each (seeds, tasks).
        constants: The part of phi that is given, not learned.
        weights: beta and gamma of eq. (9), by the name of the term.
        log_task_loss: Whether each term is replaced by its logarithm.
        clip: Largest norm of a seed's gradient.
        segment: Inner steps whose graph is in memory at once, see `meta_gradient`.
    """

    optimizee: FunctionalModule
    loss: LossFunction
    inner_optimizer: InnerOptimizer
    task_losses: Callable[[Params, Batch, Extra], dict[str, Tensor]]
    constants: Params
    weights: tuple[tuple[str, float], ...]
    log_task_loss: bool
    clip: float
    segment: int | None = None

    def init(self, theta: Params, lead: tuple[int, ...]) -> Params:
        """See `Estimator`: the state is that of the inner optimizer."""
        return self.inner_optimizer.init(theta, lead)

    def draw(self, source: Source, n_tasks: int) -> Params:
        """See `Estimator`: nothing is random."""
        return {}

    def __call__(
        self,
        theta: Params,
        inner_state: Params,
        phi: Params,
        query: Batch,
        extra: Extra,
        schedule: Params,
        *batches: Batch,
    ) -> tuple[Params, ...]:
        """Return (values, gradient on phi, theta', state') of K inner steps.

        Args:
            theta: Models before the steps, each (seeds, tasks, *shape).
            inner_state: State of the inner optimizer, likewise.
            phi: Losses, each (seeds, 1, *shape).
            query: What the task loss looks at.
            extra: Extra information for it.
            schedule: "step_weights" (K, seeds, tasks): how much the task loss after each step
                counts; without it only the last does.
            *batches: What each of the K inner steps observes.

        Returns:
            "task_loss" (seeds,), "diverged" (seeds, tasks) and "n_diverged" (seeds,); the mean
            gradient over the tasks, clipped, and zero for a seed where it is not finite; theta and
            the inner state after the steps.
        """
        result = meta_gradient(
            theta,
            phi,
            batches,
            lambda adapted: self.outer_loss(adapted, query, extra),
            optimizee=self.optimizee,
            loss=self.judge,
            inner_optimizer=self.inner_optimizer,
            state=inner_state,
            step_weights=schedule.get(STEP_WEIGHTS),
            segment=self.segment,
        )
        diverged = self.diverged(result.outer_loss)
        values = {
            "task_loss": result.outer_loss.mean(-1),
            "diverged": diverged,
            "n_diverged": diverged.sum(-1),
        }
        grads = self.mean_and_clipped(result.grads, result.outer_loss.shape[-1])
        return values, grads, result.theta, result.state

    def diverged(self, outer_loss: Tensor) -> Tensor:
        """Return which models are lost."""
        limit = math.log(DIVERGED) if self.log_task_loss else DIVERGED
        return ~(outer_loss < limit)  # NaN counts

    def mean_and_clipped(self, total: Params, n_tasks: int) -> Params:
        """Return gradients over n_tasks, no longer than `clip`; few passes over the memory."""
        parts = [torch.linalg.vector_norm(g.flatten(1), dim=1) for g in total.values()]
        norm = torch.linalg.vector_norm(torch.stack(parts), dim=0) / n_tasks
        finite = norm.isfinite()
        factor = torch.where(finite, self.clip / norm.clamp_min(self.clip) / n_tasks, 0.0)
        return {
            k: torch.where(append_dimensions(finite, g), g, 0.0) * append_dimensions(factor, g)
            for k, g in total.items()
        }

    def judge(self, phi: Params, model: Predictor, batch: Batch, count: Tensor) -> Tensor:
        """Return the loss of models, with what is constant in it."""
        return self.loss(phi | self.constants, model, batch, count)

    def outer_loss(self, theta: Params, query: Batch, extra: Extra) -> Tensor:
        """Eq. (9): the weighted sum of the terms, (seeds, tasks)."""
        terms = self.task_losses(theta, query, extra)
        if self.log_task_loss:
            terms = {name: (value + LOG_FLOOR).log() for name, value in terms.items()}
        weighted = [weight * terms[name] for name, weight in self.weights if weight > 0.0]
        return sum(weighted, torch.zeros(()))
