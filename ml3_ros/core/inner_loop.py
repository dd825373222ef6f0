"""Algorithm 2: train an optimizee with a loss, as a pure function of (theta, phi, batches).

This is also the inner loop of Algorithm 1: with `create_graph` the result stays differentiable in
theta and phi. This engine works on torch autograd and functional models; every tensor may carry
leading dimensions (seeds, tasks), so that many models are trained as one batch.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ml3_ros.core.inner_optimizers import InnerOptimizer
from ml3_ros.core.networks import BoundModel, FunctionalModule
from ml3_ros.core.types import Batch, Params

Predictor = Callable[[Batch], Tensor]
"""batch -> prediction (*lead, B, k): a model with its parameters, usually a `BoundModel`."""

LossFunction = Callable[[Params, Predictor, Batch, Tensor], Tensor]
"""(phi, model, batch, count (*lead,)) -> value (*lead,): a meta-loss bound to its inputs.

It sees the model through its predictions, and the number of steps that the model has made.
"""


@dataclass(frozen=True, slots=True)
class StepResult:
    """One update of theta."""

    theta: Params  # theta'
    state: Params  # state of the inner optimizer after the step
    meta_loss_value: Tensor  # (*lead,), before the step (mean over mini-batches), detached


def inner_step(
    theta: Params,
    phi: Params,
    batch: Batch,
    state: Params,
    *,
    optimizee: FunctionalModule,
    loss: LossFunction,
    inner_optimizer: InnerOptimizer,
    create_graph: bool = False,
) -> StepResult:
    """Return theta' = h(theta, grad_theta M_phi(f_theta(x), y)) (eq. 1 to 3).

    Where the optimizee splits what it observes into mini-batches, h is applied to each in turn.

    Args:
        theta: Optimizee parameters by name, each (*lead, *shape).
        phi: Loss parameters by name.
        batch: Observed quantities by name, each (*lead, B, k).
        state: State of the inner optimizer.
        optimizee: Lends its structure only; its own parameters are neither read nor changed.
        loss: The loss M_phi.
        inner_optimizer: The update rule h.
        create_graph: Whether theta' shall be differentiable in theta and phi.
    """
    with torch.no_grad():
        parts = optimizee.mini_batches(optimizee.experience(theta, batch))
    values = []
    for part in parts:
        if not create_graph:
            theta = {k: p.detach().requires_grad_() for k, p in theta.items()}
        value = loss(phi, BoundModel(optimizee, theta), part, state["count"])
        # the sum over leading dimensions leaves each model its own gradient
        grads = torch.autograd.grad(value.sum(), tuple(theta.values()), create_graph=create_graph)
        named = dict(zip(theta, grads, strict=True))
        with torch.set_grad_enabled(create_graph):
            theta, state = inner_optimizer.step(theta, named, state, phi)
        values.append(value.detach())
    return StepResult(theta, state, torch.stack(values).mean(0))


def updater(
    optimizee: FunctionalModule, loss: LossFunction, inner_optimizer: InnerOptimizer
) -> Callable[[Params, Params, Batch, Params], tuple[Params, Params]]:
    """Return (theta, phi, batch, state) -> (theta', state'): a step that an engine may record."""

    def update(theta: Params, phi: Params, batch: Batch, state: Params) -> tuple[Params, Params]:
        result = inner_step(
            theta,
            phi,
            batch,
            state,
            optimizee=optimizee,
            loss=loss,
            inner_optimizer=inner_optimizer,
        )
        return result.theta, result.state

    return update


def unroll(
    theta: Params,
    phi: Params,
    batches: Iterable[Batch],
    *,
    optimizee: FunctionalModule,
    loss: LossFunction,
    inner_optimizer: InnerOptimizer,
    state: Params,
    create_graph: bool = False,
) -> Iterator[StepResult]:
    """Yield the result of every update of theta, one per batch; arguments as in `inner_step`."""
    for batch in batches:
        result = inner_step(
            theta,
            phi,
            batch,
            state,
            optimizee=optimizee,
            loss=loss,
            inner_optimizer=inner_optimizer,
            create_graph=create_graph,
        )
        theta, state = result.theta, result.state
        yield result


def adapt(
    theta: Params,
    phi: Params,
    batches: Iterable[Batch],
    *,
    optimizee: FunctionalModule,
    loss: LossFunction,
    inner_optimizer: InnerOptimizer,
    state: Params | None = None,
    lead: tuple[int, ...] = (),
) -> StepResult:
    """Algorithm 2: one update of theta per batch under a frozen loss.

    Args:
        theta: Optimizee parameters by name, each (*lead, *shape).
        phi: Loss parameters by name.
        batches: What each step observes, each (*lead, B, k) by name.
        optimizee: The structure of f_theta.
        loss: The loss M_phi.
        inner_optimizer: The update rule h.
        state: State of the inner optimizer; fresh if None.
        lead: Leading dimensions of theta.

    Returns:
        The result of the last step (theta itself when there are no batches).
    """
    state = inner_optimizer.init(theta, lead) if state is None else state
    result = StepResult(theta, state, torch.zeros_like(state["count"]))
    for step in unroll(
        theta,
        phi,
        batches,
        optimizee=optimizee,
        loss=loss,
        inner_optimizer=inner_optimizer,
        state=state,
    ):
        result = step
    return result


@dataclass(frozen=True, slots=True)
class MetaGradient:
    """What one outer step needs from an engine."""

    outer_loss: Tensor  # (*lead,), detached
    grads: Params  # d sum(outer_loss) / d phi, shapes of phi
    theta: Params  # after the unrolled steps, detached
    state: Params  # of the inner optimizer, likewise


def meta_gradient(
    theta: Params,
    phi: Params,
    batches: Sequence[Batch],
    outer: Callable[[Params], Tensor],
    *,
    optimizee: FunctionalModule,
    loss: LossFunction,
    inner_optimizer: InnerOptimizer,
    state: Params,
    step_weights: Tensor | None = None,
    segment: int | None = None,
) -> MetaGradient:
    """Return grad_phi of the task loss after the updates of theta under M_phi (eq. 5, 6).

    Args:
        theta: Optimizee parameters before the updates, each (*lead, *shape).
        phi: Loss parameters.
        batches: The observed batch of every unrolled inner step.
        outer: theta' -> task loss (*lead,), with whatever exists at meta-train only.
        optimizee: The structure of f_theta.
        loss: The loss M_phi.
        inner_optimizer: The update rule h.
        state: State of the inner optimizer before the updates.
        step_weights: Weight of the task loss after each update, (K, *lead) or (K,); None takes
            that after the last update alone.
        segment: Number of inner steps whose graph is in memory at once; the others are made
            again on the way back. None keeps all, and makes every step once.
    """
    parts: dict[str, Any] = {
        "optimizee": optimizee,
        "loss": loss,
        "inner_optimizer": inner_optimizer,
    }
    length = len(batches) if segment is None else segment
    firsts = range(0, len(batches), length)  # step that each segment starts with
    starts = [(theta, state)]
    for first in firsts[:-1]:
        steps = batches[first : first + length]
        *_, passed = unroll(starts[-1][0], phi, steps, state=starts[-1][1], **parts)
        starts.append((passed.theta, passed.state))

    phi = _leaves(phi)
    outer_losses: list[Tensor] = []
    grads: list[Tensor] = []
    slopes: list[Tensor] = []  # of the task loss, along theta and state where a segment ends
    for first, (theta, state) in reversed(list(zip(firsts, starts, strict=True))):
        theta = _leaves(theta)
        state = _leaves(state) if first else state
        steps = batches[first : first + length]
        results = list(unroll(theta, phi, steps, state=state, create_graph=True, **parts))
        end = [*results[-1].theta.values(), *results[-1].state.values()]
        losses = []
        if step_weights is not None:
            rows = step_weights[first : first + length]
            losses = [w * outer(r.theta) for w, r in zip(rows, results, strict=True)]
        elif not slopes:
            losses = [outer(results[-1].theta)]
        if not grads:
            final = results[-1]
        pairs = [(x.sum(), torch.ones_like(x.sum())) for x in losses]
        pairs += [(x, s) for x, s in zip(end, slopes, strict=False) if x.requires_grad]
        inputs = [*phi.values()] + ([*theta.values(), *state.values()] if first else [])
        found = torch.autograd.grad(
            [x for x, _ in pairs], inputs, [s for _, s in pairs], materialize_grads=True
        )
        own, slopes = list(found[: len(phi)]), list(found[len(phi) :])
        grads = [g + h for g, h in zip(grads, own, strict=True)] if grads else own
        outer_losses += losses
    return MetaGradient(
        outer_loss=torch.stack(outer_losses).sum(0).detach(),
        grads=dict(zip(phi, grads, strict=True)),
        theta={k: p.detach() for k, p in final.theta.items()},
        state={k: s.detach() for k, s in final.state.items()},
    )


def _leaves(params: Params) -> Params:
    """Return the same values as new variables to differentiate with respect to."""
    return {k: p.detach().requires_grad_() for k, p in params.items()}
