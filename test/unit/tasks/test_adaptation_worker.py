# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The thread that learns: requests are answered at once, and an error ends as little as it can."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ml3_ros.data.filters import FilteredSample
from ml3_ros.data.run_files import RunFolder
from ml3_ros.errors import DataError
from ml3_ros.learners import requests
from ml3_ros.learners.inverse_dynamics.run_log import RunLog
from ml3_ros.learners.inverse_dynamics.worker import AdaptationWorker, Plan
from ml3_ros.learners.requests import Requests
from test.unit.tasks.failing_loss import FailingLoss

WINDOW, STEPS = 8, 4  # of online_config
SOON_S = 5.0  # far less than a request waits at most
PLAN = Plan(learn_duration=2.0, hold_out_duration=1.0, checkpoint_period=60.0)  # 150 samples


def until(condition):
    end = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def make_worker(make_learner, tmp_path):
    """Return a function that makes a worker, what it learns with, and what it complains of."""
    workers = []

    def make(losses=None, plan=PLAN):
        online, folder = make_learner(losses), RunFolder.create(tmp_path / "out")
        folder.save_config({"experiment": "invdyn_live"})
        complaints = []
        worker = AdaptationWorker(online, RunLog(online, folder), plan, complaints.append)
        workers.append(worker)
        return worker, online, folder, complaints

    yield make
    for worker in workers:
        worker.stop()


@pytest.fixture
def offer(stream):
    """Return a function that gives a worker the samples of a part of the stream."""

    def offer(worker, part):
        for t, *row in zip(*(x[part] for x in stream), strict=True):
            assert worker.offer(FilteredSample(t - stream[0][0], *row))

    return offer


@pytest.fixture
def aside():
    """Return an executor: whoever sends a request has to wait."""
    with ThreadPoolExecutor() as executor:
        yield executor


@pytest.mark.parametrize("error", [RuntimeError("shape"), KeyError("x"), TimeoutError("mine")])
def test_whatever_a_request_raises_is_its_answer_and_the_thread_goes_on(make_worker, aside, error):
    worker, *_ = make_worker()
    worker.start()

    def fails(_online):
        raise error

    with pytest.raises(type(error)) as raised:
        aside.submit(worker.request, fails).result(SOON_S)
    assert raised.value is error
    assert worker.request(lambda online: online.n_steps) == 0
    assert worker.error is None


def asked_while(worker, aside, monkeypatch, name):
    """Return the answer to a request that comes while the thread is in RunLog's `name`."""
    answers, inner = [], getattr(worker._log, name)

    def slow(*args, **how):
        answers.append(aside.submit(worker.request, lambda online: online.n_steps))
        until(lambda: not worker._requests._waiting.empty())
        return inner(*args, **how)

    monkeypatch.setattr(worker._log, name, slow)
    return answers


def test_a_request_while_the_results_are_written_does_not_wait(
    make_worker, offer, aside, monkeypatch
):
    worker, *_ = make_worker()
    answers = asked_while(worker, aside, monkeypatch, "save")
    worker.start()
    offer(worker, slice(0, 160))
    worker.join()
    assert worker.finished
    for answer in (*answers, aside.submit(worker.request, len)):
        with pytest.raises(DataError, match="has finished: activate the node again"):
            answer.result(SOON_S)


def test_a_request_while_the_thread_is_stopped_does_not_wait(
    make_worker, offer, aside, monkeypatch
):
    worker, *_ = make_worker()
    answers = asked_while(worker, aside, monkeypatch, "save_checkpoint")
    worker.start()
    offer(worker, slice(0, 20))
    until(lambda: not worker.waiting)
    worker.stop()
    with pytest.raises(DataError, match="has finished"):
        answers[0].result(SOON_S)


def test_an_unexpected_error_is_logged_and_what_was_learned_is_written(
    make_worker, offer, aside, monkeypatch
):
    worker, online, folder, _ = make_worker()
    learn = online.learn

    def breaks():
        if online.n_steps == 3 * STEPS:
            raise RuntimeError("nobody thought of this")
        return learn()

    monkeypatch.setattr(online, "learn", breaks)
    answers = asked_while(worker, aside, monkeypatch, "save")
    worker.start()
    offer(worker, slice(0, 60))
    worker.join()
    assert isinstance(worker.error, RuntimeError)
    assert not worker.finished
    with pytest.raises(DataError, match=r"ended \(RuntimeError: nobody thought of this\)"):
        answers[0].result(SOON_S)
    with pytest.raises(DataError, match="nobody thought of this"):
        worker.request(len)
    assert len(folder.load_predictions().t) == 3 * WINDOW
    assert len(folder.load_samples().t) == len(online.samples)
    again, log = make_worker()[1:3]
    assert RunLog(again, log).restore(60.0)
    assert again.n_steps == 3 * STEPS


def test_a_sample_that_must_not_be_used_is_logged_and_the_next_ones_are_used(
    make_worker, offer, stream
):
    worker, online, _, complaints = make_worker()
    worker.start()
    offer(worker, slice(0, 20))
    too_large = np.array([1e39, 0.0])  # finite here, not as the float32 that is learned from
    worker.offer(FilteredSample(0.39, *([too_large] * 4)))
    offer(worker, slice(20, 40))
    until(lambda: online.n_steps == 5 * STEPS)
    assert len(online.samples) == 40
    assert [str(error) for error in complaints] == [
        "q holds NaN or infinity at t = 0.390 s: sample rejected"
    ]


def test_a_method_that_ends_is_logged_and_the_run_goes_on(make_worker, online_losses, offer):
    failing = FailingLoss.like(online_losses["adam"], good=1 + 5 * STEPS)
    worker, online, folder, complaints = make_worker({"failing": failing, **online_losses})
    worker.start()
    offer(worker, slice(0, 90))
    until(lambda: online.n_steps == 11 * STEPS)
    until(lambda: worker._log.newest.n_steps == 11 * STEPS)
    status = {s.method: s for s in worker.status()}
    assert {name: s.learning for name, s in status.items()} == {
        "failing": False, "ml3": True, "adam": True,
    }  # fmt: skip
    assert {name: s.update for name, s in status.items()} == {
        "failing": 5 * STEPS, "ml3": 11 * STEPS, "adam": 11 * STEPS,
    }  # fmt: skip
    assert {m.method: m.update for m in worker.models()}["failing"] == 5 * STEPS
    assert np.isfinite(status["failing"].nmse).all()
    assert set(worker.ended()) == {"failing"}
    offer(worker, slice(90, 160))
    worker.join()
    assert worker.finished and worker.error is None and not complaints
    methods = {"failing", "ml3", "adam"}
    predictions, heldout = folder.load_predictions(), folder.load_heldout()
    for table in (predictions.methods, heldout.methods):
        assert set(table) == methods
        assert all(np.isfinite(x).all() for x in table.values())
    assert predictions.t[-1] > worker._log.learn_until
    assert all(folder.checkpoint(name).exists() for name in methods)
    assert "RuntimeError" in folder.load_config()["ended"]["failing"]["reason"]


def test_a_request_that_nobody_waits_for_any_more_is_not_made(monkeypatch):
    monkeypatch.setattr(requests, "ANSWER_S", 0.0)
    queue, made = Requests(), []
    with pytest.raises(DataError, match="has not answered for 0 s: try again"):
        queue.request(lambda: made.append("late"))
    queue.answer()
    queue.close("it is over")
    with pytest.raises(DataError, match="it is over"):
        queue.request(lambda: made.append("later"))
    assert not made
