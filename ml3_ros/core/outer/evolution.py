"""Persistent evolution strategies (Vicol, Metz and Sohl-Dickstein 2021): no derivatives, no bias.

Where unrolled steps cannot be differentiated, or their derivatives explode, phi is perturbed
instead. Every model has a twin that sees the same batches and the opposite perturbations. The
perturbations of all windows that a model has lived through are summed up, so the estimate counts
what early steps do to late losses, which the derivative through one window does not.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, n_seeds, randn
from ml3_ros.core.inner_loop import unroll
from ml3_ros.core.outer.gradient import STEP_WEIGHTS, Estimator, OuterGradient
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.errors import ConfigError

NOISE, SUM, TWIN, TWIN_STATE = "noise.", "sum.", "twin.theta.", "twin.state."


@dataclass(frozen=True, kw_only=True, slots=True)
class Unrolled:
    """The derivative through the unrolled steps (eq. 5, 6); it ends where a window begins."""

    def estimator(self, gradient: OuterGradient, like: Params) -> Estimator:
        """Return what estimates the gradient on phi; `like` is phi (seeds, 1, *shape)."""
        return gradient


@dataclass(frozen=True, kw_only=True, slots=True)
class Evolution:
    """Persistent evolution strategies.

    Attributes:
        sigma: Standard deviation of the perturbations of phi.
    """

    sigma: float = 0.03

    def __post_init__(self) -> None:
        if not 0.0 < self.sigma < float("inf"):
            raise ConfigError(f"sigma must be > 0 and finite, got {self.sigma}")

    def estimator(self, gradient: OuterGradient, like: Params) -> Estimator:
        """Return what estimates the gradient on phi; `like` is phi (seeds, 1, *shape)."""
        shapes = {k: tuple(p.shape[2:]) for k, p in like.items()}
        return PersistentEvolution(gradient, self.sigma, shapes)


@dataclass(frozen=True, slots=True)
class PersistentEvolution:
    """Estimates the gradient that `OuterGradient` computes, of losses summed over a model's life.

    Attributes:
        gradient: Describes the problem; it is not differentiated.
        sigma: See `Evolution`.
        shapes: Of phi, without leading dimensions.
    """

    gradient: OuterGradient
    sigma: float
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
        own = {k: s for k, s in inner_state.items() if f"{TWIN_STATE}{k}" in inner_state}
        shift = {k: self.sigma * schedule[f"{NOISE}{k}"] for k in phi}
        sums = {k: inner_state[f"{SUM}{k}"] + shift[k] for k in phi}
        with_twins = {k: _pair(p, inner_state[f"{TWIN}{k}"]) for k, p in theta.items()}
        states = {k: _pair(s, inner_state[f"{TWIN_STATE}{k}"]) for k, s in own.items()}
        shifted = {k: _pair(p + shift[k], p - shift[k]) for k, p in phi.items()}
        pairs = [{k: _pair(x, x) for k, x in part.items()} for part in (query, extra, *batches)]
        losses: list[Tensor] = []
        for result in unroll(
            with_twins,
            shifted,
            pairs[2:],
            optimizee=self.gradient.optimizee,
            loss=self.gradient.judge,
            inner_optimizer=self.gradient.inner_optimizer,
            state=states,
        ):
            with torch.no_grad():
                # only the last counts without weights, and acting for the others would be in vain
                if STEP_WEIGHTS in schedule or len(losses) == len(batches) - 1:
                    losses.append(self.gradient.outer_loss(result.theta, *pairs[:2]))
                else:
                    losses.append(torch.zeros(()))
        weights = schedule.get(STEP_WEIGHTS)
        loss = losses[-1]
        if weights is not None:
            loss = (torch.stack(losses) * _pair(weights, weights, dim=2)).sum(0)
        plus, minus = loss.chunk(2, 1)
        diverged = self.gradient.diverged(plus) | self.gradient.diverged(minus)
        slope = torch.where(diverged, 0.0, (plus - minus) / (2.0 * self.sigma**2))
        total = {k: _weighted_sum(s, slope) for k, s in sums.items()}
        grads = self.gradient.mean_and_clipped(total, slope.shape[1])
        values = {
            "task_loss": 0.5 * (plus + minus).mean(-1),
            "diverged": diverged,
            "n_diverged": diverged.sum(-1),
        }
        halves = {k: p.chunk(2, 1) for k, p in result.theta.items()}
        own_halves = {k: s.chunk(2, 1) for k, s in result.state.items()}
        state = {k: h[0].clone() for k, h in own_halves.items()}
        state |= {f"{TWIN}{k}": h[1].clone() for k, h in halves.items()}
        state |= {f"{TWIN_STATE}{k}": h[1].clone() for k, h in own_halves.items()}
        state |= {f"{SUM}{k}": s for k, s in sums.items()}
        return values, grads, {k: h[0].clone() for k, h in halves.items()}, state


def _pair(x: Tensor, twin: Tensor, dim: int = 1) -> Tensor:
    """Return models and twins side by side, along the dimension of the tasks."""
    return torch.cat([x, twin], dim)


def _weighted_sum(x: Tensor, weight: Tensor) -> Tensor:
    """Return sum over the tasks of weight (seeds, tasks) times x (seeds, tasks, *shape)."""
    return torch.einsum("st,st...->s...", weight, x).unsqueeze(1)
