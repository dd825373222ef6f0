# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A meta-loss together with the scales of its inputs: what the inner loop evaluates."""

from dataclasses import dataclass

from torch import Tensor

from ml3_ros.core.learner import Loss, Predictor
from ml3_ros.core.losses.loss_input import LossInput
from ml3_ros.core.losses.meta_losses import MetaLoss
from ml3_ros.core.types import Batch, Params


@dataclass(frozen=True, slots=True)
class ScaledLoss:
    """A meta-loss on batches in their own units. A `Loss`.

    Attributes:
        network: The meta-loss.
        target: Name of the predicted quantity in a batch.
        target_gain: 1 / scale of target and prediction (k,): a product is cheaper at every step
            than a quotient.
        context_gains: 1 / scale of each context input, by name.
    """

    network: MetaLoss
    target: str
    target_gain: Tensor
    context_gains: dict[str, Tensor]

    def evaluate(self, phi: Params, model: Predictor, batch: Batch, count: Tensor) -> Tensor:
        """Return the value (*lead,), see `Loss`."""
        context = {name: batch[name] * gain for name, gain in self.context_gains.items()}
        target = batch[self.target] * self.target_gain
        prediction = model(batch) * self.target_gain
        return self.network.evaluate(phi, LossInput(model, prediction, target, context, count))


@dataclass(frozen=True, slots=True)
class LossWithConstants:
    """A loss of which some parameters are given rather than learned. A `Loss`.

    Attributes:
        loss: The loss.
        constants: The part of its phi that is given.
    """

    loss: Loss
    constants: Params

    def evaluate(self, phi: Params, model: Predictor, batch: Batch, count: Tensor) -> Tensor:
        """Return the value (*lead,) at the learned parameters phi, see `Loss`."""
        return self.loss.evaluate(phi | self.constants, model, batch, count)
