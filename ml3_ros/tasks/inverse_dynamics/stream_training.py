# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Thread that meta-trains one loss, without ROS and without callbacks.

Everything that a training needs lies in its folder: the goal, the samples, the checkpoint. The
same goal goes on from there after a cancel or a kill.
"""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

from ml3_ros.core.checkpoints import restore_trainer, trainer_to_bytes
from ml3_ros.core.engine.process import prepare_process
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.objective import task_loss_of
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import DataError, reason_of
from ml3_ros.files import write_atomically
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe, learned_loss
from ml3_ros.tasks.inverse_dynamics.streamed import recordings_from_stream

Signals = dict[str, np.ndarray]
CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """One goal, resolved: equal ones resume each other."""

    recipe: Recipe
    robot: str
    joint_names: tuple[str, ...]
    seed: int
    segment_seconds: float  # [s]

    def identity(self) -> str:
        """Return a text that is equal for equal trainings."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training is: outer steps, the latest task loss (NaN for none), the time left [s]."""

    iteration: int
    iterations: int
    task_loss: float
    eta: float


class MetaTrainingWorker(threading.Thread):
    """Meta-trains until done, cancelled or failed; then `ended` is set.

    Attributes:
        checkpoint_period: Between checkpoints [s]; may be set at any time.
        loss: The result, or None.
        error: Why there is none, or None after a cancel.
    """

    def __init__(
        self, training: Training, folder: Path, fresh: Signals | None, checkpoint_period: float
    ) -> None:
        """Prepare; `start` begins.

        Args:
            training: What to train.
            folder: Of this training's files.
            fresh: What to train on: the signals of `recordings_from_stream` and rate [Hz], shape
                (1,). None: go on with what `folder` keeps.
            checkpoint_period: Between checkpoints [s].
        """
        super().__init__(name="meta_training", daemon=True)
        self.loss: LearnedLoss | None = None
        self.error: Exception | None = None
        self.ended = threading.Event()
        self._training, self._folder, self._fresh = training, folder, fresh
        self.checkpoint_period = checkpoint_period
        self._checkpoint = folder / CHECKPOINT
        self._cancelled = threading.Event()
        self._progress = Progress(0, training.recipe.n_outer_steps, math.nan, 0.0)

    def cancel(self) -> None:
        """End after the present step; the checkpoint stays."""
        self._cancelled.set()

    def progress(self) -> Progress:
        """Return where the training is."""
        return self._progress

    def run(self) -> None:
        """Train."""
        try:
            prepare_process()
            if self._fresh is not None:
                _keep_samples(self._folder, self._training, self._fresh)
            trainer, units = kept_trainer(self._folder, self._training)
            self._train(trainer)
            if trainer.done:
                self.loss = self._result(trainer, units)
        except Exception as error:
            self.error = error
        finally:
            self.ended.set()

    def _train(self, trainer: MetaTrainer) -> None:
        total, first, begun = trainer.config.n_outer_steps, trainer.step_count, time.monotonic()
        kept = begun
        while not (trainer.done or self._cancelled.is_set()):
            task_loss = float(task_loss_of(trainer.step().task_loss.mean(), trainer.config))
            now, done = time.monotonic(), trainer.step_count
            eta = (now - begun) / (done - first) * (total - done)
            self._progress = Progress(done, total, task_loss, eta)
            # whoever resumes makes a step, and knows its loss
            if now - kept >= self.checkpoint_period and not trainer.done:
                write_atomically(self._checkpoint, trainer_to_bytes(trainer))
                kept = time.monotonic()
        if not trainer.done:
            write_atomically(self._checkpoint, trainer_to_bytes(trainer))

    def _result(self, trainer: MetaTrainer, units: Units) -> LearnedLoss:
        training = self._training
        provenance = {
            "trained_on": "stream",
            "config": dataclasses.asdict(training),
            "task_loss": self._progress.task_loss,
        }
        loss = learned_loss(trainer, 0, units, training.robot, provenance)
        if not all(p.isfinite().all() for p in loss.phi.values()):
            raise DataError("the training diverged: try another seed, or more samples")
        return loss


def resumable(folder: Path, training: Training) -> bool:
    """Return whether the same training was begun in `folder`."""
    try:
        return (folder / "goal.json").read_text() == training.identity()
    except (OSError, ValueError):  # bytes that are no text are no training either
        return False


def kept_trainer(folder: Path, training: Training) -> tuple[MetaTrainer, Units]:
    """Return the trainer on the samples of a folder, as it was at the checkpoint if there is one.

    Raises:
        DataError: The samples or the checkpoint are damaged, or those of another training.
        ConfigError: The samples lack the prior that the training needs.
    """
    signals = _kept_samples(folder)
    rate = float(signals.pop("rate")[0])
    units = Units.from_samples(training.joint_names, signals["v"], signals["a"], signals["tau"])
    recordings = recordings_from_stream(signals, rate, segment_seconds=training.segment_seconds)
    trainer = training.recipe.trainer(recordings, units, training.robot, (training.seed,))
    path = folder / CHECKPOINT
    if path.exists():
        try:
            restore_trainer(trainer, path.read_bytes())
        except (OSError, DataError) as error:
            raise DataError(f"{path}: {reason_of(error)}") from error
    return trainer, units


def forget(folder: Path) -> None:
    """Remove the files of a training that is done or shall not be resumed."""
    shutil.rmtree(folder, ignore_errors=True)


def _keep_samples(folder: Path, training: Training, signals: Signals) -> None:
    forget(folder)
    plain = {name: np.ascontiguousarray(x, dtype=np.float32) for name, x in signals.items()}
    write_atomically(folder / "samples.safetensors", save(plain))
    write_atomically(folder / "goal.json", training.identity().encode())


def _kept_samples(folder: Path) -> Signals:
    path = folder / "samples.safetensors"
    try:
        return load(path.read_bytes())
    except Exception as error:  # a damaged file raises anything
        raise DataError(f"{path} is damaged ({error}): delete {folder} to start anew") from error
