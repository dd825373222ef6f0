# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A meta-loss for models with an inertia matrix: weighted torque errors, and a pull on M(q)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ml3_ros.core.draws import Source
from ml3_ros.core.losses.loss_input import LossInput
from ml3_ros.core.losses.meta_losses import StructuredLoss
from ml3_ros.core.networks import Mlp
from ml3_ros.core.types import Params, scoped
from ml3_ros.errors import ConfigError

START = -2.0  # of the logarithm of the pull's weight: 0.14, small beside the squared error
BOUND = 3.0  # of that logarithm


class InertiaPullLoss(StructuredLoss):
    """A `StructuredLoss` that also sees q and M_theta(q), and pulls them to a learned matrix.

        L = L_structured + e^g mean_b |M_theta(q_b) - C_phi(q_b)|^2,  -3 < g < 3

    Torque errors alone train M_theta along the accelerations of the samples only: the gradient of
    each is a matrix of rank one. Where joints move together that leaves most of M_theta as it was;
    C_phi, a network of q, says what is usual there. Fresh, it is nearly zero and the pull weak.
    The model needs `scaled_inertia`.

    Args:
        n_outputs: Number n of joints.
        context_sizes: Names and sizes of the further observed inputs: "q" of every joint, which
            C_phi sees, and what the weights of the errors depend on.
        usual_hidden: Widths of the hidden layers of C_phi.
        **options: Of the `StructuredLoss`.
    """

    def __init__(
        self,
        n_outputs: int,
        context_sizes: Mapping[str, int],
        *,
        usual_hidden: tuple[int, ...] = (40, 40),
        **options: Any,
    ) -> None:
        n = n_outputs
        if context_sizes.get("q") != n or len(context_sizes) < 2:
            raise ConfigError(
                f"a pull on the inertia of {n} joints needs q of every joint, and another input "
                f"such as a, got {dict(context_sizes)}"
            )
        weighted = {k: size for k, size in context_sizes.items() if k != "q"}
        super().__init__(n, weighted, **options)
        self.usual_net = Mlp((2 * n, *usual_hidden, n * n), output_scale=0.1)
        self.declare({"log_pull": torch.full((1,), START)})

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh phi."""
        phi = super().init(generator, lead)
        phi |= {f"usual_net.{k}": p for k, p in self.usual_net.init(generator, lead).items()}
        return phi | {"log_pull": torch.full((*lead, 1), START)}

    def evaluate(self, phi: Params, inputs: LossInput) -> Tensor:
        """Return the value (*lead,), see `MetaLoss`."""
        q = inputs.context["q"]
        difference = inputs.scaled_inertia(q) - self.usual(phi, q)
        weight = (BOUND * torch.tanh(phi["log_pull"] / BOUND)).exp().squeeze(-1)
        pull: Tensor = weight * difference.square().sum((-2, -1)).mean(-1)
        return super().evaluate(phi, inputs) + pull

    def usual(self, phi: Params, q: Tensor) -> Tensor:
        """Return C_phi(q) in the model's units, (*lead, B, n, n), for q (*lead, B, n) [rad]."""
        entries = self.usual_net.call(scoped(phi, "usual_net"), torch.cat([q.sin(), q.cos()], -1))
        return entries.reshape((*entries.shape[:-1], self.n_outputs, self.n_outputs))
