# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Physical model and network on top of it: what each learns, how they travel and start anew."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load

from ml3_ros.core.tensor_files import read_header, write_tensors
from ml3_ros.errors import DataError, LossFileError
from ml3_ros.identification.live.companion import ON_TOP, PHYSICAL, PhysicalCompanion
from ml3_ros.identification.live.gate import GateConfig
from ml3_ros.identification.live.model_file import physical_from_bytes
from ml3_ros.identification.live.network_on_top import NetworkOnTop
from ml3_ros.identification.live.physical_model import PhysicalModelConfig
from ml3_ros.learners.inverse_dynamics.checkpoint import learner_to_bytes, restore_learner
from ml3_ros.learners.inverse_dynamics.net import net_of
from ml3_ros.learners.inverse_dynamics.online import OnlineConfig, OnlineLearner
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.zoo import shipped_loss

RATE = 50.0
REACHER = load_robot("reacher")
QUICK = PhysicalModelConfig(fit="least_squares")


def states(count, seed=0):
    """Return a smooth motion of a Reacher (T, 3, 2), and its torque with friction like a step."""
    rng = np.random.default_rng(seed)
    t = np.arange(count) / RATE
    frequency, phase = rng.uniform(1.0, 3.0, (2, 2)), rng.uniform(0.0, 6.0, (2, 2))
    angle = frequency[..., None] * t + phase[..., None]
    q = np.sin(angle).sum(0).T
    v = (frequency[..., None] * np.cos(angle)).sum(0).T
    a = -(frequency[..., None] ** 2 * np.sin(angle)).sum(0).T
    arm = PinocchioModel(REACHER)
    friction = 0.02 * np.sign(v) * (1.0 + 2.0 * np.exp(-np.square(v / 0.6)))
    return t, q, v, a, arm.rnea(q, v, a) + friction


def stream(companion, count, seed=0):
    """Let a companion learn a motion; return its predictions by method, and the torque."""
    told = []
    t, q, v, a, tau = states(count, seed)
    for k in range(count):
        told.append(companion.predict(q[k], v[k], a[k]))
        companion.learn(t[k], q[k], v[k], a[k], tau[k])
    return {name: np.stack([x[name] for x in told]) for name in told[0]}, tau


def companion(**options):
    return PhysicalCompanion(REACHER, QUICK, **options)


@pytest.fixture(scope="module")
def learned():
    """Return a companion after half a minute, what it said, the torque, and what it reported."""
    texts = []
    made = companion(report=texts.append, gate=GateConfig(seconds=2.0))
    return made, *stream(made, 1500), texts


def test_a_network_is_let_through_where_it_explains_what_the_physical_model_cannot(learned):
    made, told, tau, texts = learned
    assert made.gate.open and "let through" in texts[0] and "of that without it" in texts[0]
    late = slice(1000, None)
    error = {name: np.square(x - tau)[late].mean() for name, x in told.items()}
    assert error[ON_TOP] < 0.5 * error[PHYSICAL]
    before = [np.array_equal(*pair) for pair in zip(told[ON_TOP], told[PHYSICAL], strict=True)]
    assert all(before[:90])  # shut, until the network has shown that it helps


def test_a_network_that_is_shut_out_adds_nothing():
    made = companion(gate=GateConfig(seconds=2.0, opens=1e-6))
    told, _ = stream(made, 400)
    without, with_network = made._predicted
    assert not made.gate.open and np.abs(with_network - without).max() > 1e-4
    np.testing.assert_array_equal(told[ON_TOP], told[PHYSICAL])


def test_both_travel_to_a_controller(learned):
    made, *_ = learned
    _, q, v, a, _ = states(20, seed=1)
    arm = PinocchioModel(REACHER)
    there = {name: physical_from_bytes(data, arm) for name, data in made.models().items()}
    batch = {k: torch.from_numpy(x).float() for k, x in (("q", q), ("v", v), ("a", a))}
    here = made.evaluate(made.snapshot(), batch)
    for name, torque in there.items():
        found = [torque(*state) for state in zip(q, v, a, strict=True)]
        np.testing.assert_allclose(found, here[name], atol=1e-5)
    assert np.abs(here[ON_TOP] - here[PHYSICAL]).max() > 1e-3
    with pytest.raises(DataError, match="another arm"):
        physical_from_bytes(made.models()[ON_TOP], PinocchioModel(load_robot("sawyer")))


def test_a_damaged_model_is_rejected(learned):
    data = learned[0].models()[ON_TOP]
    header, tensors, arm = read_header(data)[0], load(data), PinocchioModel(REACHER)

    def made(changed, **fields):
        return write_tensors(changed, json.dumps(header | fields))

    names = [name for name in tensors if name.startswith("network.")]
    nan = tensors | {names[0]: torch.full_like(tensors[names[0]], torch.nan)}
    less = {name: x for name, x in tensors.items() if name != names[0]}
    for wrong in (data[:-9], made(nan), made(less), made(tensors, units="no")):
        with pytest.raises(DataError, match="not used"):
            physical_from_bytes(wrong, arm)


def test_only_what_is_asked_for_is_learned():
    made = companion(names=(PHYSICAL,))
    told, _ = stream(made, 60)
    assert set(told) == set(made.models()) == {PHYSICAL}
    assert made.updates == 2


def test_it_begins_anew():
    made = companion()
    first, _ = stream(made, 200)
    made.reset()
    again, _ = stream(made, 200)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])


def learner():
    units = Units.from_samples(REACHER.names, *(np.random.default_rng(0).normal(size=(3, 50, 2))))
    config = OnlineConfig(sampling=SamplingConfig(steps_per_window=1))
    return OnlineLearner(net_of(units, "reacher"), {}, config, seed=0, companions=[companion()])


def push(online, rows):
    t, q, v, a, tau = states(400)
    reports = []
    for k in rows:
        online.push(t[k], q[k], v[k], a[k], tau[k])
        while report := online.learn():
            reports.append(report)
    return reports


def test_a_restart_goes_on_where_it_was():
    """Also in the middle of a window."""
    whole, online = learner(), learner()
    expected = push(whole, range(300))
    push(online, range(203))
    restored = learner()
    restore_learner(restored, learner_to_bytes(online))
    reports = push(restored, range(203, 300))
    assert [x.n_steps for x in reports] == [x.n_steps for x in expected[25:]]
    for found, one in zip(reports, expected[25:], strict=True):
        assert set(found.predictions) == {PHYSICAL, ON_TOP}
        for name, x in one.predictions.items():
            # samples are kept in single precision
            np.testing.assert_allclose(found.predictions[name], x, atol=1e-3)


def test_frozen_companions_predict_and_learn_no_more():
    online = learner()
    push(online, range(200))
    online.freeze()
    updates = online.companions.each[0].updates
    push(online, range(200, 300))
    assert online.companions.each[0].updates == updates
    table = online.evaluate(200)
    assert set(table) == set(online.names) == {PHYSICAL, ON_TOP}
    assert np.isfinite(table[PHYSICAL][-1]).all()


def test_reset_is_for_all_methods_or_for_those_named():
    online = learner()
    push(online, range(100))
    assert online.companions.each[0].updates > 0
    with pytest.raises(DataError, match="physical_and_network"):
        online.reset(["no_method"], 1)
    online.reset([PHYSICAL], 1)
    assert online.companions.each[0].updates == 0


def test_a_loss_of_another_kind_is_rejected():
    with pytest.raises(LossFileError, match="network_on_model"):
        NetworkOnTop(shipped_loss("touched_arm"), REACHER.names, np.ones(2), 0.05)


class Failing(PhysicalCompanion):
    """Fails at a sample: with an error of its own, or because it cannot use it."""

    def fails(self, at, error):
        self.at, self.error, self.seen = at, error, 0
        return self

    def learn(self, *sample):
        self.seen += 1
        if self.seen == self.at:
            raise self.error
        super().learn(*sample)


def failing(error):
    units = Units.from_samples(REACHER.names, *(np.random.default_rng(0).normal(size=(3, 50, 2))))
    losses = {"adam": squared_error(units, "tau", "adam", 0.01)}
    config = OnlineConfig(sampling=SamplingConfig(steps_per_window=1))
    one = Failing(REACHER, QUICK, names=(PHYSICAL,)).fails(30, error)
    return OnlineLearner(net_of(units, "reacher"), losses, config, seed=0, companions=[one])


def test_a_companion_that_fails_ends_alone_and_goes_on_predicting():
    online = failing(RuntimeError("no more"))
    reports = push(online, range(96))
    assert len(reports) == 12 and online.ended()[PHYSICAL].reason.endswith("no more")
    assert np.isfinite(reports[-1].predictions[PHYSICAL]).all() and online.n_steps == 12
    assert online.companions.each[0].seen == 30  # it is asked to learn no more
    online.reset([PHYSICAL], 0)
    assert not online.ended()


def test_a_sample_that_a_companion_rejects_is_told_and_nothing_ends():
    online = failing(DataError("too large"))
    with pytest.raises(DataError, match="too large"):
        push(online, range(30))
    reports = push(online, range(30, 96))
    assert sum(len(x.t) for x in reports) == 72 and not online.ended()
    assert all(np.isfinite(x.predictions[PHYSICAL]).all() for x in reports)
