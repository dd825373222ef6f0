"""One method that learns on a stream: how it begins, goes on, and ends without the others."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ml3_ros.core.inner_loop import LossFunction, adapt
from ml3_ros.core.inner_optimizers import InnerOptimizer
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
class Learner:
    """One method: a loss, its update rule, and the model it trains.

    Attributes:
        loss: Where the method's loss comes from.
        function: The loss.
        optimizer: Its update rule.
        theta: Parameters of the model.
        state: Of the update rule.
        meta_loss_value: Of the last update, NaN before the first.
        ended: Set when an update failed: the model stays as it was before. One that diverges
            goes on, as NaN.
    """

    loss: LearnedLoss
    function: LossFunction
    optimizer: InnerOptimizer
    theta: Params
    state: Params
    meta_loss_value: float = float("nan")
    ended: Ended | None = None

    def train(self, batches: Sequence[Batch], optimizee: InverseDynamicsNet, n_steps: int) -> None:
        """Make one update for each batch; if one fails, nothing but this method has ended.

        Args:
            batches: What each step observes, each (B, n) by signal name.
            optimizee: The network.
            n_steps: Gradient steps of the run so far.
        """
        try:
            result = adapt(
                self.theta,
                self.loss.phi,
                batches,
                optimizee=optimizee,
                loss=self.function,
                inner_optimizer=self.optimizer,
                state=self.state,
            )
            value = float(result.meta_loss_value)
        except Exception as error:  # losses come from anywhere
            self.ended = Ended(reason_of(error), n_steps)
            return
        self.theta, self.state, self.meta_loss_value = result.theta, result.state, value

    def restarted(self, theta: Params) -> "Learner":
        """Return the same method with another model, which it has not trained yet."""
        state = self.optimizer.init(theta)
        return Learner(self.loss, self.function, self.optimizer, theta, state)


def checked(
    name: str, loss: LearnedLoss, optimizee: InverseDynamicsNet, batch_size: int
) -> tuple[LossFunction, InnerOptimizer]:
    """Return the loss of a method as a function, and its update rule, once they have been tried.

    Raises:
        ConfigError: The method's name is no file name.
        LossFileError: The loss cannot train the network on a stream.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise ConfigError(f"method name {name!r}: use letters, digits, '_', '.' and '-' only")
    loss.check_labels(optimizee.units.joint_names)
    loss.check_inputs(SIGNALS)
    return ready_to_train(name, loss, optimizee, typical_batch(optimizee.units, batch_size))
