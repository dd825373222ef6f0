# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The meta-gradient through `higher`, for optimizees that are any `nn.Module`.

It is slower than `meta_gradient`, because models are trained one by one, but a model
need not be written as a function of its parameters. Apart from losses and update rules
the two share no code, so each is a test of the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from ml3_ros.core.learner import Learner, Predictor
from ml3_ros.core.linear_model import LeastSquares
from ml3_ros.core.networks import BoundModel, FunctionalModule
from ml3_ros.core.outer.meta_gradient import MetaGradient, TaskLoss
from ml3_ros.core.types import Batch, Params
from ml3_ros.errors import ConfigError, needs

with needs("higher", "experiments", "the engine of this name"):
    import higher


def meta_gradient_higher(
    learner: Learner,
    theta: Params,
    phi: Params,
    batches: Sequence[Batch],
    task_loss: TaskLoss,
    *,
    state: Params,
    step_weights: Tensor | None = None,
) -> MetaGradient:
    """Return what `meta_gradient` returns; arguments as there.

    A plain module is called with a batch without leading dimensions; theta names its parameters,
    which are neither read nor changed.

    Raises:
        ConfigError: The parameters of the optimizee have other names than theta.
    """
    lead = tuple(state["count"].shape)
    phi = {k: p.detach().requires_grad_() for k, p in phi.items()}
    model = _PatchedModel(learner, theta)
    trained = [
        model.train(
            _at(theta, index),
            _at(phi, index),
            [_at(batch, index) for batch in batches],
            _at(state, index),
        )
        for index in product(*map(range, lead))
    ]
    thetas = [_stacked([steps[k] for steps, _ in trained], lead) for k in range(len(batches))]
    if step_weights is None:
        outer_loss = task_loss(thetas[-1])
    else:
        losses = [w * task_loss(x) for w, x in zip(step_weights, thetas, strict=True)]
        outer_loss = torch.stack(losses).sum(0)
    grads = torch.autograd.grad(outer_loss.sum(), tuple(phi.values()), materialize_grads=True)
    final_state = _stacked([end for _, end in trained], lead)
    return MetaGradient(
        outer_loss=outer_loss.detach(),
        grads=dict(zip(phi, grads, strict=True)),
        theta={k: p.detach() for k, p in thetas[-1].items()},
        state={k: s.detach() for k, s in final_state.items()},
    )


class _PatchedModel:
    """The optimizee as `higher` patches it: its parameters may be results of computations."""

    def __init__(self, learner: Learner, like: Params) -> None:
        names = [name for name, _ in learner.optimizee.named_parameters()]
        if set(names) != set(like):
            raise ConfigError(
                f"the optimizee has the parameters {sorted(names)}, but the task family makes "
                f"models with {sorted(like)}: give them the same names"
            )
        if isinstance(learner.inner_optimizer, LeastSquares):
            raise ConfigError(
                "the update rule 'least_squares' solves for the model at once, which the engine "
                "'higher' cannot do: use another engine"
            )
        self._learner, self._names, self._rule = learner, names, learner.inner_optimizer
        self._module: Any = higher.monkeypatch(learner.optimizee)

    def train(
        self, theta: Params, phi: Params, batches: Sequence[Batch], state: Params
    ) -> tuple[list[Params], Params]:
        """Return theta after each step, differentiable in phi, and the state after the last."""
        loss, rule = self._learner.loss, self._rule
        theta = {k: theta[k].detach().requires_grad_() for k in self._names}
        steps = []
        for batch in batches:
            for mini_batch in self._mini_batches(theta, batch):
                model = self._predictor(theta)
                value = loss.evaluate(phi, model, mini_batch, state["count"])
                grads = torch.autograd.grad(value, tuple(theta.values()), create_graph=True)
                named = dict(zip(theta, grads, strict=True))
                theta, state = rule.step(theta, named, state, phi)
            steps.append(theta)
        return steps, state

    def _predictor(self, theta: Params) -> Predictor:
        """Return the model as a loss sees it; some losses need more than predictions."""
        self._module.update_params(list(theta.values()))
        if isinstance(self._learner.optimizee, FunctionalModule):
            return _PatchedBoundModel(self._learner.optimizee, theta, self._module)
        predictor: Predictor = self._module
        return predictor

    def _mini_batches(self, theta: Params, batch: Batch) -> Sequence[Batch]:
        optimizee = self._learner.optimizee
        if not isinstance(optimizee, FunctionalModule):
            return (batch,)
        with torch.no_grad():
            return optimizee.mini_batches(optimizee.experience(theta, batch))


@dataclass(frozen=True, slots=True)
class _PatchedBoundModel(BoundModel):
    """A functional optimizee with theta, whose predictions are those of the patched module."""

    module: Any

    def __call__(self, batch: Batch) -> Tensor:
        """Return the prediction (B, k)."""
        prediction: Tensor = self.module(batch)
        return prediction


def _at(tensors: Params, index: tuple[int, ...]) -> Params:
    """Return what belongs to one model; a leading dimension of 1 is shared by all."""
    return {
        k: x[tuple(i if n > 1 else 0 for i, n in zip(index, x.shape, strict=False))]
        for k, x in tensors.items()
    }


def _stacked(models: Sequence[Params], lead: tuple[int, ...]) -> Params:
    """Return the parameters of all models with their leading dimensions (*lead, *shape)."""
    stacked = {k: torch.stack([model[k] for model in models]) for k in models[0]}
    return {k: x.reshape((*lead, *x.shape[1:])) for k, x in stacked.items()}
