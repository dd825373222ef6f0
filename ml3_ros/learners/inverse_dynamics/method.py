# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One method that learns on a stream: how it begins, goes on, and ends without the others."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ml3_ros.core.inner_loop import adapt
from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.ready_to_train import ready_to_train
from ml3_ros.core.types import Batch, Params
from ml3_ros.errors import ConfigError, reason_of
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.sample_buffer import SIGNALS, typical_batch


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a method learns no more, and after how many gradient steps of the run."""

    reason: str
    n_steps: int


@dataclass(slots=True)
class Method:
    """One method: a loss with its update rule, and the model it trains.

    Attributes:
        loss: The method's loss as an artefact.
        learner: The network with the loss and its update rule.
        theta: Parameters of the model.
        state: Of the update rule.
        meta_loss_value: Of the last update, NaN before the first.
        ended: Set when an update failed: the model stays as it was before. One that diverges
            goes on, as NaN.
    """

    loss: LearnedLoss
    learner: Learner
    theta: Params
    state: Params
    meta_loss_value: float = float("nan")
    ended: Ended | None = None

    def train(self, batches: Sequence[Batch], n_steps: int) -> None:
        """Make one update for each batch; if one fails, nothing but this method has ended.

        Args:
            batches: What each step observes, each (B, n) by signal name.
            n_steps: Gradient steps of the run so far.
        """
        try:
            result = adapt(self.learner, self.theta, self.loss.phi, batches, state=self.state)
            value = float(result.meta_loss_value)
        except Exception as error:  # losses come from anywhere
            self.ended = Ended(reason_of(error), n_steps)
            return
        self.theta, self.state, self.meta_loss_value = result.theta, result.state, value

    def restarted(self, theta: Params) -> "Method":
        """Return the same method with another model, which it has not trained yet."""
        state = self.learner.inner_optimizer.init(theta)
        return Method(self.loss, self.learner, theta, state)


def checked(
    name: str, loss: LearnedLoss, optimizee: InverseDynamicsNet, batch_size: int
) -> Learner:
    """Return the network with the loss of a method and its update rule, once they were tried.

    Raises:
        ConfigError: The method's name is no file name.
        LossFileError: The loss cannot train the network on a stream.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise ConfigError(f"method name {name!r}: use letters, digits, '_', '.' and '-' only")
    loss.check_labels(optimizee.units.joint_names)
    loss.check_inputs(SIGNALS)
    return ready_to_train(name, loss, optimizee, typical_batch(optimizee.units, batch_size))
