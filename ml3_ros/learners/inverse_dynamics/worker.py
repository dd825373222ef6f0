# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Thread that learns online: samples in through a queue, windows and files out, without ROS.

It holds no callbacks of a node, so the stream of joint states is never starved, and it never
imports a model of the robot.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ml3_ros.data.filters import FilteredSample
from ml3_ros.errors import DataError, Ml3Error, reason_of
from ml3_ros.learners.inverse_dynamics.method import Ended
from ml3_ros.learners.inverse_dynamics.method_status import (
    MethodModel,
    MethodStatus,
    models,
    statuses,
)
from ml3_ros.learners.inverse_dynamics.online import OnlineLearner, WindowReport
from ml3_ros.learners.inverse_dynamics.run_log import RunLog
from ml3_ros.learners.requests import Requests

QUEUE_LENGTH = 3000  # samples that may wait; 30 s at 100 Hz
RUNNING_SECONDS = 5.0  # span of the prequential NMSE that is published [s]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How long to learn, how long to test the frozen models, and how often to save [s]."""

    learn_duration: float
    hold_out_duration: float
    checkpoint_period: float


class AdaptationWorker(threading.Thread):
    """Feeds an OnlineLearner for the duration of a plan, then writes the results.

    Attributes:
        plan: May be replaced at any time.
        finished: The results are written.
        error: What ended the thread before that, or None.
    """

    def __init__(
        self,
        online: OnlineLearner,
        log: RunLog,
        plan: Plan,
        complain: Callable[[Ml3Error], None],
    ) -> None:
        """Prepare; `start` begins.

        Args:
            online: The learner, fresh or restored.
            log: Writes the run's folder.
            plan: Durations.
            complain: Called, from this thread, with the errors of samples that were not used and
                of files that could not be written on the way.
        """
        super().__init__(name="adaptation", daemon=True)
        self.finished = False
        self.error: Exception | None = None
        self._online, self._log, self.plan, self._complain = online, log, plan, complain
        self._queue: queue.Queue[FilteredSample] = queue.Queue(QUEUE_LENGTH)
        self._requests = Requests()
        self._stopping, self._ending = threading.Event(), threading.Event()
        # A restored learner has samples of an earlier stream: the present one comes after them.
        self._shift = self._now() + 1.0 if len(online.samples) else 0.0
        self._scored = 0 if self.learning else log.n_predicted()
        self._kept = self._now()  # time of the newest checkpoint [s]

    # called by the node -------------------------------------------------------------------------
    def offer(self, sample: FilteredSample) -> bool:
        """Queue a sample; return False if the queue is full and it is lost."""
        try:
            self._queue.put_nowait(sample)
        except queue.Full:
            return False
        return True

    @property
    def waiting(self) -> int:
        """Samples in the queue."""
        return self._queue.qsize()

    def request(self, function: Callable[[OnlineLearner], Any]) -> Any:
        """Run `function` on the learner between two samples and return its result.

        Raises:
            Exception: What the request raised.
            DataError: The thread has ended, or hangs.
        """
        return self._requests.request(lambda: function(self._online))

    def ended(self) -> dict[str, Ended]:
        """Return the methods that learn no more while the run goes on."""
        return self._online.ended()

    @property
    def all_ended(self) -> bool:
        """Whether no method learns any more."""
        online = self._online
        return len(online.ended()) == len(online.names)

    def end(self) -> None:
        """Finish with the samples that have come."""
        self._ending.set()

    def stop(self) -> None:
        """End the thread where it is, leaving a checkpoint and what a report needs."""
        self._stopping.set()
        if self.is_alive():
            self.join()

    def status(self) -> list[MethodStatus]:
        """Return where every method is; empty before the first window."""
        windows = self._log.last(RUNNING_SECONDS)
        return statuses(self._online, windows, self._shift, self.learning)

    def models(self) -> list[MethodModel]:
        """Return the models as they are; empty before the first window."""
        return models(self._online, self._log.newest, self._shift)

    # the thread ---------------------------------------------------------------------------------
    def run(self) -> None:
        """Learn until stopped; whatever ends it, what was learned is written."""
        over = "the learner has finished: activate the node again"
        try:
            torch.set_num_threads(1)
            while not (self._stopping.is_set() or self.finished):
                self._requests.answer()
                self._take_one()
            if not self.finished:
                self._save_unfinished()
        except Exception as error:
            self.error = error
            over = f"the learner has ended ({reason_of(error)}): start the node again"
            with contextlib.suppress(Exception):  # the first error is the cause
                self._save_unfinished()
        finally:
            self._requests.close(over)

    def _save_unfinished(self) -> None:
        if len(self._online.samples):
            self._log.save_checkpoint()
            self._log.save(finished=False)

    @property
    def learning(self) -> bool:
        """Whether the models are not frozen yet."""
        return bool(np.isinf(self._log.learn_until))

    def _now(self) -> float:
        """Return the time of the newest sample [s]."""
        newest = self._online.samples.times(slice(-1, None))
        return float(newest[0]) if len(newest) else 0.0

    def _take_one(self) -> None:
        try:
            sample = self._queue.get(timeout=0.1)
        except queue.Empty:
            if self._ending.is_set():
                self._finish()
            return
        online = self._online
        t = sample.t + self._shift
        first = online.samples.times(slice(0, 1))
        if self.learning and len(first) and t - first[0] > self.plan.learn_duration:
            self._freeze()
            self._scored = len(online.samples)
        try:
            online.push(t, sample.q, sample.v, sample.a, sample.tau)
        except DataError as error:
            self._complain(error)
            return
        if self.learning:
            while window := online.learn():
                self._log.add(window)
        else:
            self._score_held_out()
        if t - self._log.learn_until >= self.plan.hold_out_duration:
            self._finish()
        elif t - self._kept >= self.plan.checkpoint_period:
            self._kept = t
            try:
                self._log.save_checkpoint()
            except Ml3Error as error:
                self._complain(error)

    def _score_held_out(self) -> None:
        """Let the frozen models predict one more window."""
        online = self._online
        window = slice(self._scored, self._scored + online.config.sampling.window)
        if len(online.samples) < window.stop:
            return
        self._scored = window.stop
        batch = online.samples.batch(window)
        with torch.no_grad():
            predictions = {
                name: online.optimizee.call(method.theta, batch).numpy()
                for name, method in online.methods.items()
            }
        predictions |= online.companions.told(window)
        times, tau = online.samples.times(window), batch["tau"].numpy()
        self._log.add(WindowReport(times, tau, predictions, online.n_steps))

    def _freeze(self) -> None:
        """From here on the samples are held out."""
        self._log.learn_until = self._now()
        self._online.freeze()

    def _finish(self) -> None:
        if self.learning:
            self._freeze()
        self._log.save(finished=True)
        self.finished = True
