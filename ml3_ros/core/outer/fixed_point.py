# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The fixed point of descent: the model that endless training on a loss would end at.

An unroll sees a few updates of a model. Of some losses the minimum is known in closed form, and
with it the model that descent converges to. Evaluated by the same task loss, that model shows what
the loss is worth after many updates, and costs no unroll at all.

`WithFixedPoint` adds its gradient to that of any estimator. Where the fixed point is evaluated by
costly episodes, `FixedPointSteps` makes many steps of phi on parts of the same episodes instead,
as PPO does.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch

from ml3_ros.core.draws import Source, n_seeds, rand
from ml3_ros.core.losses.meta_losses import MetaLoss
from ml3_ros.core.outer.estimator import Estimate, Estimator, Window
from ml3_ros.core.outer.objective import OuterObjective, TaskLosses
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.errors import ConfigError


@runtime_checkable
class FixedPointFamily(Protocol):
    """A `TaskFamily` that can evaluate the fixed point of descent on a loss."""

    def fixed_point_losses(self, network: MetaLoss) -> TaskLosses:
        """Return (phi, query, extra) -> the family's task losses at the fixed point of phi.

        Raises:
            ConfigError: The minimum of such a loss is not known.
        """


@runtime_checkable
class EpisodicFamily(FixedPointFamily, Protocol):
    """A `FixedPointFamily` in whose episodes a loss may be changed more than once."""

    def fixed_point_episodes(self, network: MetaLoss, phi: Params, query: Batch) -> Batch:
        """Return what happens at the fixed point of phi, each (seeds, tasks, rows, k).

        `fixed_point_losses` of any rows of it, as a query, measures how phi has changed since.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class WithFixedPoint:
    """An estimator's gradient on phi plus that of the fixed point. An `Estimator` itself.

    Attributes:
        estimator: Of the gradient through updates.
        objective: Evaluates the fixed point: its task losses take phi in the place of theta.
        constants: The part of phi that is given, not learned.
        weight: Of the fixed point's gradient; each of the two is clipped by itself.
    """

    estimator: Estimator
    objective: OuterObjective
    constants: Params
    weight: float

    def init(self, theta: Params, lead: tuple[int, ...]) -> Params:
        """Return the estimator's state, see `Estimator`."""
        return self.estimator.init(theta, lead)

    def draw(self, source: Source, n_tasks: int) -> Params:
        """Return the estimator's random numbers, see `Estimator`."""
        return self.estimator.draw(source, n_tasks)

    def estimate(self, phi: Params, window: Window) -> Estimate:
        """Return the sum of both gradients, see `Estimator`."""
        estimate = self.estimator.estimate(phi, window)
        towards = fixed_point_gradient(
            self.objective, phi, self.constants, window.query, window.extra
        )
        grads = {k: g + self.weight * towards[k] for k, g in estimate.grads.items()}
        return replace(estimate, grads=grads)


@dataclass(frozen=True, kw_only=True, slots=True)
class FixedPointSteps:
    """Many steps of phi on parts of the same episodes at its fixed point.

    Attributes:
        family: Makes the episodes.
        network: Of the loss.
        objective: Evaluates the fixed point. It takes no log: the task loss of rows that were
            acted before is no positive cost.
        constants: The part of phi that is given, not learned.
        epochs: How often all rows of the episodes are seen.
        mini_batches: Into which they are split for that, anew at random; what is left over is not
            used. There are no more of them than rows.
    """

    family: EpisodicFamily
    network: MetaLoss
    objective: OuterObjective
    constants: Params
    epochs: int
    mini_batches: int

    def gradients(
        self, phi: Params, query: Batch, extra: Extra, source: Source
    ) -> Iterator[Params]:
        """Yield gradients on phi (seeds, 1, *shape), which is changed in place between them."""
        episodes = self.family.fixed_point_episodes(self.network, phi | self.constants, query)
        *lead, rows = next(iter(episodes.values())).shape[:3]
        size = max(1, rows // self.mini_batches)
        for _ in range(self.epochs):
            order = rand(source, n_seeds(source) * lead[1], rows).argsort(-1).view(*lead, rows, 1)
            for part in torch.split(order, size, dim=-2)[: self.mini_batches]:
                chosen = {
                    k: x.gather(-2, part.expand(*lead, size, x.shape[-1]))
                    for k, x in episodes.items()
                }
                yield fixed_point_gradient(self.objective, phi, self.constants, chosen, extra)


def fixed_point_gradient(
    objective: OuterObjective, phi: Params, constants: Params, query: Batch, extra: Extra
) -> Params:
    """Return the clipped gradient on phi of the task loss at its fixed point.

    It is zero for parameters that do not move the fixed point.
    """
    learned = {k: p.detach().requires_grad_() for k, p in phi.items()}
    loss = objective.evaluate(learned | constants, query, extra)
    grads = torch.autograd.grad(
        loss.sum(), tuple(learned.values()), allow_unused=True, materialize_grads=True
    )
    return objective.mean_and_clipped(dict(zip(learned, grads, strict=True)), loss.shape[-1])


def with_fixed_point(
    estimator: Estimator,
    family: object,
    network: MetaLoss,
    objective: OuterObjective,
    constants: Params,
    weight: float,
) -> WithFixedPoint:
    """Return an estimator that counts the fixed point as well.

    Raises:
        ConfigError: The family does not know the fixed point.
    """
    if not isinstance(family, FixedPointFamily):
        raise ConfigError(
            f"limit_weight={weight}: the family does not know the fixed point of descent; use 0"
        )
    return WithFixedPoint(
        estimator=estimator,
        objective=replace(objective, task_losses=family.fixed_point_losses(network)),
        constants=constants,
        weight=weight,
    )


def fixed_point_steps(
    family: object,
    network: MetaLoss,
    objective: OuterObjective,
    constants: Params,
    epochs: int,
    mini_batches: int,
) -> FixedPointSteps:
    """Return the steps on episodes at the fixed point.

    Raises:
        ConfigError: The family has no such episodes.
    """
    if not isinstance(family, EpisodicFamily):
        raise ConfigError(
            f"limit_epochs={epochs}: the family has no episodes at the fixed point of descent; "
            "use 0"
        )
    losses = family.fixed_point_losses(network)
    return FixedPointSteps(
        family=family,
        network=network,
        objective=replace(objective, task_losses=losses, log_task_loss=False),
        constants=constants,
        epochs=epochs,
        mini_batches=mini_batches,
    )
