# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Input of a meta-loss: a model, its prediction, its age, and the batch it is trained on."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from ml3_ros.core.learner import Predictor
from ml3_ros.core.networks import BoundModel
from ml3_ros.core.types import Batch, Params
from ml3_ros.errors import ConfigError


@runtime_checkable
class HasInertia(Protocol):
    """An optimizee whose predicted torque is M_theta(q) a, plus F_theta(q, v) where it learns F.

    Both are in the optimizee's units: entries are about 1.
    """

    def scaled_inertia(self, params: Params, q: Tensor) -> Tensor:
        """Return M_theta(q), (*lead, B, n, n), for q (*lead, B, n) [rad]."""

    def scaled_nle(self, params: Params, q: Tensor, v: Tensor) -> Tensor:
        """Return F_theta(q, v), (*lead, B, n), for q [rad], v [rad/s], each (*lead, B, n)."""


@dataclass(frozen=True, slots=True)
class LossInput:
    """One evaluation's inputs, each in units of its scale, so that typical values are about 1.

    Attributes:
        model: The model itself, for losses that need more than its prediction.
        prediction: Of the model on the batch (*lead, B, k).
        target: What the prediction is compared with (*lead, B, k).
        context: Further observed quantities by name, each (*lead, B, n).
        count: Gradient steps that the model has made (*lead,).
    """

    model: Predictor
    prediction: Tensor
    target: Tensor
    context: Batch
    count: Tensor

    def scaled_inertia(self, q: Tensor) -> Tensor:
        """Return M_theta(q) of the model, see `HasInertia`.

        Raises:
            ConfigError: The model has none.
        """
        arm, theta = self._arm()
        return arm.scaled_inertia(theta, q)

    def scaled_nle(self, q: Tensor, v: Tensor) -> Tensor:
        """Return F_theta(q, v) of the model, see `HasInertia`.

        Raises:
            ConfigError: The model has none.
        """
        arm, theta = self._arm()
        return arm.scaled_nle(theta, q, v)

    def _arm(self) -> tuple[HasInertia, Params]:
        model = self.model
        if not (isinstance(model, BoundModel) and isinstance(model.optimizee, HasInertia)):
            raise ConfigError(
                "this loss looks at M_theta and F_theta of the model, so it needs one such as "
                "InverseDynamicsNet: use another loss for this model"
            )
        return model.optimizee, model.theta
