# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The meta-gradient: the derivative of the task loss through unrolled updates of the model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.inner_loop import StepResult, unroll
from ml3_ros.core.learner import Learner
from ml3_ros.core.types import Batch, Params

TaskLoss = Callable[[Params], Tensor]
"""theta' -> task loss (*lead,), with whatever exists at meta-train only."""


@dataclass(frozen=True, slots=True)
class MetaGradient:
    """What one window of inner steps gives Algorithm 1."""

    outer_loss: Tensor  # (*lead,), detached
    grads: Params  # d sum(outer_loss) / d phi, shapes of phi
    theta: Params  # after the unrolled steps, detached
    state: Params  # of the inner optimizer, likewise


def meta_gradient(
    learner: Learner,
    theta: Params,
    phi: Params,
    batches: Sequence[Batch],
    task_loss: TaskLoss,
    *,
    state: Params,
    step_weights: Tensor | None = None,
    segment: int | None = None,
) -> MetaGradient:
    """Return grad_phi of the task loss after the updates of theta under M_phi (eq. 5, 6).

    Args:
        learner: What is trained, on which loss, by which rule.
        theta: Optimizee parameters before the updates, each (*lead, *shape).
        phi: Loss parameters.
        batches: The observed batch of every unrolled inner step.
        task_loss: What the updated models are evaluated by.
        state: State of the inner optimizer before the updates.
        step_weights: Weight of the task loss after each update, (K, *lead) or (K,); None takes
            that after the last update alone.
        segment: Number of inner steps whose graph is in memory at once; the others are made
            again on the way back. None keeps all, and makes every step once.
    """
    length = len(batches) if segment is None else segment
    phi = _leaves(phi)
    outer_losses: list[Tensor] = []
    grads: list[Tensor] = []
    slopes: list[Tensor] = []  # of the task loss, along theta and state where a segment ends
    for part in reversed(_segments(learner, theta, phi, batches, state, length)):
        theta = _leaves(part.theta)
        state = _leaves(part.state) if part.first else part.state
        rows = slice(part.first, part.first + length)
        steps = list(unroll(learner, theta, phi, batches[rows], state, create_graph=True))
        losses: list[Tensor] = []
        if step_weights is not None:
            weights = step_weights[rows]
            losses = [w * task_loss(step.theta) for w, step in zip(weights, steps, strict=True)]
        elif not slopes:
            losses = [task_loss(steps[-1].theta)]
        if not outer_losses:
            final = steps[-1]
        inputs = [*phi.values()] + ([*theta.values(), *state.values()] if part.first else [])
        derivatives = _derivatives(losses, steps[-1], slopes, inputs)
        along_phi, slopes = derivatives[: len(phi)], derivatives[len(phi) :]
        grads = [g + h for g, h in zip(grads, along_phi, strict=True)] if grads else along_phi
        outer_losses += losses
    return MetaGradient(
        outer_loss=torch.stack(outer_losses).sum(0).detach(),
        grads=dict(zip(phi, grads, strict=True)),
        theta={k: p.detach() for k, p in final.theta.items()},
        state={k: s.detach() for k, s in final.state.items()},
    )


@dataclass(frozen=True, slots=True)
class _Segment:
    """Inner steps whose graph is in memory at once, and the model before them."""

    first: int  # number of its first step
    theta: Params
    state: Params


def _segments(
    learner: Learner,
    theta: Params,
    phi: Params,
    batches: Sequence[Batch],
    state: Params,
    length: int,
) -> list[_Segment]:
    """Return segments of `length` steps; all but the last are run once to know where they end."""
    segments = [_Segment(0, theta, state)]
    for first in range(length, len(batches), length):
        steps = batches[first - length : first]
        *_, end = unroll(learner, segments[-1].theta, phi, steps, segments[-1].state)
        segments.append(_Segment(first, end.theta, end.state))
    return segments


def _derivatives(
    losses: Sequence[Tensor], end: StepResult, slopes: Sequence[Tensor], inputs: Sequence[Tensor]
) -> list[Tensor]:
    """Return the derivatives along `inputs` of the losses, and of what follows a segment's end."""
    pairs = [(x.sum(), torch.ones_like(x.sum())) for x in losses]
    ends = [*end.theta.values(), *end.state.values()]
    pairs += [(x, s) for x, s in zip(ends, slopes, strict=False) if x.requires_grad]
    values, weights = [x for x, _ in pairs], [s for _, s in pairs]
    return list(torch.autograd.grad(values, inputs, weights, materialize_grads=True))


def _leaves(params: Params) -> Params:
    """Return the same values as new variables to differentiate with respect to."""
    return {k: p.detach().requires_grad_() for k, p in params.items()}
