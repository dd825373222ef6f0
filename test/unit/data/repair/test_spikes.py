# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Spikes are left out and told; friction, noise and fast motion are none."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.recording import JointRecording, RecordingChecks
from ml3_ros.data.repair.spikes import without_spikes


def recording(seed=0, rate=100.0, seconds=20.0, noise=0.01, friction=1.0, smooth=False):
    rng = np.random.default_rng(seed)
    t = np.arange(0.0, seconds, 1.0 / rate)
    w = 2 * np.pi * rng.uniform(0.1, 0.8, (3, 1, 2))
    x = w * t[:, None] + rng.uniform(0, 6, (3, 1, 2))
    q, v = np.sin(x).sum(0), (w * np.cos(x)).sum(0)
    turn = np.tanh(v / 0.05) if smooth else np.sign(v)
    tau = 10.0 * np.cos(q) + friction * 5.0 * turn + noise * 10.0 * rng.normal(size=q.shape)
    return JointRecording(
        names=("a", "b"),
        t=t,
        q=q,
        v=v + 1e-3 * rng.normal(size=v.shape),
        tau=tau,
        start_ns=0,
        topic="",
        checks=RecordingChecks(messages=len(t)),
    )


@pytest.mark.parametrize("rate", [30.0, 125.0, 1000.0])
@pytest.mark.parametrize("seed", range(17))
def test_clean_recordings_have_none(seed, rate):
    rng = np.random.default_rng(seed)
    clean = recording(
        seed,
        rate,
        noise=rng.choice([0.0, 0.01, 0.2]),
        friction=rng.choice([0.1, 1.0, 20.0]),
        smooth=bool(seed % 2),
    )
    assert without_spikes(clean) is clean


@pytest.mark.parametrize(
    ("field", "word", "size"),
    [("tau", "effort", 30.0), ("q", "position", 1.0), ("v", "velocity", 20.0)],
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_spikes_are_left_out_and_told(field, word, size, sign):
    spoiled = recording()
    at = np.array([200, 333, 334, 700, 1400])
    getattr(spoiled, field)[at, 1] += sign * size
    mended = without_spikes(spoiled)
    assert not np.isin(spoiled.t[at], mended.t).any()
    assert len(spoiled.t) - len(mended.t) == len(at) == mended.checks.spikes
    assert mended.checks.problems[0].startswith(f"5 spikes in the {word} of b, up to ")
    assert "left out" in mended.checks.problems[0]


def test_a_value_that_drops_to_zero_is_a_spike_where_the_effort_is_large():
    spoiled = recording(friction=0.1)
    spoiled.tau[:, 0] += 40.0
    spoiled.tau[[100, 900], 0] = 0.0
    assert without_spikes(spoiled).checks.spikes == 2


def test_what_lasts_or_is_everywhere_is_no_spike():
    pushed = recording()
    pushed.tau[500:530, 0] += 40.0
    assert without_spikes(pushed) is pushed
    rough = recording()
    rough.tau[::20, 0] += 40.0
    assert without_spikes(rough) is rough
