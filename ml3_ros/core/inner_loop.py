# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 2: train an optimizee with a loss, as a pure function of (theta, phi, batches).

This is also the inner loop of Algorithm 1: with `create_graph` the result stays differentiable in
theta and phi. It works on torch autograd and functional models; every tensor may carry leading
dimensions (seeds, tasks), so that many models are trained as one batch.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.learner import Learner, closed_form
from ml3_ros.core.linear_model import COEFFICIENTS, LeastSquares
from ml3_ros.core.networks import BoundModel
from ml3_ros.core.types import Batch, Params


@dataclass(frozen=True, slots=True)
class StepResult:
    """One update of theta."""

    theta: Params  # theta'
    state: Params  # state of the inner optimizer after the step
    meta_loss_value: Tensor  # (*lead,), before the step (mean over mini-batches), detached


def adapt(
    learner: Learner,
    theta: Params,
    phi: Params,
    batches: Iterable[Batch],
    *,
    state: Params | None = None,
    lead: tuple[int, ...] = (),
) -> StepResult:
    """Run Algorithm 2: one update of theta per batch under a frozen loss.

    Args:
        learner: What is trained, on which loss, by which rule.
        theta: Optimizee parameters by name, each (*lead, *shape).
        phi: Loss parameters by name.
        batches: What each step observes, each (*lead, B, k) by name.
        state: State of the inner optimizer; fresh if None.
        lead: Leading dimensions of theta.

    Returns:
        The result of the last step (theta itself when there are no batches).
    """
    state = learner.inner_optimizer.init(theta, lead) if state is None else state
    result = StepResult(theta, state, torch.zeros_like(state["count"]))
    for step in unroll(learner, theta, phi, batches, state):
        result = step
    return result


def unroll(
    learner: Learner,
    theta: Params,
    phi: Params,
    batches: Iterable[Batch],
    state: Params,
    *,
    create_graph: bool = False,
) -> Iterator[StepResult]:
    """Yield the result of every update of theta, one per batch; arguments as in `inner_step`."""
    for batch in batches:
        result = inner_step(learner, theta, phi, batch, state, create_graph=create_graph)
        theta, state = result.theta, result.state
        yield result


def inner_step(
    learner: Learner,
    theta: Params,
    phi: Params,
    batch: Batch,
    state: Params,
    *,
    create_graph: bool = False,
) -> StepResult:
    """Return theta' = h(theta, grad_theta M_phi(f_theta(x), y)) (eq. 1 to 3).

    Where the optimizee splits what it observes into mini-batches, h is applied to each in turn.

    Args:
        learner: What is trained, on which loss, by which rule.
        theta: Optimizee parameters by name, each (*lead, *shape).
        phi: Loss parameters by name.
        batch: Observed quantities by name, each (*lead, B, k).
        state: State of the inner optimizer.
        create_graph: Whether theta' shall be differentiable in theta and phi.
    """
    if isinstance(learner.inner_optimizer, LeastSquares):
        return _least_squares_step(learner, theta, phi, batch, state, create_graph)
    optimizee, values = learner.functional, []
    with torch.no_grad():
        mini_batches = optimizee.mini_batches(optimizee.experience(theta, batch))
    for mini_batch in mini_batches:
        if not create_graph:
            theta = {k: p.detach().requires_grad_() for k, p in theta.items()}
        model = BoundModel(optimizee, theta)
        value = learner.loss.evaluate(phi, model, mini_batch, state["count"])
        # the sum over leading dimensions leaves each model its own gradient
        grads = torch.autograd.grad(value.sum(), tuple(theta.values()), create_graph=create_graph)
        named = dict(zip(theta, grads, strict=True))
        with torch.set_grad_enabled(create_graph):
            theta, state = learner.inner_optimizer.step(theta, named, state, phi)
        values.append(value.detach())
    return StepResult(theta, state, torch.stack(values).mean(0))


def _least_squares_step(
    learner: Learner, theta: Params, phi: Params, batch: Batch, state: Params, create_graph: bool
) -> StepResult:
    """Return the minimum of the loss with the weights that it gives theta's residuals."""
    model = BoundModel(learner.functional, theta)
    with torch.set_grad_enabled(create_graph):
        problem = closed_form(learner.loss).problem(phi, model, batch, state["count"])
        fitted = problem.solve()
    value = problem.value(theta[COEFFICIENTS]).detach()
    return StepResult({COEFFICIENTS: fitted}, {"count": state["count"] + 1.0}, value)
