# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Least squares for the rigid body, a network trained with a learned loss for what is left.

    tau = Y(q, v, a) w + g r o f_theta(q, v, a)

w by recursive least squares; f_theta learns what w leaves of each joint, in units of its size r;
and g in [0, 1] is how much of what f_theta predicts is true of samples that it never learned
from. Where the regressor explains everything, g is 0 and the network cannot spoil it.
"""

import torch
from torch import Tensor

from ml3_ros.core.inner_loop import inner_step
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.types import Batch, Params
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet

GATE_PERIOD = 5  # every fifth window of samples is kept for the gate
SMALLEST_SHARE = 1e-4  # of a joint's unit of torque: a residual below is taken for this large


class ResidualLearner:
    """The network of a hybrid; many robots and inits are one batch (*lead,).

    Args:
        optimizee: Structure of the network.
        loss: Trains it.
        theta: Its first parameters, each (*lead, *shape).
        lead: Leading dimensions.
    """

    def __init__(
        self,
        optimizee: InverseDynamicsNet,
        loss: LearnedLoss,
        theta: Params,
        lead: tuple[int, ...],
    ) -> None:
        self.optimizee, self.theta, self._phi = optimizee, theta, loss.phi
        self._learner = loss.learner(optimizee)
        self._state = self._learner.inner_optimizer.init(theta, lead)

    def step(self, batch: Batch, residual: Tensor, size: Tensor) -> None:
        """Learn from one batch.

        Args:
            batch: q, v, a, each (*lead, B, n).
            residual: What least squares leaves of the torque [N m], (*lead, B, n).
            size: Its typical size r in the optimizee's units of torque, (*lead, n).
        """
        target = {**batch, "tau": residual / size.unsqueeze(-2)}
        result = inner_step(self._learner, self.theta, self._phi, target, self._state)
        self.theta, self._state = result.theta, result.state

    def predict(self, batch: Batch, size: Tensor) -> Tensor:
        """Return the residual that the network expects [N m], (*lead, B, n), before the gate."""
        with torch.no_grad():
            return self.optimizee.call(self.theta, batch) * size.unsqueeze(-2)


def residual_size(residual: Tensor, effort: Tensor) -> Tensor:
    """Return the root mean square of residuals (*lead, B, n) in units of `effort` (n,) [N m]."""
    return (residual / effort).square().mean(-2).sqrt().clamp_min(SMALLEST_SHARE)


def gate(residual: Tensor, predicted: Tensor) -> Tensor:
    """Return g (*lead, n): the share of a prediction that is found in samples never learned from.

    The least-squares factor of the prediction, within [0, 1], less two standard errors: a network
    that fits noise gets nothing.

    Args:
        residual: What is left of the torque on such samples, (*lead, B, n).
        predicted: What the network predicts of them, (*lead, B, n).
    """
    power = predicted.square().sum(-2).clamp_min(1e-30)
    factor = (residual * predicted).sum(-2) / power
    rest = (residual - factor.unsqueeze(-2) * predicted).square().mean(-2)
    error = (rest / power).sqrt()
    # samples of one trajectory are not independent: as if one in ten were
    return (factor - 2.0 * (10.0 * error.square()).sqrt()).clamp(0.0, 1.0)
