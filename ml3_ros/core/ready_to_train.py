# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trial update under a loss before it is used: a loss that cannot train is rejected early."""

from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.trial import finite_step
from ml3_ros.core.networks import FunctionalModule
from ml3_ros.core.types import Batch
from ml3_ros.errors import DataError, LossFileError, reason_of


def ready_to_train(
    method: str, loss: LearnedLoss, optimizee: FunctionalModule, batch: Batch
) -> Learner:
    """Return a network with a loss and its update rule, once a fresh model was updated by them.

    A file may describe its loss correctly, and the loss still not fit a network.

    Args:
        method: What errors call the loss's method.
        loss: From anywhere.
        optimizee: The network that it shall train.
        batch: What a step will observe, in shape and size, each (B, k) by name.

    Raises:
        LossFileError: The update failed, whatever the exception, or is not finite.
    """
    try:
        learner = loss.learner(optimizee)
        if not finite_step(learner, loss.phi, batch):
            raise DataError("its first update is not finite")
    except Exception as error:
        raise LossFileError(
            f"the loss of the method {method} cannot train this network ({reason_of(error)}): it "
            "is not used; train one for it with `ml3 train`"
        ) from error
    return learner
