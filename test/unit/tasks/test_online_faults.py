# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Losses that cannot train, or fail while they do: they end one method, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import DataError, LossFileError
from ml3_ros.experiments.tracking.learners import NetworkLearner
from ml3_ros.learners.inverse_dynamics.checkpoint import learner_to_bytes, restore_learner
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from test.unit.tasks.failing_loss import FailingLoss

WINDOW, STEPS = 8, 4  # of online_config


class SpeechlessError(Exception):
    """It cannot even be printed."""

    def __str__(self):
        raise ValueError("no words")


FAILS = [
    RuntimeError("the size of tensor a (7) must match\n the size of tensor b (5)"),
    OverflowError("int too large to convert to float"),
    MemoryError(),
    RecursionError("maximum depth"),
    SpeechlessError(),
]


@pytest.mark.parametrize("error", FAILS, ids=lambda error: type(error).__name__)
def test_a_loss_that_cannot_make_one_step_is_not_used(
    make_learner, online_losses, stream, feed, error
):
    bad = FailingLoss.like(online_losses["ml3"], good=0, error=error)
    sentence = rf"the loss of the method ml3 .*{type(error).__name__}.*ml3 train"
    with pytest.raises(LossFileError, match=sentence):
        make_learner({**online_losses, "ml3": bad})
    online, untouched = make_learner(), make_learner()
    for learner in (online, untouched):
        feed(learner, stream, 0, 3 * WINDOW)
    with pytest.raises(LossFileError, match=sentence):
        online.replace_loss("ml3", bad)
    with pytest.raises(LossFileError, match="the loss of the method new"):
        online.replace_loss("new", bad)
    assert learner_to_bytes(online) == learner_to_bytes(untouched)
    assert online.methods["ml3"].loss is online_losses["ml3"]
    for learner in (online, untouched):
        feed(learner, stream, 3 * WINDOW, 5 * WINDOW)
    assert learner_to_bytes(online) == learner_to_bytes(untouched)


def with_factor(learner, factor):
    """Return the learner with a loss that is so many times as large."""
    evaluate = learner.loss.evaluate
    loss = SimpleNamespace(evaluate=lambda *inputs: evaluate(*inputs) * factor)
    return replace(learner, loss=loss)


class EndlessLoss(LearnedLoss):
    """Its value and gradient are beyond what float32 holds."""

    def learner(self, optimizee):
        return with_factor(super().learner(optimizee), 1e30 * 1e30)


class VectorLoss(LearnedLoss):
    """Its value is three numbers."""

    def learner(self, optimizee):
        return with_factor(super().learner(optimizee), torch.ones(3))


def test_a_loss_without_one_finite_update_is_not_used(make_learner, units, online_losses):
    spec = online_losses["ml3"].spec
    scheduled = replace(
        spec, inner_optimizer="scheduled_adam", roles=("other.weight",), knots=(0.0, 1.0)
    )
    phi = scheduled.init_phi(torch.Generator().manual_seed(0))
    explodes = EndlessLoss(spec=spec, phi=online_losses["ml3"].phi)
    for wrong, sentence in (
        (replace(online_losses["ml3"], spec=scheduled, phi=phi), "no step size for"),
        (explodes, "first update is not finite"),
        (VectorLoss(spec=spec, phi=online_losses["ml3"].phi), "one element"),
    ):
        with pytest.raises(LossFileError, match=f"the loss of the method wrong .*{sentence}"):
            make_learner({"wrong": wrong})


def test_a_trial_changes_no_number_of_a_run(make_learner, online_losses, stream, feed):
    """Neither the batches that follow nor the models depend on how many losses were tried."""
    online, untouched = make_learner(), make_learner()
    feed(online, stream, 0, 2 * WINDOW)
    online.replace_loss("ml3", online_losses["ml3"])
    feed(untouched, stream, 0, 2 * WINDOW)
    untouched.methods["ml3"].state = untouched.methods["ml3"].learner.inner_optimizer.init(
        untouched.methods["ml3"].theta
    )
    for learner in (online, untouched):
        feed(learner, stream, 2 * WINDOW, 4 * WINDOW)
    assert learner_to_bytes(online) == learner_to_bytes(untouched)


@pytest.fixture
def with_failing(make_learner, online_losses):
    """Return a learner one of whose methods fails in its third window, amid the steps."""

    def make():
        failing = FailingLoss.like(online_losses["adam"], good=1 + 2 * STEPS + 2)
        return make_learner({"failing": failing, **online_losses})

    return make


def test_a_method_that_fails_ends_alone(make_learner, with_failing, stream, feed):
    online, calm = with_failing(), make_learner()
    reports = feed(online, stream, 0, 6 * WINDOW)
    expected = feed(calm, stream, 0, 6 * WINDOW)
    assert set(online.ended()) == {"failing"}
    ended = online.methods["failing"].ended
    assert ended.n_steps == 2 * STEPS
    assert "RuntimeError: the size of tensor" in ended.reason
    assert online.n_steps == calm.n_steps == 6 * STEPS
    for found, report in zip(reports, expected, strict=True):
        for name in report.predictions:
            np.testing.assert_array_equal(found.predictions[name], report.predictions[name])
    # it predicts on, by the model of its last complete window: here Adam's
    for k, (found, report) in enumerate(zip(reports, expected, strict=True)):
        same = np.array_equal(found.predictions["failing"], report.predictions["adam"])
        assert same == (k <= 2)
    thetas = [s.thetas["failing"] for s in online.snapshots]
    assert thetas[-1] is online.methods["failing"].theta
    tables = online.evaluate(0)
    assert np.isfinite(tables["failing"]).all()


def test_an_error_without_a_message_ends_its_method_alone(
    make_learner, online_losses, stream, feed
):
    failing = FailingLoss.like(online_losses["adam"], good=1 + STEPS, error=SpeechlessError())
    online = make_learner({"failing": failing, **online_losses})
    feed(online, stream, 0, 4 * WINDOW)
    assert online.ended()["failing"].reason == "SpeechlessError: no message"
    assert online.n_steps == 4 * STEPS


def test_all_methods_may_end_and_samples_go_on(make_learner, online_losses, stream, feed):
    online = make_learner({"only": FailingLoss.like(online_losses["adam"], good=1 + STEPS)})
    reports = feed(online, stream, 0, 5 * WINDOW)
    assert set(online.ended()) == set(online.methods)
    assert len(reports) == 5
    assert np.isfinite(reports[-1].predictions["only"]).all()


def test_a_reset_and_another_loss_revive_a_method(with_failing, online_losses, stream, feed):
    online = with_failing()
    feed(online, stream, 0, 5 * WINDOW)
    frozen = online.methods["failing"].theta
    online.replace_loss("failing", online_losses["adam"])
    assert not online.ended()
    assert online.methods["failing"].theta is frozen
    feed(online, stream, 5 * WINDOW, 6 * WINDOW)
    assert online.methods["failing"].theta is not frozen
    online = with_failing()
    feed(online, stream, 0, 5 * WINDOW)
    online.reset(["failing"], seed=4)
    assert not online.ended()
    feed(online, stream, 5 * WINDOW, 6 * WINDOW)  # its loss fails again
    assert online.methods["failing"].ended.n_steps == 5 * STEPS


def test_a_method_that_diverges_has_not_ended(make_learner, units, online_losses, stream, feed):
    """It is shown as what it is: a model frozen before would hide it."""
    online = make_learner({"wild": squared_error(units, "tau", "sgd", 1e6), **online_losses})
    with np.errstate(all="ignore"):
        last = feed(online, stream, 0, 6 * WINDOW)[-1]
    assert not online.ended()
    assert not np.isfinite(last.predictions["wild"]).all()


def test_a_run_that_goes_on_from_a_checkpoint_tries_an_ended_method_again(
    with_failing, stream, feed
):
    online, restored = with_failing(), with_failing()
    feed(online, stream, 0, 5 * WINDOW)
    restore_learner(restored, learner_to_bytes(online))
    assert not restored.ended()
    before = restored.methods["failing"].theta
    feed(restored, stream, 5 * WINDOW, 6 * WINDOW)
    assert not restored.ended()
    assert restored.methods["failing"].theta is not before


def test_an_experiment_shows_no_model_whose_learning_has_ended(online_losses, units, stream):
    failing = FailingLoss.like(online_losses["adam"], good=1 + STEPS)
    learner = NetworkLearner(failing, units, "toy", steps_per_window=STEPS, memory=0, seed=0)
    with pytest.raises(DataError, match=r"cannot train the network any more \(RuntimeError"):
        for row in zip(*(x[: 3 * WINDOW] for x in stream), strict=True):
            learner.learn(*row)
