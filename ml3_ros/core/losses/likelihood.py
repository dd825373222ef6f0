# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The likelihood loss of section III-B.2: a meta-loss on what a stochastic policy has sampled."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ml3_ros.core.checks import check_number
from ml3_ros.core.draws import Source
from ml3_ros.core.losses.loss_input import LossInput
from ml3_ros.core.losses.meta_losses import MetaLoss
from ml3_ros.core.networks import Mlp
from ml3_ros.core.types import Params, scoped

LARGEST_LOG_STD = 10.0  # e^10 times the action's scale, or less by as much, is no noise
LIKELY = 3.0  # times the number of actions: divides log-likelihoods, so that all inputs are ~1


def log_likelihood(actions: Tensor, means: Tensor, log_std: float) -> Tensor:
    """Return log pi(a|s) (*lead, B) of actions (*lead, B, k) under a Gaussian of equal std."""
    error = (actions - means) * math.exp(-log_std)
    each = 0.5 * error.square() + log_std + 0.5 * math.log(2.0 * math.pi)
    return -each.sum(-1)


class LikelihoodLoss(MetaLoss):
    """L = mean_t softplus(MLP([a_t, log pi(a_t|s_t), x_t])): the paper's M(s, a, pi(a|s), g).

    The target is the sampled action a_t, the prediction the mean of the policy, and x_t, what is
    seen of state and goal, the context. Only log pi carries a gradient: the loss makes actions
    more likely, or less.

    Args:
        n_outputs: Number of actions.
        context_sizes: Names and sizes of what is seen of state and goal.
        hidden: Widths of the hidden layers.
        log_std: Of the policy, in units of the action's scale.
    """

    def __init__(
        self,
        n_outputs: int,
        context_sizes: Mapping[str, int],
        *,
        hidden: tuple[int, ...] = (40, 40),
        log_std: float = -1.0,
    ) -> None:
        super().__init__(n_outputs, context_sizes)
        check_number("log_std", log_std, -LARGEST_LOG_STD, LARGEST_LOG_STD)
        self.log_std = log_std
        n_inputs = n_outputs + 1 + sum(self.context_sizes.values())
        self.net = Mlp((n_inputs, *hidden, 1), activation="elu", output_bias=False)

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh phi."""
        return {f"net.{k}": p for k, p in self.net.init(generator, lead).items()}

    def evaluate(self, phi: Params, inputs: LossInput) -> Tensor:
        """Return the value (*lead,) of the means that target was sampled from, see `MetaLoss`."""
        target = inputs.target
        likelihood = log_likelihood(target, inputs.prediction, self.log_std).unsqueeze(-1)
        likelihood = likelihood / (LIKELY * self.n_outputs)
        x = torch.cat([target, likelihood, *self.concatenate(inputs.context)], dim=-1)
        return nn.functional.softplus(self.net.call(scoped(phi, "net"), x)).mean((-2, -1))
