"""Where a loss leads in the end, as a second part of what is asked of it at meta-training.

An unroll sees a few updates of a model. Of some losses the minimum is known in closed form, so
the model is known that descent ends at: judged by the same task loss, it says what the loss is
worth after many updates, and costs no unroll at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from ml3_ros.core.draws import Source
from ml3_ros.core.meta_losses import MetaLoss
from ml3_ros.core.outer_gradient import Estimator, OuterGradient
from ml3_ros.core.types import Batch, Extra, Params

LimitLosses = Callable[[Params, Batch, Extra], dict[str, Tensor]]


@runtime_checkable
class LimitFamily(Protocol):
    """A `TaskFamily` that can judge what a loss wants."""

    def limit_losses(self, network: MetaLoss) -> LimitLosses:
        """Return (phi, query, extra) -> the family's task losses of the model that phi wants.

        Raises:
            ConfigError: The minimum of such a loss is not known.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class WithLimit:
    """An estimator's gradient on phi, and that of the limit. An `Estimator` itself.

    Attributes:
        estimator: Of the gradient through updates.
        limit: How the limit is judged: an outer gradient whose models are the losses.
        weight: Of the limit's gradient; each of the two is clipped by itself.
    """

    estimator: Estimator
    limit: OuterGradient
    weight: float

    def init(self, theta: Params, lead: tuple[int, ...]) -> Params:
        """See `Estimator`."""
        return self.estimator.init(theta, lead)

    def draw(self, source: Source, n_tasks: int) -> Params:
        """See `Estimator`."""
        return self.estimator.draw(source, n_tasks)

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
        values, grads, *models = self.estimator(
            theta, inner_state, phi, query, extra, schedule, *batches
        )
        learned = {k: p.detach().requires_grad_() for k, p in phi.items()}
        loss = self.limit.outer_loss(learned | self.limit.constants, query, extra)
        found = torch.autograd.grad(
            loss.sum(), tuple(learned.values()), allow_unused=True, materialize_grads=True
        )
        total = dict(zip(learned, found, strict=True))
        own = self.limit.mean_and_clipped(total, loss.shape[-1])
        return values, {k: g + self.weight * own[k] for k, g in grads.items()}, *models
