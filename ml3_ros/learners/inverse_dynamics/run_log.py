# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The log of an online run: predictions as they were made, checkpoints, result files."""

from __future__ import annotations

import threading
from dataclasses import asdict

import numpy as np

from ml3_ros.data.run_files import HeldOut, Predictions, RunFolder, Samples
from ml3_ros.errors import DataError
from ml3_ros.files import write_atomically
from ml3_ros.learners.inverse_dynamics.checkpoint import learner_to_bytes, restore_learner
from ml3_ros.learners.inverse_dynamics.net_file import model_to_bytes
from ml3_ros.learners.inverse_dynamics.online import OnlineLearner, WindowReport

CHUNK = 1024  # windows; the newest so many cover the time that `last` reads


class RunLog:
    """Keeps the windows of a run and writes its folder; one thread adds, others may read."""

    def __init__(self, online: OnlineLearner, folder: RunFolder) -> None:
        """Log what `online` does into `folder`."""
        self.learn_until = np.inf
        self._online, self._folder = online, folder
        self._checkpoint = folder.checkpoint("online")
        self._lock = threading.Lock()
        self._windows: list[WindowReport] = []  # the newest; small objects take more than numbers
        self._older: list[WindowReport] = []  # CHUNK windows each, or what was restored

    def add(self, window: WindowReport) -> None:
        """Keep a window that was predicted before it was learned from, or never learned from."""
        with self._lock:
            self._windows.append(window)
            if len(self._windows) == 2 * CHUNK:
                self._older.append(_merged(self._windows[:CHUNK]))
                del self._windows[:CHUNK]

    @property
    def newest(self) -> WindowReport | None:
        """The newest window, or None before there is one."""
        with self._lock:
            return self._windows[-1] if self._windows else None

    def last(self, seconds: float) -> list[WindowReport]:
        """Return the windows of the last `seconds` [s]."""
        with self._lock:
            since = self._windows[-1].t[-1] - seconds if self._windows else 0.0
            count = 0
            while count < len(self._windows) and self._windows[-1 - count].t[0] >= since:
                count += 1
            return self._windows[len(self._windows) - count :]

    def save_checkpoint(self) -> None:
        """Write what `restore` needs.

        Raises:
            DataError: The folder cannot be written; the older checkpoint is whole.
        """
        # In this order: `restore` drops predictions that are newer than the checkpoint, older
        # ones would leave a hole.
        self._folder.save_predictions(self._predictions())
        write_atomically(self._checkpoint, learner_to_bytes(self._online, self.learn_until))

    def restore(self, learn_duration: float) -> bool:
        """Put the learner where the checkpoint was taken; return False if there is none.

        Args:
            learn_duration: Time to learn from [s]; if it is longer than it was, learning goes on.

        Raises:
            DataError: The checkpoint is damaged, or of other losses.
        """
        try:
            data = self._checkpoint.read_bytes()
        except FileNotFoundError:
            return False
        except OSError as error:
            reason = f"cannot read {self._checkpoint} ({error.strerror}): delete it"
            raise DataError(reason) from error
        online = self._online
        learn_until = restore_learner(online, data)
        t = online.samples.times(slice(None))
        if len(t) and t[-1] - t[0] > learn_duration:
            self.learn_until = learn_until
        kept = self._folder.load_predictions()
        before = np.isin(kept.t, t if np.isfinite(self.learn_until) else t[: online.n_learned])
        methods = {name: values[before] for name, values in kept.methods.items()}
        if before.any():
            window = WindowReport(kept.t[before], kept.tau[before], methods, online.n_steps)
            self._older = [window]
        return True

    def n_predicted(self) -> int:
        """Return how many samples of the learner have been predicted, all from the first on."""
        windows = self._all()
        if not windows:
            return 0
        t = self._online.samples.times(slice(None))
        return int(np.searchsorted(t, windows[-1].t[-1], side="right"))

    def save(self, *, finished: bool) -> None:
        """Write samples and predictions; of a finished run also held-out errors and models.

        Methods that learn no more are named in config.json, for the report.

        Raises:
            DataError: The folder cannot be written.
        """
        online = self._online
        everything = online.samples.batch(slice(None))
        t = online.samples.times(slice(None))
        arrays = {name: x.numpy().astype(float) for name, x in everything.items()}
        names = online.optimizee.units.joint_names
        self._folder.save_samples(
            Samples(joint_names=names, t=t, learn_until=self.learn_until, **arrays)
        )
        self._folder.save_predictions(self._predictions())
        ended = {name: asdict(why) for name, why in online.ended().items()}
        if ended:
            self._folder.save_config(self._folder.load_config() | {"ended": ended})
        if not finished:
            return
        first_held_out = int(np.searchsorted(t, self.learn_until, side="right"))
        if first_held_out < len(t) and online.snapshots:
            heldout = HeldOut(
                steps=np.array([float(s.n_steps) for s in online.snapshots]),
                seconds=np.array([s.t - t[0] for s in online.snapshots]),
                methods=online.evaluate(first_held_out),
            )
            self._folder.save_heldout(heldout)
        for name, method in online.methods.items():
            content = model_to_bytes(online.optimizee, method.theta)
            write_atomically(self._folder.checkpoint(name), content)
        for companion in online.companions.each:
            for name, content in companion.models().items():
                write_atomically(self._folder.checkpoint(name), content)

    def _predictions(self) -> Predictions:
        windows = self._all()
        if not windows:
            n = self._online.optimizee.units.n_joints
            methods = {name: np.empty((0, n)) for name in self._online.names}
            return Predictions(t=np.empty(0), tau=np.empty((0, n)), methods=methods)
        merged = _merged(windows)
        methods = {name: predicted_by(name, merged) for name in self._online.names}
        return Predictions(t=merged.t, tau=merged.tau, methods=methods)

    def _all(self) -> list[WindowReport]:
        with self._lock:
            return [*self._older, *self._windows]


def predicted_by(method: str, window: WindowReport) -> np.ndarray:
    """Return what a method predicted, (W, n); NaN if it joined after this window."""
    absent = np.full_like(window.tau, np.nan)
    return window.predictions.get(method, absent)


def _merged(windows: list[WindowReport]) -> WindowReport:
    """Return windows as one, NaN where a method was absent."""
    names = dict.fromkeys(name for window in windows for name in window.predictions)
    return WindowReport(
        t=np.concatenate([w.t for w in windows]),
        tau=np.concatenate([w.tau for w in windows]),
        predictions={n: np.concatenate([predicted_by(n, w) for w in windows]) for n in names},
        n_steps=windows[-1].n_steps,
    )
