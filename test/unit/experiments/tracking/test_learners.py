# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learners in the tracking loop: what they learn from, and the models that they hand out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.experiments.tracking.config import METHODS
from ml3_ros.experiments.tracking.learners import Stream, learner_factory
from ml3_ros.experiments.tracking.output import level_times
from ml3_ros.experiments.tracking.run import TEST_POOL, VALIDATION_POOL, Bench, Trial
from test.unit.experiments.tracking.small import SMALL


def filled(learner, n_samples, seed=0):
    """Let a learner see random samples of torque 1, 2, ..."""
    rng = np.random.default_rng(seed)
    return [
        learner.learn(0.01 * (i + 1), *rng.normal(size=(3, 7)), np.arange(1.0, 8.0))
        for i in range(n_samples)
    ]


@pytest.mark.parametrize("name", ["ml3_shaped", "adam_tuned", "least_squares_friction"])
def test_a_model_that_was_handed_out_stays_as_it_is(bench, name):
    make = learner_factory(METHODS[name], "sawyer", bench.nominal, steps_per_window=1, rate=100.0)
    learner = make(0.01, 3)
    assert filled(learner, 16) == 2 * (7 * [False] + [True])
    old = learner.model()
    states = np.random.default_rng(1).normal(size=(3, 4, 7))
    before = old(*states)
    assert before.shape == (4, 7)
    np.testing.assert_allclose(old(*states[:, 2]), before[2], rtol=1e-5, atol=1e-5)
    for i in range(8):
        learner.learn(1.0 + 0.01 * i, *states[:, i % 4], np.zeros(7))
    np.testing.assert_array_equal(old(*states), before)
    assert np.abs(learner.model()(*states) - before).max() > 1e-3


def test_a_learner_gets_what_the_known_model_leaves_and_the_filters_acceleration():
    seen = []

    class Learner:
        def learn(self, t, q, v, a, tau):
            seen.append((t, q, v, a, tau))
            return True

        def model(self):
            return "model"

    class Known:
        def rnea(self, q, v, a):
            return 10.0 * a + q

    stream = Stream(Learner(), 2, 100.0, Known())
    for i in range(22):
        t = i / 100.0
        v = np.array([3.0 * t, -t])
        model = stream.measure(t, np.array([t, 0.0]), v, np.array([100.0, 50.0]))
        assert model == ("model" if i >= 20 else None)
    t, _, _, a, tau = seen[0]
    assert t == pytest.approx(0.1)
    np.testing.assert_allclose(a, [3.0, -1.0])
    np.testing.assert_allclose(tau, [100.0 - 30.0 - 0.1, 50.0 + 10.0])


def test_what_is_learned_in_the_loop_tracks_better_than_the_nominal_model():
    config = replace(SMALL, marks=(0.0, 4.0), test_seconds=8.0, settle_seconds=5.0)
    bench = Bench(config)
    robot = bench.robot(VALIDATION_POOL, 0, 0)
    found = {
        name: Trial(bench, name, robot).errors_after(config.marks).mean(-1)
        for name in ("feedback_only", "rigid_body", "least_squares_friction")
    }
    learned = found["least_squares_friction"]
    assert learned[0] == pytest.approx(found["feedback_only"][0])
    assert learned[1] < 0.3 * found["rigid_body"][1] < 0.3 * found["feedback_only"][1]


def test_a_payload_that_grows_raises_the_error_and_a_learner_that_forgets_comes_back():
    config = replace(SMALL, marks=(0.0, 5.0), period=1.0, after_seconds=20.0)
    bench = Bench(config)
    robot = bench.robot(VALIDATION_POOL, 0, 1)
    found = {}
    for name in ("rigid_body", "least_squares_forgetting"):
        level, seconds, before = Trial(bench, name, robot).change_of_payload()
        assert len(level) == len(level_times(config)) == 100 + 2000
        at_change = level[99]
        assert at_change == pytest.approx(before.mean())
        assert level[100:].max() > 1.5 * at_change
        found[name] = seconds
    assert found["rigid_body"] == math.inf
    assert 1.0 < found["least_squares_forgetting"] < 20.0


def test_a_model_that_has_diverged_counts_as_infinity(bench, monkeypatch):
    class Diverged:
        def learn(self, *sample):
            return True

        def model(self):
            return lambda q, v, a: np.full(q.shape, np.nan)

    trial = Trial(bench, "adam_tuned", bench.robot(TEST_POOL, 0, 0), 0.01)
    monkeypatch.setattr(trial, "_make", lambda step_size, seed: Diverged())
    assert np.isinf(trial.errors_after((1.0,))).all()
