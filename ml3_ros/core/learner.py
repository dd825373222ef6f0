# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learner: an optimizee, the loss it descends on, and its update rule."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from ml3_ros.core.inner_optimizers import InnerOptimizer
from ml3_ros.core.linear_model import LeastSquares, WeightedProblem
from ml3_ros.core.networks import BoundModel, FunctionalModule
from ml3_ros.core.types import Batch, Params
from ml3_ros.errors import ConfigError

Predictor = Callable[[Batch], Tensor]
"""batch -> prediction (*lead, B, k): a model with its parameters, usually a `BoundModel`."""


class Loss(Protocol):
    """A loss M_phi as the inner loop uses it: a function of its parameters and of a model."""

    def evaluate(self, phi: Params, model: Predictor, batch: Batch, count: Tensor) -> Tensor:
        """Return the value (*lead,), whose gradient trains the model.

        Args:
            phi: Parameters of the loss by name.
            model: The model; a loss sees it through its predictions.
            batch: Observed quantities by name, each (*lead, B, k), in their units.
            count: Gradient steps that the model has made (*lead,).
        """


@runtime_checkable
class ClosedFormLoss(Protocol):
    """A loss that is a least-squares problem once its weights are held fixed."""

    def problem(
        self, phi: Params, model: BoundModel, batch: Batch, count: Tensor
    ) -> WeightedProblem:
        """Return the problem, with the weights of the model's residuals."""


@dataclass(frozen=True, slots=True)
class Learner:
    """The three things that one training of a model is made of.

    Attributes:
        optimizee: The structure of f_theta; its own parameters are neither read nor changed. With
            the engine "higher" it may be any module that is called with a batch.
        loss: The loss M_phi.
        inner_optimizer: The update rule h.
    """

    optimizee: nn.Module
    loss: Loss
    inner_optimizer: InnerOptimizer | LeastSquares

    @property
    def functional(self) -> FunctionalModule:
        """The optimizee as a function of its parameters.

        Raises:
            ConfigError: It is a plain module.
        """
        if not isinstance(self.optimizee, FunctionalModule):
            raise ConfigError(
                f"the optimizee {type(self.optimizee).__name__} is no FunctionalModule: write it "
                "as one, or meta-train with the engine 'higher', which takes any nn.Module"
            )
        return self.optimizee


def closed_form(loss: Loss) -> ClosedFormLoss:
    """Return a loss as one with a closed form.

    Raises:
        ConfigError: It has none.
    """
    if not isinstance(loss, ClosedFormLoss):
        raise ConfigError(
            f"a {type(loss).__name__} has no closed form: use another update rule than "
            "'least_squares'"
        )
    return loss
