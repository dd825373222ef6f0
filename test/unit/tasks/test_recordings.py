# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings: checked when made, and what a learner sees is kept from what is revealed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.errors import ConfigError, DataError
from ml3_ros.tasks.inverse_dynamics.streamed import recordings_from_stream


def test_observe_gives_the_chosen_samples_and_no_extra_information(numbered):
    tasks, samples = torch.tensor([1, 0, 1]), torch.tensor([[3, 59], [0, 1], [7, 7]])
    batch = numbered.observe(tasks, samples)
    assert set(batch) == {"q", "v", "a", "tau"}
    expected = torch.tensor([[1003.0, 1059.0], [0.0, 1.0], [1007.0, 1007.0]])
    for x in batch.values():
        assert torch.equal(x, expected.unsqueeze(-1).expand(-1, -1, 2))


def test_with_f_given_the_rest_of_the_torque_is_seen(numbered):
    batch = numbered.observe(torch.tensor([0]), torch.tensor([[10]]), given_nle=True)
    assert set(batch) == {"q", "v", "a", "tau", "tau_inertial"}
    assert batch["tau_inertial"].tolist() == [[[5.0, 5.0]]]


def test_reveal_belongs_to_the_same_samples(numbered):
    tasks, samples = torch.tensor([1, 0]), torch.tensor([[3, 59], [0, 1]])
    extra = numbered.reveal(tasks, samples)
    batch = numbered.observe(tasks, samples)
    assert set(extra) == {"inertia", "nle"}
    assert torch.equal(extra["nle"], batch["q"] / 2.0)
    assert torch.equal(extra["inertia"][..., 0], batch["q"])
    assert not replace(numbered, inertia=None, nle=None).reveal(tasks, samples)


def test_subset_takes_recordings_whole(numbered):
    part = numbered.subset(torch.tensor([1]))
    assert len(part) == 1
    assert part.n_samples == numbered.n_samples
    for name in ("q", "v", "a", "tau", "inertia", "nle"):
        assert torch.equal(getattr(part, name), getattr(numbered, name)[1:])
    assert replace(numbered, nle=None).subset(torch.tensor([0])).nle is None


def test_malformed_recordings_are_rejected(numbered):
    short = numbered.q[:, :10]
    for wrong in (
        {"v": short},
        {"tau": numbered.tau[..., :1]},
        {"q": numbered.q[0], "v": numbered.v[0], "a": numbered.a[0], "tau": numbered.tau[0]},
        {"inertia": numbered.inertia[..., 0]},
        {"nle": short},
        {name: getattr(numbered, name)[:0] for name in ("q", "v", "a", "tau", "inertia", "nle")},
    ):
        with pytest.raises(DataError, match="N, T, n"):
            replace(numbered, **wrong)
    for n_support in (0, -1, 60, 61):
        with pytest.raises(DataError, match=f"got {n_support} of 60; record longer"):
            replace(numbered, n_support=n_support)
    for name in ("q", "v", "a", "tau"):
        for value in (torch.nan, torch.inf):
            spoilt = getattr(numbered, name).clone()
            spoilt[1, 5, 0] = value
            with pytest.raises(DataError, match="NaN or infinite"):
                replace(numbered, **{name: spoilt})


def stream_signals(n_samples, n=2):
    number = np.repeat(np.arange(n_samples, dtype=float)[:, None], n, axis=1)
    signals = {name: number for name in ("q", "v", "a", "tau")}
    return {**signals, "nle": number, "inertia": np.repeat(number[:, :, None], n, axis=2)}


def test_a_stream_is_cut_into_overlapping_tasks():
    recordings = recordings_from_stream(stream_signals(100), 10.0, segment_seconds=3.0)
    assert recordings.q.shape == (5, 30, 2)
    assert recordings.inertia.shape == (5, 30, 2, 2)
    assert recordings.n_support == 20
    assert recordings.q.dtype == torch.float32
    for i, start in enumerate((0, 15, 30, 45, 60)):
        expected = torch.arange(start, start + 30, dtype=torch.float32)
        for x in (recordings.q, recordings.tau, recordings.nle, recordings.inertia[..., 0]):
            assert torch.equal(x[i, :, 0], expected)


def test_a_stream_without_the_prior_gives_recordings_without_it():
    signals = stream_signals(40)
    del signals["inertia"], signals["nle"]
    recordings = recordings_from_stream(signals, 10.0, segment_seconds=4.0)
    assert len(recordings) == 1
    assert recordings.inertia is None
    assert recordings.nle is None


def test_unusable_streams_are_rejected_with_the_reason():
    signals = stream_signals(100)
    with pytest.raises(DataError, match=r"100 samples \(10.0 s\).*120.*move longer"):
        recordings_from_stream(signals, 10.0, segment_seconds=12.0)
    with pytest.raises(DataError, match="lacks a, tau"):
        recordings_from_stream({"q": signals["q"], "v": signals["v"]}, 10.0)
    for name in ("tau", "inertia"):
        with pytest.raises(DataError, match=f"{name} has 99 samples, q has 100"):
            recordings_from_stream({**signals, name: signals[name][:-1]}, 10.0, segment_seconds=3)
    for share in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ConfigError, match="support_share"):
            recordings_from_stream(signals, 10.0, segment_seconds=3.0, support_share=share)
    spoilt = {**signals, "a": np.where(signals["a"] == 50.0, np.nan, signals["a"])}
    with pytest.raises(DataError, match="NaN or infinite"):
        recordings_from_stream(spoilt, 10.0, segment_seconds=3.0)
