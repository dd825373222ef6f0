# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A learner on a stream that is reset, given other losses, killed, and continued."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.core.checkpoints import pack, unpack
from ml3_ros.errors import DataError
from ml3_ros.learners.inverse_dynamics.checkpoint import learner_to_bytes, restore_learner
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.online import OnlineLearner

WINDOW, STEPS = 8, 4  # of online_config


def copy_of(theta):
    return {k: p.clone() for k, p in theta.items()}


def test_reset_gives_fresh_models_to_the_named_methods(make_learner, stream, feed):
    online = make_learner()
    feed(online, stream, 0, 10 * WINDOW)
    before = {name: copy_of(learner.theta) for name, learner in online.methods.items()}
    n_samples, n_steps = len(online.samples), online.n_steps
    online.reset(["adam"], seed=5)
    for k, p in before["ml3"].items():
        assert torch.equal(online.methods["ml3"].theta[k], p)
    fresh = online.methods["adam"]
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
    for k, p in online.methods["adam"].theta.items():
        assert torch.equal(online.methods["ml3"].theta[k], p)
    feed(online, stream, n_samples, n_samples + WINDOW)
    assert online.n_steps == n_steps + STEPS


def test_a_report_keeps_its_own_numbers_and_not_the_buffer(make_learner, stream, feed):
    online = make_learner()
    report = feed(online, stream, 0, WINDOW)[-1]
    assert not np.shares_memory(report.tau, online.samples.batch(slice(None))["tau"].numpy())


def test_reset_of_an_unknown_method_changes_nothing(make_learner, stream, feed):
    online = make_learner()
    feed(online, stream, 0, 2 * WINDOW)
    before = learner_to_bytes(online)
    with pytest.raises(DataError, match=r"no method \['sgd'\]: there are \['adam', 'ml3'\]"):
        online.reset(["ml3", "sgd"], seed=5)
    assert learner_to_bytes(online) == before


def test_a_replaced_loss_trains_the_same_model_on(make_learner, online_losses, stream, feed):
    online, untouched = make_learner(), make_learner()
    feed(online, stream, 0, 5 * WINDOW)
    feed(untouched, stream, 0, 5 * WINDOW)
    theta = online.methods["ml3"].theta
    online.replace_loss("ml3", online_losses["adam"])
    assert online.methods["ml3"].theta is theta
    assert float(online.methods["ml3"].state["count"]) == 0.0
    last = feed(online, stream, 5 * WINDOW, 7 * WINDOW)[-1]
    expected = feed(untouched, stream, 5 * WINDOW, 7 * WINDOW)[-1]
    assert not np.array_equal(last.predictions["ml3"], expected.predictions["ml3"])
    np.testing.assert_array_equal(last.predictions["adam"], expected.predictions["adam"])


def test_a_method_that_comes_late_learns_too_and_disturbs_nobody(
    make_learner, online_losses, stream, feed
):
    online, untouched = (
        make_learner({"adam": online_losses["adam"]}),
        make_learner({"adam": online_losses["adam"]}),
    )
    feed(online, stream, 0, 10 * WINDOW)
    feed(untouched, stream, 0, 10 * WINDOW)
    online.replace_loss("ml3", online_losses["ml3"])
    assert not online.methods["ml3"].theta["skip.weight_0"].any()
    expected = (
        make_learner().methods["ml3"].theta["inertia_net.weight_0"]
    )  # all start from one theta
    assert torch.equal(online.methods["ml3"].theta["inertia_net.weight_0"], expected)
    last = feed(online, stream, 10 * WINDOW, 40 * WINDOW)[-1]
    same = feed(untouched, stream, 10 * WINDOW, 40 * WINDOW)[-1]
    np.testing.assert_array_equal(last.predictions["adam"], same.predictions["adam"])
    first_with = next(i for i, s in enumerate(online.snapshots) if "ml3" in s.thetas)
    table = online.evaluate(40 * WINDOW - 100)["ml3"]
    assert first_with > 0
    assert np.isnan(table[:first_with]).all()
    assert np.isfinite(table[first_with:]).all()
    restored = make_learner()
    restore_learner(restored, learner_to_bytes(online))
    np.testing.assert_array_equal(restored.evaluate(40 * WINDOW - 100)["ml3"], table)


@pytest.mark.parametrize("n_samples", [0, 3, 8 * WINDOW + 3])
def test_restored_equals_uninterrupted(make_learner, stream, n_samples, feed):
    whole, killed, restored = make_learner(), make_learner(), make_learner(seed=9)
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


def test_checkpoints_of_other_runs_and_damaged_ones_are_rejected(
    make_learner, units, online_losses, stream, feed, online_config
):
    online = make_learner()
    feed(online, stream, 0, 3 * WINDOW)
    data = learner_to_bytes(online)
    others = [
        make_learner({"ml3": online_losses["ml3"]}),
        make_learner({"ml3": online_losses["adam"], "adam": online_losses["adam"]}),
        make_learner({"ml3": online_losses["ml3"], "sgd": online_losses["adam"]}),
        make_learner(
            config=replace(online_config, sampling=replace(online_config.sampling, batch_size=16))
        ),
        OnlineLearner(
            InverseDynamicsNet(units, hidden=(8,)), online_losses, online_config, seed=0
        ),
    ]
    for other in others:
        before = learner_to_bytes(other)
        with pytest.raises(DataError, match="delete it to start anew"):
            restore_learner(other, data)
        assert learner_to_bytes(other) == before
    fresh = make_learner()
    before = learner_to_bytes(fresh)
    flipped = bytearray(data)
    flipped[-1] ^= 1
    for damaged in (b"", b"hello", data[:-1], data[: len(data) // 2], bytes(flipped)):
        with pytest.raises(DataError, match=r"corrupt.*delete it"):
            restore_learner(fresh, damaged)
        assert learner_to_bytes(fresh) == before


@pytest.mark.parametrize(
    "change",
    [
        {"n_learned": 10**400},
        {"n_learned": 1.5},
        {"n_steps": True},
        {"n_steps": None},
        {"learn_until": "soon"},
        {"learn_until": float("nan")},
        {"snapshots": None},
        {"snapshots": [[1, 0.0, ["ml3"]], [2, 0.0, ["nobody"]]]},
        {"snapshots": [[1, 0.0]]},
        {"snapshots": [[float("nan"), 0.0, []]]},
    ],
)
def test_checkpoints_whose_header_lies_change_nothing(make_learner, stream, feed, change):
    online, fresh = make_learner(), make_learner()
    feed(online, stream, 0, 3 * WINDOW)
    tensors, header = unpack(learner_to_bytes(online))
    before = learner_to_bytes(fresh)
    with pytest.raises(DataError, match=r"corrupt.*delete it"):
        restore_learner(fresh, pack(tensors, header | change))
    assert learner_to_bytes(fresh) == before


@pytest.mark.parametrize("name", ["samples.q", "times", "generator"])
def test_checkpoints_whose_tensors_do_not_fit_change_nothing(make_learner, stream, feed, name):
    online, fresh = make_learner(), make_learner()
    feed(online, stream, 0, 3 * WINDOW)
    tensors, header = unpack(learner_to_bytes(online))
    before = learner_to_bytes(fresh)
    for wrong in (tensors[name][:-1], torch.full((3,), float("nan")), None):
        others = {k: p for k, p in tensors.items() if k != name}
        changed = others if wrong is None else others | {name: wrong}
        with pytest.raises(DataError, match=r"corrupt.*delete it"):
            restore_learner(fresh, pack(changed, header))
        assert learner_to_bytes(fresh) == before


@pytest.mark.parametrize("count", [float("nan"), -1.0, 2.5])
def test_checkpoints_with_invalid_counts_change_nothing(make_learner, stream, feed, count):
    online, fresh = make_learner(), make_learner()
    feed(online, stream, 0, 3 * WINDOW)
    tensors, header = unpack(learner_to_bytes(online))
    before = learner_to_bytes(fresh)
    for name in online.methods:
        changed = tensors | {f"state.{name}/count": torch.tensor(count)}
        with pytest.raises(DataError, match=r"corrupt.*no number of steps"):
            restore_learner(fresh, pack(changed, header))
    assert learner_to_bytes(fresh) == before
