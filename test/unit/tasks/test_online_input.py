# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a learner on a stream rejects, and how: samples, losses, settings."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.errors import ConfigError, DataError, LossFileError
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.online import OnlineConfig, OnlineLearner
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("signal", range(5))
def test_samples_that_are_not_finite_are_rejected(make_learner, stream, signal, value, feed):
    online = make_learner()
    feed(online, stream, 0, 5)
    for when in (online, make_learner()):  # with samples and without
        row = [np.array(x[5]) for x in stream]
        row[signal] = value if signal == 0 else np.array([value, 0.0])
        n_samples = len(when.samples)
        with pytest.raises(DataError, match="rejected"):
            when.push(*row)
        assert len(when.samples) == n_samples
        when.push(*(x[5] for x in stream))  # the stream goes on


@pytest.mark.parametrize("signal", [1, 2, 3, 4])
def test_samples_of_another_length_are_rejected(make_learner, stream, signal):
    online = make_learner()
    for wrong in (np.zeros(3), np.zeros(1), np.zeros((1, 2)), 0.0):
        row = [x[0] for x in stream]
        row[signal] = wrong
        with pytest.raises(DataError, match=r"shape.*expected \(2,\)"):
            online.push(*row)
    assert len(online.samples) == 0


def test_time_must_increase(make_learner, stream):
    online = make_learner()
    t, *signals = (x[0] for x in stream)
    online.push(t, *signals)
    for earlier in (t, t - 1e-6, t - 100.0):
        with pytest.raises(DataError, match=r"does not come after.*clock"):
            online.push(earlier, *signals)
    online.push(t + 1e-3, *signals)
    assert len(online.samples) == 2


def test_samples_are_kept_in_order_however_many(make_learner, stream):
    online = make_learner()
    for i in range(2500):
        online.push(float(i), *(np.full(2, i + k) for k in range(4)))
    batch = online.samples.batch(slice(None))
    for k, name in enumerate(("q", "v", "a", "tau")):
        assert torch.equal(batch[name][:, 0], torch.arange(2500.0) + k)
    assert np.array_equal(online.samples.times(slice(10, 12)), [10.0, 11.0])
    chosen = online.samples.batch(torch.tensor([2400, 7]))
    assert chosen["q"][:, 1].tolist() == [2400.0, 7.0]


def test_losses_of_other_joints_are_rejected(make_learner, units, online_losses):
    other = replace(units, joint_names=("shoulder", "elbow"))
    wrong = squared_error(other, "tau", "sgd", 0.1)
    with pytest.raises(LossFileError, match=r"shoulder.*ml3 train"):
        make_learner({"wrong": wrong})
    online = make_learner()
    with pytest.raises(LossFileError, match=r"shoulder.*ml3 train"):
        online.replace_loss("ml3", wrong)
    assert online.methods["ml3"].loss is online_losses["ml3"]


def test_losses_that_look_at_what_a_stream_lacks_are_rejected(make_learner, units, online_losses):
    """A loss for F given compares with the torque that is left of tau, which nobody measures."""
    wrong = squared_error(units, "tau_inertial", "sgd", 0.1)
    with pytest.raises(LossFileError, match=r"tau_inertial.*q, v, a, tau"):
        make_learner({"wrong": wrong})
    online = make_learner()
    with pytest.raises(LossFileError, match=r"tau_inertial.*q, v, a, tau"):
        online.replace_loss("new", wrong)
    assert set(online.methods) == set(online_losses)


def test_invalid_learners_are_rejected(make_learner):
    with pytest.raises(ConfigError, match="no method"):
        make_learner({})
    with pytest.raises(ConfigError, match="steps_per_window"):
        OnlineConfig(sampling=SamplingConfig())
    for wrong in ({"first_snapshot": 0}, {"snapshot_ratio": 1.0}, {"snapshot_ratio": math.nan}):
        with pytest.raises(ConfigError, match="snapshot"):
            OnlineConfig(**wrong)


@pytest.mark.parametrize("name", ["../escape", "a/b", "", ".hidden", "a b"])
def test_a_method_is_named_like_a_file(units, name):
    methods = {name: squared_error(units, "tau", "sgd", 0.1)}
    with pytest.raises(ConfigError, match="method name"):
        OnlineLearner(InverseDynamicsNet(units), methods, OnlineConfig(), seed=0)
