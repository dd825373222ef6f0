# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A run that is killed at any moment goes on without a hole, and with nothing twice."""

from __future__ import annotations

import time

import numpy as np
import pytest

from ml3_ros.data import array_files, run_files
from ml3_ros.data.filters import FilteredSample
from ml3_ros.data.run_files import RunFolder
from ml3_ros.learners.inverse_dynamics import run_log
from ml3_ros.learners.inverse_dynamics.run_log import RunLog
from ml3_ros.learners.inverse_dynamics.worker import AdaptationWorker, Plan

LEARN_S = 2.0  # of a stream at 50 Hz


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def kill_after(monkeypatch):
    """Return a function that lets the process die instead of writing one more file."""

    def after(count):
        left = iter(range(count))

        def write(path, content):
            if next(left, None) is None:
                raise Killed
            files(path, content)

        for module in (run_log, run_files, array_files):
            monkeypatch.setattr(module, "write_atomically", write)

    files = run_log.write_atomically
    yield after


@pytest.fixture
def make_log(make_learner, tmp_path, monkeypatch):
    """Return a function that makes a learner and the log of its run."""
    monkeypatch.setattr(run_log, "CHUNK", 3)  # many in so short a run

    def make():
        online = make_learner()
        return online, RunLog(online, RunFolder.create(tmp_path / "out"))

    return make


@pytest.mark.parametrize("written", [0, 1, 2])
@pytest.mark.parametrize("kept", [3, 83])
def test_predictions_have_no_hole_wherever_the_checkpoint_ended(
    make_log, stream, feed, kill_after, monkeypatch, written, kept
):
    online, log = make_log()
    for window in feed(online, stream, 0, kept):
        log.add(window)
    log.save_checkpoint()
    for window in feed(online, stream, kept, 117):
        log.add(window)
    with monkeypatch.context():
        kill_after(written)
        if written < 2:
            with pytest.raises(Killed):
                log.save_checkpoint()
        else:
            log.save_checkpoint()
    kill_after(100)
    online, log = make_log()
    assert log.restore(LEARN_S * 100.0)
    assert not log.last(60.0)  # nothing that would hold updates before there are some
    for window in feed(online, stream, len(online.samples), 200):
        log.add(window)
    log.save(finished=False)
    t = log._folder.load_predictions().t
    np.testing.assert_array_equal(t, stream[0][: online.n_learned])


def worker_on(make_log, stream, part, learn_duration=LEARN_S):
    """Return learner and log of a worker that has had this part of the stream, and was ended."""
    online, log = make_log()
    log.restore(learn_duration)
    plan = Plan(learn_duration=learn_duration, hold_out_duration=3.0, checkpoint_period=0.1)
    worker = AdaptationWorker(online, log, plan, pytest.fail)
    worker.start()
    since = stream[0][part][0]  # a process counts from the first sample that it reads
    for t, *row in zip(*(x[part] for x in stream), strict=True):
        assert worker.offer(FilteredSample(t - since, *row))
    end = time.monotonic() + 30.0
    while worker.waiting and worker.is_alive():
        assert time.monotonic() < end
        time.sleep(0.01)
    worker.stop()
    assert worker.error is None
    return log, worker


def test_a_test_of_frozen_models_goes_on_where_it_was(make_log, stream):
    log, worker = worker_on(make_log, stream, slice(0, 130))
    assert not worker.finished
    frozen = log.learn_until
    assert frozen == pytest.approx(LEARN_S)
    log, worker = worker_on(make_log, stream, slice(130, 240))
    assert worker.finished
    samples, predictions = log._folder.load_samples(), log._folder.load_predictions()
    assert samples.learn_until == frozen
    tested = np.searchsorted(samples.t, predictions.t[predictions.t > frozen])
    np.testing.assert_array_equal(tested, tested[0] + np.arange(len(tested)))
    assert len(tested) > 60  # before the end of the first process and after it


def test_a_longer_duration_lets_a_frozen_run_learn_on(make_log, stream):
    first, _ = worker_on(make_log, stream, slice(0, 130))
    n_learned = first._online.n_learned
    second, _ = worker_on(make_log, stream, slice(130, 160), learn_duration=60.0)
    assert np.isinf(second.learn_until)
    assert second._online.n_learned > n_learned + 20
