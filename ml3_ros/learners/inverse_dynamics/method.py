# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What learns on a stream: methods that train a network, and companions of another kind."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.inner_loop import StepResult, adapt
from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.online import OnlineLoss, Update
from ml3_ros.core.ready_to_train import ready_to_train
from ml3_ros.core.types import Batch, Params
from ml3_ros.errors import ConfigError, DataError, reason_of
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.sample_buffer import SIGNALS, typical_batch

Array = NDArray[np.float64]


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
        online: Set where the loss goes on learning; `loss` then holds what it has become.
    """

    loss: LearnedLoss
    learner: Learner
    theta: Params
    state: Params
    meta_loss_value: float = float("nan")
    ended: Ended | None = None
    online: OnlineLoss | None = None

    def train(self, batches: Sequence[Batch], n_steps: int, window: Batch) -> None:
        """Make one update for each batch; if one fails, nothing but this method has ended.

        Args:
            batches: What each step observes, each (B, n) by signal name.
            n_steps: Gradient steps of the run so far.
            window: The newest samples, from which no update has learned yet.
        """
        try:
            learn = self._learn_frozen if self.online is None else self._learn_online
            result = learn(batches, window)
            value = float(result.meta_loss_value)
        except Exception as error:  # losses come from anywhere
            self.ended = Ended(reason_of(error), n_steps)
            return
        self.theta, self.state, self.meta_loss_value = result.theta, result.state, value

    def restarted(self, theta: Params) -> "Method":
        """Return the same method with another model, which it has not trained yet."""
        state = self.learner.inner_optimizer.init(theta)
        if self.online is not None:
            self.online.last = None  # an update of the model that was
        return Method(self.loss, self.learner, theta, state, online=self.online)

    def _learn_frozen(self, batches: Sequence[Batch], window: Batch) -> StepResult:
        return adapt(self.learner, self.theta, self.loss.phi, batches, state=self.state)

    def _learn_online(self, batches: Sequence[Batch], window: Batch) -> StepResult:
        """Let phi learn from how well the last update foretold the window, then theta from it."""
        assert self.online is not None  # that is when it is called
        target = self.loss.spec.target
        scale = torch.tensor(target.scale)

        def squared_error(theta: Params) -> Tensor:
            error = self.learner.functional.call(theta, window) - window[target.name]
            return (error / scale).square().mean()

        self.online.learn(self.learner, squared_error)
        phi = self.online.phi
        self.loss = replace(self.loss, phi=phi)
        before = adapt(self.learner, self.theta, phi, batches[:-1], state=self.state)
        self.online.last = Update(before.theta, before.state, batches[-1])
        return adapt(self.learner, before.theta, phi, batches[-1:], state=before.state)


class Companion(Protocol):
    """Models that learn beside the networks from the same samples, such as a physical one.

    Attributes:
        names: Of its methods.
    """

    names: tuple[str, ...]

    @property
    def updates(self) -> int:
        """How often it has learned."""
        ...

    def learn(self, t: float, q: Array, v: Array, a: Array, tau: Array) -> None:
        """Take the next sample of the stream [s, rad, rad/s, rad/s^2, N m], and learn from it."""
        ...

    def predict(self, q: Array, v: Array, a: Array) -> dict[str, Array]:
        """Return what each method says of the stream's next state, before it is learned from.

        Every state of the stream is asked for once, in order; torques are [N m] (n,).
        """
        ...

    def snapshot(self) -> Any:
        """Return the models as they are, for `evaluate`."""
        ...

    def evaluate(self, snapshot: Any, batch: Batch) -> dict[str, Array]:
        """Return what the models of a snapshot predict of samples in order, (B, n) [N m]."""
        ...

    def models(self) -> Mapping[str, bytes]:
        """Return the methods' models as files."""
        ...

    def reset(self) -> None:
        """Begin anew, as before any sample."""
        ...


class Companions:
    """The companions of a run: each predicts a sample, learns from it, and may end alone.

    Attributes:
        each: The companions.
        names: Of all their methods.
        ended: Of them, those that learn no more, and why.
    """

    def __init__(self, each: Sequence[Companion]) -> None:
        """Begin before the first sample."""
        self.each = tuple(each)
        self.names = tuple(name for companion in each for name in companion.names)
        self.ended: dict[str, Ended] = {}
        # predictions by number of the sample, until its window is asked for
        self._told: dict[int, dict[str, Array]] = {}

    def take(
        self,
        index: int,
        t: float,
        q: Array,
        v: Array,
        a: Array,
        tau: Array,
        *,
        learning: bool,
        n_steps: int,
    ) -> None:
        """Let each predict the stream's next sample, and learn from it.

        Args:
            index: Number of the sample.
            t: Time [s].
            q: Positions [rad] (n,).
            v: Velocities [rad/s] (n,).
            a: Accelerations [rad/s^2] (n,).
            tau: Measured torques [N m] (n,).
            learning: Whether it is learned from.
            n_steps: Gradient steps of the run so far, told of a companion that ends.

        Raises:
            DataError: One cannot learn from what has come, and goes on.
        """
        told: dict[str, Array] = {}
        rejected: DataError | None = None
        for companion in self.each:
            silent = {name: np.full_like(tau, np.nan) for name in companion.names}
            try:
                told |= silent | companion.predict(q, v, a)
                if learning and not set(companion.names) & set(self.ended):
                    companion.learn(t, q, v, a, tau)
            except DataError as error:
                rejected = error
            except Exception as error:  # the other methods go on
                why = Ended(reason_of(error), n_steps)
                self.ended = self.ended | dict.fromkeys(companion.names, why)
            told = silent | told
        if told:
            self._told[index] = told
        if rejected is not None:
            raise rejected

    def told(self, window: slice) -> dict[str, Array]:
        """Return what they predicted of a window of samples, (W, n) by method.

        Windows are asked for in order; what came before is forgotten.
        """
        for index in [index for index in self._told if index < window.start]:
            del self._told[index]
        rows = [self._told[index] for index in range(window.start, window.stop) if self.each]
        return {name: np.stack([row[name] for row in rows]) for name in self.names}

    def reset(self, methods: Sequence[str]) -> None:
        """Let those of `methods` (all, if empty) begin anew."""
        for companion in self.each:
            if not methods or set(methods) & set(companion.names):
                companion.reset()
                self.ended = {k: x for k, x in self.ended.items() if k not in companion.names}


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
