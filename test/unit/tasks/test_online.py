# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learning on a stream: predicted first, learned from afterwards, all methods alike."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.core.inner_loop import adapt
from ml3_ros.learners.inverse_dynamics.sampling import nmse
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error

WINDOW, STEPS = 8, 4  # of online_config


def test_it_learns(make_learner, stream, feed):
    online = make_learner()
    feed(online, stream, 0, 400)
    n_learned = len(online.samples)
    feed(online, stream, 400, 600, learn=False)
    assert online.n_steps == 400 // WINDOW * STEPS
    for table in online.evaluate(n_learned).values():
        assert table[-1].mean() < 0.5 * table[0].mean()
        assert table[-1].mean() < 0.5


def test_nothing_happens_before_a_window_is_full(make_learner, stream):
    online = make_learner()
    assert online.learn() is None
    for i in range(WINDOW - 1):
        online.push(*(x[i] for x in stream))
        assert online.learn() is None
    online.push(*(x[WINDOW - 1] for x in stream))
    report = online.learn()
    assert report.n_steps == online.n_steps == STEPS
    assert online.n_learned == WINDOW
    assert online.learn() is None


def test_a_backlog_is_worked_off_window_by_window(make_learner, stream, feed):
    together, one_by_one = make_learner(), make_learner()
    reports = feed(one_by_one, stream, 0, 4 * WINDOW)
    feed(together, stream, 0, 4 * WINDOW + 3, learn=False)
    late = [together.learn() for _ in range(5)]
    assert late[4] is None
    for found, expected in zip(late[:4], reports, strict=True):
        np.testing.assert_array_equal(found.t, expected.t)
        for name in expected.predictions:
            np.testing.assert_array_equal(found.predictions[name], expected.predictions[name])


def test_a_window_is_predicted_before_it_is_learned_from(make_learner, stream, feed):
    online = make_learner()
    feed(online, stream, 0, 5 * WINDOW)
    feed(online, stream, 5 * WINDOW, 6 * WINDOW, learn=False)
    window = slice(5 * WINDOW, 6 * WINDOW)
    batch = {
        k: torch.tensor(x[window], dtype=torch.float32)
        for k, x in zip(("q", "v", "a"), stream[1:4], strict=True)
    }
    before = {
        name: online.optimizee.call(x.theta, batch).detach() for name, x in online.methods.items()
    }
    report = online.learn()
    np.testing.assert_array_equal(report.t, stream[0][window])
    np.testing.assert_allclose(report.tau, stream[4][window], rtol=1e-6)
    for name, learner in online.methods.items():
        np.testing.assert_array_equal(report.predictions[name], before[name])
        after = online.optimizee.call(learner.theta, batch).detach()
        assert not np.allclose(after, before[name])


@pytest.mark.parametrize("changed", [0, 1, 5])
def test_samples_that_came_later_change_nothing_earlier(make_learner, stream, changed, feed):
    """Other torques from some window on: all predictions up to there are the same."""
    t, q, v, a, tau = stream
    other = (t, q, v, a, np.where(np.arange(len(t))[:, None] < changed * WINDOW, tau, 0.0))
    reports = [feed(make_learner(), x, 0, 7 * WINDOW) for x in (stream, other)]
    for i, (one, two) in enumerate(zip(*reports, strict=True)):
        for name in one.predictions:
            same = np.array_equal(one.predictions[name], two.predictions[name])
            assert same == (i <= changed)


def test_all_methods_start_alike_and_see_the_same_batches(
    make_learner, online_losses, stream, feed
):
    twins = {
        "one": online_losses["ml3"],
        "two": online_losses["ml3"],
        "other": online_losses["adam"],
    }
    online, alone = make_learner(twins), make_learner({"one": online_losses["ml3"]})
    first, *rest = feed(online, stream, 0, 10 * WINDOW)
    np.testing.assert_array_equal(first.predictions["one"], first.predictions["other"])
    expected = feed(alone, stream, 0, 10 * WINDOW)[1:]
    for report, single in zip(rest, expected, strict=True):
        np.testing.assert_array_equal(report.predictions["one"], report.predictions["two"])
        np.testing.assert_array_equal(report.predictions["one"], single.predictions["one"])
    assert not np.array_equal(rest[-1].predictions["one"], rest[-1].predictions["other"])


def test_seeds_decide_models_and_batches(make_learner, stream, feed):
    runs = [feed(make_learner(seed=seed), stream, 0, 3 * WINDOW)[-1] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0].predictions["ml3"], runs[1].predictions["ml3"])
    assert not np.array_equal(runs[0].predictions["ml3"], runs[2].predictions["ml3"])


def test_the_steps_are_those_of_algorithm_2(
    make_learner, online_losses, stream, feed, online_config
):
    online = make_learner({"adam": online_losses["adam"]})
    feed(online, stream, 0, 2 * WINDOW)
    feed(online, stream, 2 * WINDOW, 3 * WINDOW, learn=False)
    learner = online.methods["adam"]
    theta, state = ({k: p.clone() for k, p in x.items()} for x in (learner.theta, learner.state))
    generator = torch.Generator()
    generator.set_state(online.generator.get_state())
    online.learn()
    seen = torch.full((STEPS,), 3 * WINDOW)
    rows = online_config.sampling.draw(seen, generator)
    expected = adapt(
        online_losses["adam"].learner(online.optimizee),
        theta,
        {},
        [online.samples.batch(row) for row in rows],
        state=state,
    )
    for k, p in expected.theta.items():
        assert torch.equal(learner.theta[k], p)
    assert float(learner.state["count"]) == 3 * STEPS
    assert learner.meta_loss_value == float(expected.meta_loss_value)


def test_a_loss_that_goes_on_learning_looks_at_samples_no_update_has_seen(
    make_learner, online_losses, stream, feed, online_config
):
    frozen = make_learner()
    online = make_learner(config=replace(online_config, loss_lr=1e-2))
    for learner in (frozen, online):
        feed(learner, stream, 0, WINDOW)
    method, phi = online.methods["ml3"], online_losses["ml3"].phi
    assert method.loss.phi is phi  # nothing came after the first updates yet
    assert torch.equal(
        torch.cat([p.flatten() for p in method.theta.values()]),
        torch.cat([p.flatten() for p in frozen.methods["ml3"].theta.values()]),
    )
    last = method.online.last
    feed(online, stream, WINDOW, 2 * WINDOW)
    later = online.samples.batch(slice(WINDOW, 2 * WINDOW))
    scale = torch.tensor(online_losses["ml3"].spec.target.scale)

    def foretold(phi):
        made = adapt(method.learner, last.theta, phi, [last.batch], state=last.state)
        error = online.optimizee.call(made.theta, later) - later["tau"]
        return float((error / scale).square().mean())

    assert foretold(method.loss.phi) < foretold(phi)
    assert frozen.methods["ml3"].loss.phi is phi
    assert online.methods["adam"].online is None  # no phi that could learn
    again = method.restarted(method.theta)
    assert again.online.last is None


def test_a_method_that_diverges_leaves_the_others_alone(
    make_learner, units, online_losses, stream, feed
):
    wild = squared_error(units, "tau", "sgd", 1e6)
    online, calm = make_learner({"wild": wild, **online_losses}), make_learner()
    last = feed(online, stream, 0, 6 * WINDOW)[-1]
    expected = feed(calm, stream, 0, 6 * WINDOW)[-1]
    with np.errstate(all="ignore"):
        assert not np.abs(last.predictions["wild"]).max() < 1e3
    for name in online_losses:
        np.testing.assert_array_equal(last.predictions[name], expected.predictions[name])


def test_predict_is_what_the_model_says(make_learner, stream, feed):
    online = make_learner()
    report = None
    feed(online, stream, 0, WINDOW)
    feed(online, stream, WINDOW, 2 * WINDOW, learn=False)
    states = list(zip(*(x[WINDOW : 2 * WINDOW] for x in stream[1:4]), strict=True))
    found = np.stack([online.predict("ml3", *state) for state in states])
    report = online.learn()
    np.testing.assert_allclose(found, report.predictions["ml3"], rtol=1e-4, atol=1e-6)


def test_snapshots_are_spaced_by_their_ratio(make_learner, stream, feed, online_config):
    config = replace(online_config, first_snapshot=8, snapshot_ratio=2.0)
    online = make_learner(config=config)
    feed(online, stream, 0, 400)
    assert [s.n_steps for s in online.snapshots] == [8, 16, 32, 64, 128]
    for snapshot in online.snapshots:
        n_samples = snapshot.n_steps // STEPS * WINDOW
        assert snapshot.t == stream[0][n_samples - 1]
        assert set(snapshot.thetas) == set(online.methods)


def test_a_last_snapshot_is_taken_once(make_learner, stream, feed):
    online = make_learner()
    feed(online, stream, 0, 11 * WINDOW)
    steps = [s.n_steps for s in online.snapshots]
    assert steps[-1] < online.n_steps
    online.take_snapshot()
    online.take_snapshot()
    assert [s.n_steps for s in online.snapshots] == [*steps, online.n_steps]
    assert online.snapshots[-1].t == stream[0][11 * WINDOW - 1]
    assert online.snapshots[-1].thetas["ml3"] is online.methods["ml3"].theta


def test_evaluation_is_the_nmse_of_snapshots_on_later_samples(make_learner, stream, feed):
    online = make_learner()
    feed(online, stream, 0, 160)
    feed(online, stream, 160, 300, learn=False)
    found = online.evaluate(160)
    steps = online.n_steps
    batch = online.samples.batch(slice(160, None))
    assert len(batch["tau"]) == 140
    for name, table in found.items():
        assert table.shape == (len(online.snapshots), 2)
        theta = online.snapshots[-1].thetas[name]
        expected = nmse(online.optimizee.call(theta, batch), batch["tau"]).detach()
        np.testing.assert_allclose(table[-1], expected, rtol=1e-6)
    assert online.n_steps == steps
    assert online.n_learned == 160


def test_the_process_that_adapts_needs_no_model_of_the_robot():
    code = (
        "import sys\n"
        "import ml3_ros.learners.inverse_dynamics.checkpoint\n"
        "import ml3_ros.tasks.inverse_dynamics.recipes\n"
        "import ml3_ros.learners.inverse_dynamics.squared_error\n"
        "print(sorted({'pinocchio', 'mujoco', 'higher'} & set(sys.modules)))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"
