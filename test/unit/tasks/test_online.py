"""Learning on a stream: predicted first, learned from afterwards, all methods alike."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.core.inner_loop import adapt
from ml3_ros.core.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError, DataError, LossFileError
from ml3_ros.tasks.inverse_dynamics.baseline_losses import squared_error
from ml3_ros.tasks.inverse_dynamics.family import SamplingConfig, nmse
from ml3_ros.tasks.inverse_dynamics.model import InverseDynamicsNet
from ml3_ros.tasks.inverse_dynamics.online import OnlineConfig, OnlineLearner
from ml3_ros.tasks.inverse_dynamics.online_checkpoint import learner_to_bytes, restore_learner

WINDOW, STEPS = 8, 4
CONFIG = OnlineConfig(sampling=SamplingConfig(steps_per_window=STEPS, window=WINDOW))


@pytest.fixture
def losses(units):
    spec = units.loss_spec("tau", ("v", "a"), architecture="structured", inner_lr=0.02)
    phi = spec.network().init(torch.Generator().manual_seed(0))
    return {
        "ml3": LearnedLoss(spec=spec, phi=phi),
        "adam": squared_error(units, "tau", "adam", 0.01),
    }


@pytest.fixture
def make(units, losses):
    def learner(chosen=None, config=CONFIG, seed=0):
        net = InverseDynamicsNet(units, nle="learned", hidden=(16,))
        return OnlineLearner(net, losses if chosen is None else chosen, config, seed=seed)

    return learner


def feed(online, stream, start, stop, learn=True):
    """Push samples start to stop, learn where possible and return the reports."""
    reports = []
    for row in zip(*(x[start:stop] for x in stream), strict=True):
        online.push(*row)
        report = online.learn() if learn else None
        reports += [report] if report else []
    return reports


def copy_of(theta):
    return {k: p.clone() for k, p in theta.items()}


def test_it_learns(make, stream):
    online = make()
    feed(online, stream, 0, 400)
    n_learned = len(online.samples)
    feed(online, stream, 400, 600, learn=False)
    assert online.n_steps == 400 // WINDOW * STEPS
    for table in online.evaluate(n_learned).values():
        assert table[-1].mean() < 0.5 * table[0].mean()
        assert table[-1].mean() < 0.5


def test_nothing_happens_before_a_window_is_full(make, stream):
    online = make()
    assert online.learn() is None
    for i in range(WINDOW - 1):
        online.push(*(x[i] for x in stream))
        assert online.learn() is None
    online.push(*(x[WINDOW - 1] for x in stream))
    report = online.learn()
    assert report.n_steps == online.n_steps == STEPS
    assert online.n_learned == WINDOW
    assert online.learn() is None


def test_a_backlog_is_worked_off_window_by_window(make, stream):
    together, one_by_one = make(), make()
    reports = feed(one_by_one, stream, 0, 4 * WINDOW)
    feed(together, stream, 0, 4 * WINDOW + 3, learn=False)
    late = [together.learn() for _ in range(5)]
    assert late[4] is None
    for found, expected in zip(late[:4], reports, strict=True):
        np.testing.assert_array_equal(found.t, expected.t)
        for name in expected.predictions:
            np.testing.assert_array_equal(found.predictions[name], expected.predictions[name])


def test_a_window_is_predicted_before_it_is_learned_from(make, stream):
    online = make()
    feed(online, stream, 0, 5 * WINDOW)
    feed(online, stream, 5 * WINDOW, 6 * WINDOW, learn=False)
    window = slice(5 * WINDOW, 6 * WINDOW)
    batch = {
        k: torch.tensor(x[window], dtype=torch.float32)
        for k, x in zip(("q", "v", "a"), stream[1:4], strict=True)
    }
    before = {
        name: online.optimizee.call(x.theta, batch).detach() for name, x in online.learners.items()
    }
    report = online.learn()
    np.testing.assert_array_equal(report.t, stream[0][window])
    np.testing.assert_allclose(report.tau, stream[4][window], rtol=1e-6)
    for name, learner in online.learners.items():
        np.testing.assert_array_equal(report.predictions[name], before[name])
        after = online.optimizee.call(learner.theta, batch).detach()
        assert not np.allclose(after, before[name])


@pytest.mark.parametrize("changed", [0, 1, 5])
def test_samples_that_came_later_change_nothing_earlier(make, stream, changed):
    """Other torques from some window on: all predictions up to there are the same."""
    t, q, v, a, tau = stream
    other = (t, q, v, a, np.where(np.arange(len(t))[:, None] < changed * WINDOW, tau, 0.0))
    reports = [feed(make(), x, 0, 7 * WINDOW) for x in (stream, other)]
    for i, (one, two) in enumerate(zip(*reports, strict=True)):
        for name in one.predictions:
            same = np.array_equal(one.predictions[name], two.predictions[name])
            assert same == (i <= changed)


def test_all_methods_start_alike_and_see_the_same_batches(make, losses, stream):
    twins = {"one": losses["ml3"], "two": losses["ml3"], "other": losses["adam"]}
    online, alone = make(twins), make({"one": losses["ml3"]})
    first, *rest = feed(online, stream, 0, 10 * WINDOW)
    np.testing.assert_array_equal(first.predictions["one"], first.predictions["other"])
    expected = feed(alone, stream, 0, 10 * WINDOW)[1:]
    for report, single in zip(rest, expected, strict=True):
        np.testing.assert_array_equal(report.predictions["one"], report.predictions["two"])
        np.testing.assert_array_equal(report.predictions["one"], single.predictions["one"])
    assert not np.array_equal(rest[-1].predictions["one"], rest[-1].predictions["other"])


def test_seeds_decide_models_and_batches(make, stream):
    runs = [feed(make(seed=seed), stream, 0, 3 * WINDOW)[-1] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(runs[0].predictions["ml3"], runs[1].predictions["ml3"])
    assert not np.array_equal(runs[0].predictions["ml3"], runs[2].predictions["ml3"])


def test_the_steps_are_those_of_algorithm_2(make, losses, stream):
    online = make({"adam": losses["adam"]})
    feed(online, stream, 0, 2 * WINDOW)
    feed(online, stream, 2 * WINDOW, 3 * WINDOW, learn=False)
    learner = online.learners["adam"]
    theta, state = copy_of(learner.theta), copy_of(learner.state)
    generator = torch.Generator()
    generator.set_state(online.generator.get_state())
    online.learn()
    seen = torch.full((STEPS,), 3 * WINDOW)
    rows = CONFIG.sampling.draw(seen, generator)
    expected = adapt(
        theta,
        {},
        [online.samples.batch(row) for row in rows],
        optimizee=online.optimizee,
        loss=losses["adam"].function(),
        inner_optimizer=losses["adam"].optimizer(online.optimizee),
        state=state,
    )
    for k, p in expected.theta.items():
        assert torch.equal(learner.theta[k], p)
    assert float(learner.state["count"]) == 3 * STEPS
    assert learner.meta_loss_value == float(expected.meta_loss_value)


def test_a_method_that_diverges_leaves_the_others_alone(make, units, losses, stream):
    wild = squared_error(units, "tau", "sgd", 1e6)
    online, calm = make({"wild": wild, **losses}), make()
    last = feed(online, stream, 0, 6 * WINDOW)[-1]
    expected = feed(calm, stream, 0, 6 * WINDOW)[-1]
    with np.errstate(all="ignore"):
        assert not np.abs(last.predictions["wild"]).max() < 1e3
    for name in losses:
        np.testing.assert_array_equal(last.predictions[name], expected.predictions[name])


def test_predict_is_what_the_model_says(make, stream):
    online = make()
    report = None
    feed(online, stream, 0, WINDOW)
    feed(online, stream, WINDOW, 2 * WINDOW, learn=False)
    states = list(zip(*(x[WINDOW : 2 * WINDOW] for x in stream[1:4]), strict=True))
    found = np.stack([online.predict("ml3", *state) for state in states])
    report = online.learn()
    np.testing.assert_allclose(found, report.predictions["ml3"], rtol=1e-4, atol=1e-6)


def test_snapshots_are_spaced_by_their_ratio(make, stream):
    config = replace(CONFIG, first_snapshot=8, snapshot_ratio=2.0)
    online = make(config=config)
    feed(online, stream, 0, 400)
    assert [s.n_steps for s in online.snapshots] == [8, 16, 32, 64, 128]
    for snapshot in online.snapshots:
        n_samples = snapshot.n_steps // STEPS * WINDOW
        assert snapshot.t == stream[0][n_samples - 1]
        assert set(snapshot.thetas) == set(online.learners)


def test_a_last_snapshot_is_taken_once(make, stream):
    online = make()
    feed(online, stream, 0, 11 * WINDOW)
    steps = [s.n_steps for s in online.snapshots]
    assert steps[-1] < online.n_steps
    online.take_snapshot()
    online.take_snapshot()
    assert [s.n_steps for s in online.snapshots] == [*steps, online.n_steps]
    assert online.snapshots[-1].t == stream[0][11 * WINDOW - 1]
    assert online.snapshots[-1].thetas["ml3"] is online.learners["ml3"].theta


def test_evaluation_is_the_nmse_of_snapshots_on_later_samples(make, stream):
    online = make()
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


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("signal", range(5))
def test_samples_that_are_not_finite_are_refused(make, stream, signal, value):
    online = make()
    feed(online, stream, 0, 5)
    for when in (online, make()):  # with samples and without
        row = [np.array(x[5]) for x in stream]
        row[signal] = value if signal == 0 else np.array([value, 0.0])
        n_samples = len(when.samples)
        with pytest.raises(DataError, match="refused"):
            when.push(*row)
        assert len(when.samples) == n_samples
        when.push(*(x[5] for x in stream))  # the stream goes on


@pytest.mark.parametrize("signal", [1, 2, 3, 4])
def test_samples_of_another_length_are_refused(make, stream, signal):
    online = make()
    for wrong in (np.zeros(3), np.zeros(1), np.zeros((1, 2)), 0.0):
        row = [x[0] for x in stream]
        row[signal] = wrong
        with pytest.raises(DataError, match=r"shape.*expected \(2,\)"):
            online.push(*row)
    assert len(online.samples) == 0


def test_time_must_increase(make, stream):
    online = make()
    t, *signals = (x[0] for x in stream)
    online.push(t, *signals)
    for earlier in (t, t - 1e-6, t - 100.0):
        with pytest.raises(DataError, match=r"does not come after.*clock"):
            online.push(earlier, *signals)
    online.push(t + 1e-3, *signals)
    assert len(online.samples) == 2


def test_samples_are_kept_in_order_however_many(make, stream):
    online = make()
    for i in range(2500):
        online.push(float(i), *(np.full(2, i + k) for k in range(4)))
    batch = online.samples.batch(slice(None))
    for k, name in enumerate(("q", "v", "a", "tau")):
        assert torch.equal(batch[name][:, 0], torch.arange(2500.0) + k)
    assert np.array_equal(online.samples.times(slice(10, 12)), [10.0, 11.0])
    chosen = online.samples.batch(torch.tensor([2400, 7]))
    assert chosen["q"][:, 1].tolist() == [2400.0, 7.0]


def test_losses_of_other_joints_are_refused(make, units, losses):
    other = replace(units, joint_names=("shoulder", "elbow"))
    wrong = squared_error(other, "tau", "sgd", 0.1)
    with pytest.raises(LossFileError, match=r"shoulder.*ml3 train"):
        make({"wrong": wrong})
    online = make()
    with pytest.raises(LossFileError, match=r"shoulder.*ml3 train"):
        online.replace_loss("ml3", wrong)
    assert online.learners["ml3"].loss is losses["ml3"]


def test_losses_that_look_at_what_a_stream_lacks_are_refused(make, units, losses):
    """A loss for F given compares with the torque that is left of tau, which nobody measures."""
    wrong = squared_error(units, "tau_inertial", "sgd", 0.1)
    with pytest.raises(LossFileError, match=r"tau_inertial.*q, v, a, tau"):
        make({"wrong": wrong})
    online = make()
    with pytest.raises(LossFileError, match=r"tau_inertial.*q, v, a, tau"):
        online.replace_loss("new", wrong)
    assert set(online.learners) == set(losses)


def test_learners_that_cannot_be_are_refused(make):
    with pytest.raises(ConfigError, match="no method"):
        make({})
    with pytest.raises(ConfigError, match="steps_per_window"):
        OnlineConfig(sampling=SamplingConfig())
    for wrong in ({"first_snapshot": 0}, {"snapshot_ratio": 1.0}, {"snapshot_ratio": math.nan}):
        with pytest.raises(ConfigError, match="snapshot"):
            OnlineConfig(**wrong)


def test_reset_gives_fresh_models_to_the_named_methods(make, stream):
    online = make()
    feed(online, stream, 0, 10 * WINDOW)
    before = {name: copy_of(learner.theta) for name, learner in online.learners.items()}
    n_samples, n_steps = len(online.samples), online.n_steps
    online.reset(["adam"], seed=5)
    for k, p in before["ml3"].items():
        assert torch.equal(online.learners["ml3"].theta[k], p)
    fresh = online.learners["adam"]
    assert not torch.equal(fresh.theta["skip.weight_0"], before["adam"]["skip.weight_0"])
    assert not fresh.theta["skip.weight_0"].any()
    assert float(fresh.state["count"]) == 0.0
    newest = online.samples.batch(slice(n_samples - WINDOW, None))["tau"].mean(0)
    at = {k: x[:1] for k, x in online.samples.batch(slice(0, 1)).items()}
    effort = torch.tensor(online.optimizee.units.effort)
    offset = online.optimizee.nle(fresh.theta, at["q"], at["v"])[0]
    assert torch.all((offset - newest).abs() < effort)
    assert (len(online.samples), online.n_steps) == (n_samples, n_steps)
    online.reset([], seed=5)
    for k, p in online.learners["adam"].theta.items():
        assert torch.equal(online.learners["ml3"].theta[k], p)
    feed(online, stream, n_samples, n_samples + WINDOW)
    assert online.n_steps == n_steps + STEPS


def test_reset_of_an_unknown_method_changes_nothing(make, stream):
    online = make()
    feed(online, stream, 0, 2 * WINDOW)
    before = learner_to_bytes(online)
    with pytest.raises(DataError, match=r"no method \['sgd'\]: there are \['adam', 'ml3'\]"):
        online.reset(["ml3", "sgd"], seed=5)
    assert learner_to_bytes(online) == before


def test_a_replaced_loss_trains_the_same_model_on(make, losses, stream):
    online, untouched = make(), make()
    feed(online, stream, 0, 5 * WINDOW)
    feed(untouched, stream, 0, 5 * WINDOW)
    theta = online.learners["ml3"].theta
    online.replace_loss("ml3", losses["adam"])
    assert online.learners["ml3"].theta is theta
    assert float(online.learners["ml3"].state["count"]) == 0.0
    last = feed(online, stream, 5 * WINDOW, 7 * WINDOW)[-1]
    expected = feed(untouched, stream, 5 * WINDOW, 7 * WINDOW)[-1]
    assert not np.array_equal(last.predictions["ml3"], expected.predictions["ml3"])
    np.testing.assert_array_equal(last.predictions["adam"], expected.predictions["adam"])


def test_a_method_that_comes_late_learns_too_and_disturbs_nobody(make, losses, stream):
    online, untouched = make({"adam": losses["adam"]}), make({"adam": losses["adam"]})
    feed(online, stream, 0, 10 * WINDOW)
    feed(untouched, stream, 0, 10 * WINDOW)
    online.replace_loss("ml3", losses["ml3"])
    assert not online.learners["ml3"].theta["skip.weight_0"].any()
    expected = make().learners["ml3"].theta["inertia_net.weight_0"]  # all start from one theta
    assert torch.equal(online.learners["ml3"].theta["inertia_net.weight_0"], expected)
    last = feed(online, stream, 10 * WINDOW, 40 * WINDOW)[-1]
    same = feed(untouched, stream, 10 * WINDOW, 40 * WINDOW)[-1]
    np.testing.assert_array_equal(last.predictions["adam"], same.predictions["adam"])
    first_with = next(i for i, s in enumerate(online.snapshots) if "ml3" in s.thetas)
    table = online.evaluate(40 * WINDOW - 100)["ml3"]
    assert first_with > 0
    assert np.isnan(table[:first_with]).all()
    assert np.isfinite(table[first_with:]).all()
    restored = make()
    restore_learner(restored, learner_to_bytes(online))
    np.testing.assert_array_equal(restored.evaluate(40 * WINDOW - 100)["ml3"], table)


@pytest.mark.parametrize("n_samples", [0, 3, 8 * WINDOW + 3])
def test_restored_equals_uninterrupted(make, stream, n_samples):
    whole, killed, restored = make(), make(), make(seed=9)
    expected = feed(whole, stream, 0, 200)
    done = feed(killed, stream, 0, n_samples)
    data = learner_to_bytes(killed)
    restore_learner(restored, data)
    assert learner_to_bytes(restored) == data
    rest = feed(restored, stream, n_samples, 200)
    for found, report in zip(rest, expected[len(done) :], strict=True):
        assert found.n_steps == report.n_steps
        for name in report.predictions:
            np.testing.assert_array_equal(found.predictions[name], report.predictions[name])
    assert learner_to_bytes(restored) == learner_to_bytes(whole)
    for name, table in whole.evaluate(100).items():
        np.testing.assert_array_equal(restored.evaluate(100)[name], table)


def test_checkpoints_of_other_runs_and_damaged_ones_are_refused(make, units, losses, stream):
    online = make()
    feed(online, stream, 0, 3 * WINDOW)
    data = learner_to_bytes(online)
    others = [
        make({"ml3": losses["ml3"]}),
        make({"ml3": losses["adam"], "adam": losses["adam"]}),
        make({"ml3": losses["ml3"], "sgd": losses["adam"]}),
        make(config=replace(CONFIG, sampling=replace(CONFIG.sampling, batch_size=16))),
        OnlineLearner(InverseDynamicsNet(units, hidden=(8,)), losses, CONFIG, seed=0),
    ]
    for other in others:
        before = learner_to_bytes(other)
        with pytest.raises(DataError, match="delete it to start anew"):
            restore_learner(other, data)
        assert learner_to_bytes(other) == before
    fresh = make()
    before = learner_to_bytes(fresh)
    flipped = bytearray(data)
    flipped[-1] ^= 1
    for damaged in (b"", b"hello", data[:-1], data[: len(data) // 2], bytes(flipped)):
        with pytest.raises(DataError, match=r"corrupt.*delete it"):
            restore_learner(fresh, damaged)
        assert learner_to_bytes(fresh) == before


def test_the_process_that_adapts_needs_no_model_of_the_robot():
    code = (
        "import sys\n"
        "import ml3_ros.tasks.inverse_dynamics.online_checkpoint\n"
        "import ml3_ros.tasks.inverse_dynamics.recipes\n"
        "import ml3_ros.tasks.inverse_dynamics.baseline_losses\n"
        "print(sorted({'pinocchio', 'mujoco', 'higher'} & set(sys.modules)))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["../escape", "a/b", "", ".hidden", "a b"])
def test_a_method_is_named_like_a_file(units, name):
    methods = {name: squared_error(units, "tau", "sgd", 0.1)}
    with pytest.raises(ConfigError, match="method name"):
        OnlineLearner(InverseDynamicsNet(units), methods, OnlineConfig(), seed=0)
