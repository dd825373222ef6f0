# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Online evolution strategies estimate the gradient on phi without derivatives and without bias.

Where unrolled steps cannot be differentiated, or their derivatives explode, phi is perturbed
instead. Every model has a twin that sees the same batches and the opposite perturbations. The
estimate counts what early steps do to late losses, which the derivative through one window does
not. Two ways to draw the perturbations are in the literature:

- persistent (PES; Vicol, Metz and Sohl-Dickstein 2021): anew in every window, and those of all
  windows that a model has lived through are summed up;
- reused (NRES; Li et al. 2023): one for the whole life of a model. Of one window its variance is
  never larger, and far smaller after many; in the sum over a life of windows that do not depend on
  each other it is larger. ES-Single (Vicol 2023) is the same estimator for models
  that all begin at once (`restart="together"`); with a whole life in one window it is what Li et
  al. call FullES.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, n_seeds, randn
from ml3_ros.core.inner_loop import StepResult, unroll
from ml3_ros.core.outer.estimator import Estimate, Estimator, Window
from ml3_ros.core.outer.gradient import OuterGradient
from ml3_ros.core.types import Batch, Params, append_dimensions
from ml3_ros.errors import ConfigError

Noise = Literal["persistent", "reused"]
NOISE, SUM, TWIN, TWIN_STATE = "noise.", "sum.", "twin.theta.", "twin.state."


@dataclass(frozen=True, kw_only=True, slots=True)
class Unrolled:
    """The derivative through the unrolled steps (eq. 5, 6); it ends where a window begins."""

    def estimator(self, gradient: OuterGradient, like: Params) -> Estimator:
        """Return what estimates the gradient on phi; `like` is phi (seeds, 1, *shape)."""
        return gradient


@dataclass(frozen=True, kw_only=True, slots=True)
class Evolution:
    """Online evolution strategies, for steps that have no useful derivative.

    Attributes:
        sigma: Standard deviation of the perturbations of phi.
        noise: How they are drawn, see above: "persistent" (PES) or "reused" (NRES, ES-Single).
            Take "reused" where a life has many windows.
    """

    sigma: float = 0.03
    noise: Noise = "persistent"

    def __post_init__(self) -> None:
        if self.noise not in get_args(Noise):
            raise ConfigError(f"noise must be one of {get_args(Noise)}, got {self.noise!r}")
        if not 0.0 < self.sigma < float("inf"):
            raise ConfigError(f"sigma must be > 0 and finite, got {self.sigma}")

    def estimator(self, gradient: OuterGradient, like: Params) -> Estimator:
        """Return what estimates the gradient on phi; `like` is phi (seeds, 1, *shape)."""
        shapes = {k: tuple(p.shape[2:]) for k, p in like.items()}
        return OnlineEvolution(gradient, self.sigma, self.noise, shapes)


@dataclass(frozen=True, slots=True)
class OnlineEvolution:
    """Estimates the gradient that `OuterGradient` computes, of losses summed over a model's life.

    Attributes:
        gradient: Describes the problem; it is not differentiated.
        sigma, noise: See `Evolution`.
        shapes: Of phi, without leading dimensions.
    """

    gradient: OuterGradient
    sigma: float
    noise: Noise
    shapes: dict[str, tuple[int, ...]]

    def init(self, theta: Params, lead: tuple[int, ...]) -> Params:
        """Return the state of new models: the inner optimizer's, twins, no perturbation yet."""
        state = self.gradient.init(theta, lead)
        twins = {f"{TWIN}{k}": p.clone() for k, p in theta.items()}
        twins |= {f"{TWIN_STATE}{k}": s.clone() for k, s in state.items()}
        sums = {f"{SUM}{k}": torch.zeros(*lead, *shape) for k, shape in self.shapes.items()}
        return state | twins | sums

    def draw(self, source: Source, n_tasks: int) -> Params:
        """Return standard normal numbers (seeds, tasks, *shape) for one window."""
        lead = (n_seeds(source), n_tasks)
        return {
            f"{NOISE}{k}": randn(source, lead[0] * n_tasks, *shape).view(*lead, *shape)
            for k, shape in self.shapes.items()
        }

    def estimate(self, phi: Params, window: Window) -> Estimate:
        """Return the gradient from the losses of models and twins, see `Estimator`."""
        objective = self.gradient.objective
        shift, sums = self._perturbations(window)
        shifted = {k: _pair(p + shift[k], p - shift[k]) for k, p in phi.items()}
        loss, models = self._outer_loss(shifted, window)
        plus, minus = loss.chunk(2, 1)
        diverged = objective.diverged(plus) | objective.diverged(minus)
        slope = torch.where(diverged, 0.0, (plus - minus) / (2.0 * self.sigma**2))
        total = {k: _weighted_sum(s, slope) for k, s in sums.items()}
        theta, twins = _halves(models.theta)
        own_state, twin_state = _halves(models.state)
        return Estimate(
            grads=objective.mean_and_clipped(total, slope.shape[1]),
            task_loss=0.5 * (plus + minus).mean(-1),
            diverged=diverged,
            theta=theta,
            inner_state=own_state
            | {f"{TWIN}{k}": p for k, p in twins.items()}
            | {f"{TWIN_STATE}{k}": s for k, s in twin_state.items()}
            | {f"{SUM}{k}": s for k, s in sums.items()},
        )

    def _perturbations(self, window: Window) -> tuple[Params, Params]:
        """Return the perturbations of phi in this window, and what the slope is multiplied by."""
        state = window.inner_state
        drawn = {k: self.sigma * window.schedule[f"{NOISE}{k}"] for k in self.shapes}
        kept = {k: state[f"{SUM}{k}"] for k in self.shapes}
        if self.noise == "persistent":
            return drawn, {k: kept[k] + drawn[k] for k in drawn}
        begins = state["count"] == 0.0  # a model that has made no step yet
        reused = {
            k: torch.where(append_dimensions(begins, x), x, kept[k]) for k, x in drawn.items()
        }
        return reused, reused

    def _outer_loss(self, phi: Params, window: Window) -> tuple[Tensor, StepResult]:
        """Return the task loss (seeds, 2 tasks) of models and twins under phi, and them after."""
        state, learner = window.inner_state, self.gradient.learner
        theta = {k: _pair(p, state[f"{TWIN}{k}"]) for k, p in window.theta.items()}
        states = {
            k: _pair(s, state[f"{TWIN_STATE}{k}"])
            for k, s in state.items()
            if f"{TWIN_STATE}{k}" in state
        }
        query, extra, *batches = map(_twice, (window.query, window.extra, *window.batches))
        weights = window.step_weights
        losses: list[Tensor] = []
        for result in unroll(learner, theta, phi, batches, states):
            with torch.no_grad():
                # only the last counts without weights, and acting for the others would be in vain
                if weights is not None or len(losses) == len(batches) - 1:
                    losses.append(self.gradient.objective.evaluate(result.theta, query, extra))
                else:
                    losses.append(torch.zeros(()))
        if weights is None:
            return losses[-1], result
        return (torch.stack(losses) * _pair(weights, weights, dim=2)).sum(0), result


def _pair(x: Tensor, twin: Tensor, dim: int = 1) -> Tensor:
    """Return models and twins side by side, along the dimension of the tasks."""
    return torch.cat([x, twin], dim)


def _twice(batch: Batch) -> Batch:
    """Return a batch that models and twins share."""
    return {k: _pair(x, x) for k, x in batch.items()}


def _halves(params: Params) -> tuple[Params, Params]:
    """Return the parameters of models and of twins, in memory of their own."""
    halves = {k: p.chunk(2, 1) for k, p in params.items()}
    return {k: h[0].clone() for k, h in halves.items()}, {
        k: h[1].clone() for k, h in halves.items()
    }


def _weighted_sum(x: Tensor, weight: Tensor) -> Tensor:
    """Return sum over the tasks of weight (seeds, tasks) times x (seeds, tasks, *shape)."""
    return torch.einsum("st,st...->s...", weight, x).unsqueeze(1)
