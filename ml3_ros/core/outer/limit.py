"""Where a loss leads in the end, as a second part of what is asked of it at meta-training.

An unroll sees a few updates of a model. Of some losses the minimum is known in closed form, so
the model is known that descent ends at: judged by the same task loss, it says what the loss is
worth after many updates, and costs no unroll at all.

Its gradient is part of every outer step; or, where the limit is judged by costly episodes of what
the loss wants, phi makes many steps on parts of the same episodes, as PPO does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, n_seeds, rand
from ml3_ros.core.losses.meta_losses import MetaLoss
from ml3_ros.core.outer.gradient import Estimator, OuterGradient
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.errors import ConfigError

LimitLosses = Callable[[Params, Batch, Extra], dict[str, Tensor]]


@runtime_checkable
class LimitFamily(Protocol):
    """A `TaskFamily` that can judge what a loss wants."""

    def limit_losses(self, network: MetaLoss) -> LimitLosses:
        """Return (phi, query, extra) -> the family's task losses of the model that phi wants.

        Raises:
            ConfigError: The minimum of such a loss is not known.
        """


@runtime_checkable
class EpisodicLimitFamily(LimitFamily, Protocol):
    """A `LimitFamily` in whose episodes a loss may be changed more than once."""

    def limit_episodes(self, network: MetaLoss, phi: Params, query: Batch) -> Batch:
        """Return what happens where the loss has its way, each (seeds, tasks, rows, k).

        Whatever rows of it `limit_losses` gets for a query, they judge how phi has changed since.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitSteps:
    """The steps of phi on parts of the same episodes.

    Attributes:
        family: Judges the limit.
        network: Of the loss.
        limit: How the limit is judged: an outer gradient whose models are the losses. It takes no
            log: what judges rows that were acted before is no positive cost.
        epochs: How often all rows of the episodes are seen.
        mini_batches: Into which they are split for that, anew at random; what is left over is not
            used. There are no more of them than rows.
    """

    family: EpisodicLimitFamily
    network: MetaLoss
    limit: OuterGradient
    epochs: int
    mini_batches: int

    def gradients(
        self, phi: Params, query: Batch, extra: Extra, source: Source
    ) -> Iterator[Params]:
        """Yield gradients on phi (seeds, 1, *shape), which is changed in place between them."""
        episodes = self.family.limit_episodes(self.network, phi | self.limit.constants, query)
        *lead, rows = next(iter(episodes.values())).shape[:3]
        size = max(1, rows // self.mini_batches)
        for _ in range(self.epochs):
            order = rand(source, n_seeds(source) * lead[1], rows).argsort(-1).view(*lead, rows, 1)
            for part in torch.split(order, size, dim=-2)[: self.mini_batches]:
                chosen = {
                    k: x.gather(-2, part.expand(*lead, size, x.shape[-1]))
                    for k, x in episodes.items()
                }
                yield gradient_of_limit(self.limit, phi, chosen, extra)


def gradient_of_limit(limit: OuterGradient, phi: Params, query: Batch, extra: Extra) -> Params:
    """Return the gradient on phi of where it leads, clipped; zero where it leads nowhere else."""
    learned = {k: p.detach().requires_grad_() for k, p in phi.items()}
    loss = limit.outer_loss(learned | limit.constants, query, extra)
    found = torch.autograd.grad(
        loss.sum(), tuple(learned.values()), allow_unused=True, materialize_grads=True
    )
    return limit.mean_and_clipped(dict(zip(learned, found, strict=True)), loss.shape[-1])


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
        own = gradient_of_limit(self.limit, phi, query, extra)
        return values, {k: g + self.weight * own[k] for k, g in grads.items()}, *models


def with_limit(
    estimator: Estimator, family: object, network: MetaLoss, gradient: OuterGradient, weight: float
) -> WithLimit:
    """Return an estimator that counts the limit as well.

    Raises:
        ConfigError: The family knows no limit.
    """
    if not isinstance(family, LimitFamily):
        raise ConfigError(f"limit_weight={weight}: the family knows no limit")
    limit = replace(gradient, task_losses=family.limit_losses(network))
    return WithLimit(estimator=estimator, limit=limit, weight=weight)


def limit_steps(
    family: object, network: MetaLoss, gradient: OuterGradient, epochs: int, mini_batches: int
) -> LimitSteps:
    """Return the steps on the limit.

    Raises:
        ConfigError: The family has no episodes for it.
    """
    if not isinstance(family, EpisodicLimitFamily):
        raise ConfigError(f"limit_epochs={epochs}: the family has no episodes of the limit")
    return LimitSteps(
        family=family,
        network=network,
        limit=replace(gradient, task_losses=family.limit_losses(network), log_task_loss=False),
        epochs=epochs,
        mini_batches=mini_batches,
    )
