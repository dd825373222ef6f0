# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Online learning from a stream of samples: every method side by side on the same batches.

Nothing in here knows a robot model: this is what runs beside a real arm.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.online import OnlineLoss
from ml3_ros.core.types import Batch, Params
from ml3_ros.errors import ConfigError, DataError
from ml3_ros.learners.inverse_dynamics.method import (
    Companion,
    Companions,
    Ended,
    Method,
    checked,
)
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.sample_buffer import SIGNALS, SampleBuffer
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig, nmse


@dataclass(frozen=True, kw_only=True, slots=True)
class OnlineConfig:
    """How a stream is learned from."""

    sampling: SamplingConfig = field(default_factory=lambda: SamplingConfig(steps_per_window=8))
    first_snapshot: int = 8  # gradient steps; then each time `snapshot_ratio` times later
    snapshot_ratio: float = 1.4
    loss_lr: float = 0.0  # of phi, for losses that go on learning (AdaLFL); 0: they stay frozen

    def __post_init__(self) -> None:
        if self.sampling.steps_per_window < 1:
            raise ConfigError("steps_per_window must be >= 1 to learn from a stream")
        if not self.snapshot_ratio > 1.0 or self.first_snapshot < 1:
            raise ConfigError("snapshots need first_snapshot >= 1 and snapshot_ratio > 1")
        if not 0.0 <= self.loss_lr < float("inf"):
            raise ConfigError(f"loss_lr must be >= 0 and finite, got {self.loss_lr}")


@dataclass(frozen=True, slots=True)
class WindowReport:
    """What one window of the stream showed before it was learned from (prequential).

    Attributes:
        t: Time of each sample [s], (W,).
        tau: Measured torque [N m], (W, n).
        predictions: Of each method, made before training on the window [N m], (W, n).
        n_steps: Gradient steps made so far, this window's included.
    """

    t: np.ndarray
    tau: np.ndarray
    predictions: dict[str, np.ndarray]
    n_steps: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The models as they were after `n_steps` gradient steps, at time `t` [s] of the stream."""

    n_steps: int
    t: float
    thetas: dict[str, Params]
    companions: list[Any] = field(default_factory=list)


class OnlineLearner:
    """Trains fresh inverse-dynamics networks on a stream, one per method (Algorithm 2).

    All methods start from the same random theta and see the same batches. Each new window is
    predicted first and learned from afterwards.

    Args:
        optimizee: The network; its `units` belong to the robot that streams.
        losses: Loss of each method by name; a baseline is a loss without phi.
        config: Batches and snapshots.
        seed: Of the initial theta and of the batches.
        companions: Models of another kind that learn from the same samples.

    Raises:
        LossFileError: If a loss was trained for other joints, needs what a stream lacks, or cannot
            train the network.
    """

    def __init__(
        self,
        optimizee: InverseDynamicsNet,
        losses: Mapping[str, LearnedLoss],
        config: OnlineConfig,
        *,
        seed: int,
        companions: Sequence[Companion] = (),
    ) -> None:
        if not losses and not companions:
            raise ConfigError("no method to learn with: give at least one loss")
        self.companions = Companions(companions)
        self.optimizee, self.config, self.seed = optimizee, config, seed
        self.generator = torch.Generator().manual_seed(seed)
        theta = optimizee.init(self.generator)
        self.methods = {name: self._method(name, loss, theta) for name, loss in losses.items()}
        self.samples = SampleBuffer(optimizee.units.n_joints)
        self.n_learned = 0  # samples that were predicted and learned from
        self.n_steps = 0
        self.snapshots: list[Snapshot] = []
        self.frozen = False  # whether companions learn no more

    def push(self, t: float, q: ArrayLike, v: ArrayLike, a: ArrayLike, tau: ArrayLike) -> None:
        """Take one filtered sample: t [s], q [rad], v [rad/s], a [rad/s^2], tau [N m], each (n,).

        Raises:
            DataError: If a length is wrong or a value is not finite: nothing is stored then. If a
                companion cannot learn from it: it is stored, and the others do.
        """
        self.samples.append(t, q, v, a, tau)
        self._accompany(len(self.samples) - 1, t, q, v, a, tau)

    @property
    def names(self) -> list[str]:
        """Names of all methods, the companions' last."""
        return [*self.methods, *self.companions.names]

    def freeze(self) -> None:
        """Let nothing learn any more, and keep the models for `evaluate`."""
        self.frozen = True
        self.take_snapshot()

    def replay(self, learn_until: float) -> None:
        """Let companions learn from all samples up to `learn_until` [s] again, after a restart."""
        batch, times = self.samples.batch(slice(None)), self.samples.times(slice(None))
        rows = zip(*(batch[name].double().numpy() for name in SIGNALS), strict=True)
        for index, (t, row) in enumerate(zip(times.tolist(), rows, strict=True)):
            self.frozen = t > learn_until
            with contextlib.suppress(DataError):  # what was rejected then is rejected again
                self._accompany(index, t, *row)

    def _accompany(
        self, index: int, t: float, q: ArrayLike, v: ArrayLike, a: ArrayLike, tau: ArrayLike
    ) -> None:
        """Let companions predict a sample, and learn from it unless models are frozen."""
        signals = [np.asarray(x, dtype=float) for x in (q, v, a, tau)]
        self.companions.take(index, t, *signals, learning=not self.frozen, n_steps=self.n_steps)

    def learn(self) -> WindowReport | None:
        """Predict the next window and make the gradient steps on it, if it is complete.

        A method whose step fails has `ended`: it goes on predicting, and the others learning.
        """
        sampling = self.config.sampling
        if len(self.samples) < self.n_learned + sampling.window:
            return None
        seen = self.n_learned + sampling.window
        window = slice(self.n_learned, seen)
        batch = self.samples.batch(window)
        predictions = {name: self._predict(name, batch).numpy() for name in self.methods}
        predictions |= self.companions.told(window)
        if self.n_learned == 0:
            self._start_at(batch["tau"].mean(0))
        count = torch.full((sampling.steps_per_window,), seen)
        indices = sampling.draw(count, self.generator)
        batches = [self.samples.batch(row) for row in indices]
        for method in self.methods.values():
            if method.ended is None:
                method.train(batches, self.n_steps, batch)
        self.n_learned = seen
        self.n_steps += sampling.steps_per_window
        due = float(self.config.first_snapshot)
        if self.snapshots:
            due = self.config.snapshot_ratio * self.snapshots[-1].n_steps
        if self.n_steps >= due:
            self.take_snapshot()
        return WindowReport(
            t=self.samples.times(window),
            tau=batch["tau"].numpy().copy(),  # a view would keep the whole buffer alive
            predictions=predictions,
            n_steps=self.n_steps,
        )

    def predict(self, method: str, q: ArrayLike, v: ArrayLike, a: ArrayLike) -> np.ndarray:
        """Return the torque [N m] (n,) that `method` predicts for one state."""
        state = {
            name: torch.as_tensor(np.asarray(x, dtype=np.float32)).unsqueeze(0)
            for name, x in (("q", q), ("v", v), ("a", a))
        }
        return self._predict(method, state).squeeze(0).numpy()

    def replace_loss(self, name: str, loss: LearnedLoss) -> None:
        """Train method `name` with another loss from now on; its model stays as it is.

        A new method starts from the theta that the others started from; one that has ended learns
        again.

        Raises:
            LossFileError: As when the learner is made; everything stays as it was.
        """
        old = self.methods.get(name)
        theta = old.theta if old else self._fresh_theta(self.seed)
        self.methods[name] = self._method(name, loss, theta)

    def reset(self, methods: list[str], seed: int) -> None:
        """Give `methods` (all, if empty) fresh random models that learn; samples stay.

        Raises:
            DataError: If a method does not exist.
        """
        unknown = set(methods) - set(self.names)
        if unknown:
            raise DataError(f"no method {sorted(unknown)}: there are {sorted(self.names)}")
        theta = self._fresh_theta(seed)
        for name in set(methods or self.methods) & set(self.methods):
            self.methods[name] = self.methods[name].restarted(theta)
        self.companions.reset(methods)

    def ended(self) -> dict[str, Ended]:
        """Return the methods that learn no more."""
        methods = list(self.methods.items())  # a copy, as the caller may be another thread
        own = {name: x.ended for name, x in methods if x.ended is not None}
        return own | self.companions.ended

    def take_snapshot(self) -> None:
        """Keep the models as they are, for `evaluate`; `learn` does so at growing intervals."""
        if self.snapshots and self.snapshots[-1].n_steps == self.n_steps:
            return
        thetas = {name: method.theta for name, method in self.methods.items()}
        t = self.samples.times(slice(0, self.n_learned))
        accompanied = [each.snapshot() for each in self.companions.each]
        seconds = float(t[-1]) if len(t) else 0.0
        self.snapshots.append(Snapshot(self.n_steps, seconds, thetas, accompanied))

    def evaluate(self, start: int) -> dict[str, np.ndarray]:
        """Return the NMSE of every snapshot on the samples from `start` on.

        Returns:
            For each method (C, n), rows as in `snapshots`; a method without a model at a
            snapshot has NaN there.
        """
        batch = self.samples.batch(slice(start, None))
        n = self.optimizee.units.n_joints
        table = {name: np.full((len(self.snapshots), n), np.nan) for name in self.names}
        for row, snapshot in enumerate(self.snapshots):
            for name, theta in snapshot.thetas.items():
                with torch.no_grad():
                    prediction = self.optimizee.call(theta, batch)
                table[name][row] = nmse(prediction, batch["tau"]).numpy()
            for companion, kept in zip(self.companions.each, snapshot.companions, strict=False):
                for name, found in companion.evaluate(kept, batch).items():
                    table[name][row] = nmse(torch.from_numpy(found), batch["tau"]).numpy()
        return table

    def _predict(self, method: str, batch: Batch) -> Tensor:
        with torch.no_grad():
            return self.optimizee.call(self.methods[method].theta, batch)

    def _method(self, name: str, loss: LearnedLoss, theta: Params) -> Method:
        """Return a method that is about to learn, once its loss has shown that it can."""
        size = self.config.sampling.batch_size
        learner = checked(name, loss, self.optimizee, size)
        state, online = learner.inner_optimizer.init(theta), None
        learned = tuple(loss.phi.keys() - loss.spec.constants(loss.phi).keys())
        if self.config.loss_lr and learned:
            online = OnlineLoss(loss.phi, tuple(sorted(learned)), self.config.loss_lr)
        return Method(loss, learner, theta, state, online=online)

    def _fresh_theta(self, seed: int) -> Params:
        """Return a random theta whose F starts at the newest torques, if there are any."""
        theta = self.optimizee.init(torch.Generator().manual_seed(seed))
        if not len(self.samples):
            return theta
        newest = slice(max(0, len(self.samples) - self.config.sampling.window), None)
        return self.optimizee.with_offset(theta, self.samples.batch(newest)["tau"].mean(0))

    def _start_at(self, tau: Tensor) -> None:
        """Let every model's F start at the first torque; no model has learned anything yet."""
        for method in self.methods.values():
            method.theta = self.optimizee.with_offset(method.theta, tau)
