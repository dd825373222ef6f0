# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Losses on log-probabilities: the cross-entropy, plain and shaped by learning.

`prediction` holds the logarithms of class probabilities, `target` is one-hot.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ml3_ros.core.checks import check_number
from ml3_ros.core.draws import Source
from ml3_ros.core.losses.loss_input import LossInput
from ml3_ros.core.losses.meta_losses import LARGEST_BOUND, SMALLEST_BOUND, MetaLoss
from ml3_ros.core.schedules import check_knots, hat_features
from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError

SCALES = (0.01, 0.1, 1.0)  # cross-entropies [nat] at which a term saturates
START = -2.0  # logarithm of the weight of every other term than the cross-entropy itself


class CrossEntropy(MetaLoss):
    """The mean over B of the cross-entropy [nat]: the baseline loss, with no phi at all."""

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return no parameters."""
        return {}

    def evaluate(self, phi: Params, inputs: LossInput) -> Tensor:
        """Return the value (*lead,) of log-probabilities, see `MetaLoss`."""
        return -(inputs.target * inputs.prediction).sum(-1).mean(-1)


class MonotoneCrossEntropy(MetaLoss):
    """A positive meta-loss that every more likely right answer lowers, whatever is learned.

    L = a_0 C + sum_k a_k s_k log(1 + C / s_k) + sum_k b_k mean_b s_k log(1 + c_b / s_k)

    where c_b is the cross-entropy of an example, C that of the batch, and the weights a, b > 0
    are learned functions of the model's age. A term with a small s keeps its gradient while the
    model becomes sure of its answers, where that of the cross-entropy fades. It starts near the
    cross-entropy: a_0 = 1, the others small.

    Args:
        n_outputs: Number k of classes.
        context_sizes: None; whatever is wrong shows in the cross-entropy.
        knots: Ages between which the weights change.
        bound: Weights stay within e^-bound .. e^bound.
    """

    def __init__(
        self,
        n_outputs: int,
        context_sizes: Mapping[str, int],
        *,
        knots: tuple[float, ...] = (0.0, 10.0, 30.0, 100.0),
        bound: float = 4.0,
    ) -> None:
        super().__init__(n_outputs, context_sizes)
        if self.context_sizes:
            raise ConfigError(f"this loss has no context, got {', '.join(self.context_sizes)}")
        check_number("bound", bound, SMALLEST_BOUND, LARGEST_BOUND)
        check_knots(knots)
        self.knots, self.bound = knots, bound
        self._start = torch.full((1 + 2 * len(SCALES), len(knots)), START)
        self._start[0] = 0.0
        self.declare({"log_weight": self._start.clone()})

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh phi: log_weight (*lead, terms, knots); there is nothing random."""
        return {"log_weight": self._start.expand(*lead, -1, -1).clone()}

    def evaluate(self, phi: Params, inputs: LossInput) -> Tensor:
        """Return the value (*lead,) of log-probabilities, see `MetaLoss`."""
        shares = hat_features(inputs.count, self.knots).unsqueeze(-2)
        log_weight = (phi["log_weight"] * shares).sum(-1)
        # a smooth bound: a hard one has no gradient, and what it stops never comes back
        weight = (self.bound * (log_weight / self.bound).tanh()).exp()
        example = -(inputs.target * inputs.prediction).sum(-1)
        batch = example.mean(-1)
        terms = [batch]
        terms += [s * (batch / s).log1p() for s in SCALES]
        terms += [s * (example / s).log1p().mean(-1) for s in SCALES]
        return (weight * torch.stack(terms, -1)).sum(-1)
