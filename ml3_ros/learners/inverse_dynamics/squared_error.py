# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The baseline loss: the squared torque error, with SGD or Adam."""

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.learners.inverse_dynamics.units import Units


def squared_error(
    units: Units,
    target: str,
    inner_optimizer: str,
    inner_lr: float,
    clip_norm: float | None = None,
) -> LearnedLoss:
    """Return the mean squared torque error, in the robot's units, with its update rule.

    Args:
        units: Scales of the robot's signals.
        target: Key of the predicted torque in a batch.
        inner_optimizer: "sgd" or "adam".
        inner_lr: Step size [-].
        clip_norm: Largest norm of the gradient (with "sgd"), or None.
    """
    spec = units.loss_spec(
        target,
        (),
        architecture="squared_error",
        inner_optimizer=inner_optimizer,
        inner_lr=inner_lr,
        clip_norm=clip_norm,
    )
    return LearnedLoss(spec=spec, phi={})
