# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A meta-loss together with the scales of its inputs: what the inner loop evaluates."""

from dataclasses import dataclass

from torch import Tensor

from ml3_ros.core.learner import Loss, Predictor, closed_form
from ml3_ros.core.linear_model import LinearModel, WeightedProblem
from ml3_ros.core.losses.loss_input import LossInput
from ml3_ros.core.losses.meta_losses import MetaLoss
from ml3_ros.core.losses.weighting.weighted_loss import WeightedLoss
from ml3_ros.core.networks import BoundModel
from ml3_ros.core.types import Batch, Params
from ml3_ros.errors import ConfigError


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
        return self.network.evaluate(phi, self._inputs(model, batch, count))

    def problem(
        self, phi: Params, model: BoundModel, batch: Batch, count: Tensor
    ) -> WeightedProblem:
        """Return the least-squares problem that the loss is once its weights are held fixed.

        Raises:
            ConfigError: The loss has no weights, or the model is not linear.
        """
        network, linear = self.network, model.optimizee
        if not isinstance(network, WeightedLoss) or not isinstance(linear, LinearModel):
            raise ConfigError(
                f"a {type(network).__name__} of a {type(linear).__name__} has no closed form: the "
                "update rule 'least_squares' is for a WeightedLoss of a LinearModel"
            )
        inputs = self._inputs(model, batch, count)
        weights = network.weights(phi, inputs.prediction - inputs.target, inputs)
        columns = linear.columns(batch) * self.target_gain.unsqueeze(-1)
        pull = network.pulls(phi, columns.shape[-3])[..., linear.groups]
        return WeightedProblem(columns, inputs.target, weights, pull)

    def _inputs(self, model: Predictor, batch: Batch, count: Tensor) -> LossInput:
        context = {name: batch[name] * gain for name, gain in self.context_gains.items()}
        target = batch[self.target] * self.target_gain
        return LossInput(model, model(batch) * self.target_gain, target, context, count)


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

    def problem(
        self, phi: Params, model: BoundModel, batch: Batch, count: Tensor
    ) -> WeightedProblem:
        """Return the least-squares problem of the loss, see `ScaledLoss.problem`."""
        loss = closed_form(self.loss)
        return loss.problem(phi | self.constants, model, batch, count)
