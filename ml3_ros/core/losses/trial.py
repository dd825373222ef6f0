# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The trial step of a loss: one update of a small model, before the loss is used."""

import math

import torch
from torch import Tensor

from ml3_ros.core.draws import Source
from ml3_ros.core.inner_loop import inner_step
from ml3_ros.core.learner import Learner
from ml3_ros.core.linear_model import COLUMNS, LinearModel
from ml3_ros.core.losses.spec import LEAST_SQUARES, LossSpec
from ml3_ros.core.networks import FunctionalModule
from ml3_ros.core.types import Batch, Params

SIZES = (0.0, 1.0, -1.0)  # of the inputs, in units of their scales: a row each


class TrialModel(FunctionalModule):
    """Predicts given numbers plus the sum of its parameters, of which each role has one.

    It also has M and F, a `HasInertia`, for losses that look at those.

    Args:
        start: Prediction where all parameters are zero (B, k).
        roles: Of the parameters.
    """

    def __init__(self, start: Tensor, roles: tuple[str, ...]) -> None:
        super().__init__()
        self._start = start
        self._roles = {f"parameter_{i}": role for i, role in enumerate(roles or ("any",))}

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return parameters (*lead, k) of zero."""
        return {name: torch.zeros(*lead, self._start.shape[-1]) for name in self._roles}

    def call(self, params: Params, *inputs: Batch) -> Tensor:
        """Return the prediction (B, k)."""
        return self._start + self._sum(params)

    def roles(self) -> dict[str, str]:
        """Return the role of each parameter."""
        return self._roles

    def fan_in(self) -> dict[str, int]:
        """Return the narrowest layers that there are, which make the largest steps."""
        return dict.fromkeys(self._roles, 1)

    def scaled_inertia(self, params: Params, q: Tensor) -> Tensor:
        """Return a matrix for every state q (B, n): (B, n, n)."""
        return torch.diag_embed(self._sum(params).expand(q.shape))

    def scaled_nle(self, params: Params, q: Tensor, v: Tensor) -> Tensor:
        """Return a torque for every state q, v (B, n): (B, n)."""
        return self._sum(params).expand(q.shape)

    def _sum(self, params: Params) -> Tensor:
        return torch.stack(tuple(params.values())).sum(0)


def works(spec: LossSpec, phi: Params) -> bool:
    """Whether value, gradient and a step of the rule are finite, for inputs of typical size.

    An option that does not work may raise anything.
    """
    network = spec.network()
    rows = torch.tensor(SIZES).repeat_interleave(network.run or 1).unsqueeze(-1)
    scale = torch.tensor(spec.target.scale)
    batch = {c.name: rows * torch.tensor(c.scale) for c in spec.context}
    batch[spec.target.name] = scale.expand(len(rows), -1)
    # below zero, as the logarithms of probabilities are, which some losses are defined on
    model: FunctionalModule = TrialModel(-rows.abs() * scale, spec.roles)
    if spec.inner_optimizer == LEAST_SQUARES:
        groups = tuple(range(network.groups))
        model = LinearModel(len(scale), groups)
        batch[COLUMNS] = rows * scale.repeat_interleave(len(groups))
    return finite_step(spec.learner(model), phi, batch)


def finite_step(learner: Learner, phi: Params, batch: Batch) -> bool:
    """Whether value, gradient and update of a fresh model are finite; it may raise anything."""
    theta = learner.functional.init(torch.Generator().manual_seed(0))
    with torch.enable_grad():
        step = inner_step(learner, theta, phi, batch, learner.inner_optimizer.init(theta))
    value = float(step.meta_loss_value)  # one number, or this raises
    # the state of most rules is made of the gradient
    updated = (*step.theta.values(), *step.state.values())
    return math.isfinite(value) and all(bool(x.isfinite().all()) for x in updated)
