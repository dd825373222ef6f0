# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What an arm carries is found, with intervals that hold it, in one go or sample by sample."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from ml3_ros.cli.main import main
from ml3_ros.data.bags.writer import write_joint_states
from ml3_ros.errors import ConfigError, DataError
from ml3_ros.identification.fits import Explained
from ml3_ros.identification.models.scores import nmse
from ml3_ros.identification.physical.config import PhysicalConfig
from ml3_ros.identification.physical.fit import physical_fit
from ml3_ros.identification.physical.identified_file import described, save_identified
from ml3_ros.identification.physical.inertia import is_physical
from ml3_ros.identification.physical.payload import PayloadEstimator
from ml3_ros.identification.physical.payload_recording import error_after, payload_of
from ml3_ros.identification.split import SplitConfig, block_rows

MASS, CENTRE = 2.0, np.array([0.03, -0.02, 0.15])
BODY = np.diag([0.01, 0.012, 0.006])  # about the centre [kg m^2]


def payload_parameters():
    about = BODY + MASS * (CENTRE @ CENTRE * np.eye(3) - np.outer(CENTRE, CENTRE))
    moments = [about[i, j] for i, j in ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))]
    return np.array([MASS, *(MASS * CENTRE), *moments])


@pytest.fixture(scope="module")
def arm(truth):
    rows = block_rows(truth.recording(40.0, seed=1, noise=0.1), SplitConfig())
    data = Explained.by(truth.nominal, rows)
    config = PhysicalConfig(strengths=(1.0,), passes=1, scale_spread=0.01)
    physical = physical_fit(data, truth.nominal.inertial_parameters(), config=config)
    return described(physical.arm, truth.nominal.description)


def test_a_payload_is_found_within_its_intervals(truth, arm):
    recording = truth.recording(10.0, seed=5, noise=0.1, payload=payload_parameters())
    payload = payload_of(recording, arm)
    assert payload.mass == pytest.approx(MASS, rel=0.05)
    assert np.allclose(payload.centre, CENTRE, atol=0.01)
    low, high = payload.mass_interval
    assert low < MASS < high and high - low < 0.4
    assert (payload.centre_interval[0] < CENTRE).all() and (
        payload.centre_interval[1] > CENTRE
    ).all()
    assert is_physical(payload.parameters)
    rows = block_rows(truth.recording(20.0, seed=8, payload=payload_parameters()), SplitConfig())
    data = Explained.by(truth.nominal, rows)
    left = [
        nmse(x.effort(data.regressor, rows.v, rows.a, rows.strain), rows.tau).mean()
        for x in (payload.arm, arm)
    ]
    assert left[0] < 0.01 and left[0] < 0.1 * left[1]


def test_where_nothing_follows_no_error_is_told(truth, arm):
    recording = truth.recording(6.0, seed=5)
    assert error_after(recording, arm, np.inf) is None
    assert error_after(recording, arm, 5.9) is None
    left = error_after(recording, arm, 3.0)
    assert left is not None and left < 0.01


def test_an_empty_hand_weighs_nothing_to_speak_of(truth, arm):
    payload = payload_of(truth.recording(10.0, seed=5, noise=0.1), arm)
    assert payload.mass < 0.1 and payload.mass_interval[1] < 0.2


def test_a_stream_tells_what_the_batch_tells(truth, arm):
    recording = truth.recording(6.0, seed=5, noise=0.1, payload=payload_parameters())
    a = np.gradient(recording.v, 0.01, axis=0)
    one, many = PayloadEstimator(arm), PayloadEstimator(arm)
    one.update(recording.q, recording.v, a, recording.tau)
    for sample in zip(recording.q, recording.v, a, recording.tau, strict=True):
        many.update(*sample)
    assert many.samples == one.samples == len(a)
    assert np.allclose(one.estimate().parameters, many.estimate().parameters, rtol=1e-6, atol=1e-9)


def test_too_little_and_bad_input_are_refused(truth, arm):
    estimator = PayloadEstimator(arm)
    zero = np.zeros(7)
    with pytest.raises(DataError, match="too few"):
        estimator.estimate()
    with pytest.raises(DataError, match="all alike and finite"):
        estimator.update(zero, zero, zero, np.full(7, np.nan))
    with pytest.raises(DataError, match="all alike and finite"):
        estimator.update(zero, zero, zero, np.zeros(6))
    assert estimator.samples == 0


def test_the_command_prints_and_writes(truth, arm, tmp_path, capsys):
    before, out = tmp_path / "identified.json", tmp_path / "with.json"
    save_identified(before, arm)
    recording = truth.recording(10.0, seed=5, noise=0.1, payload=payload_parameters())
    write_joint_states(tmp_path / "bag", recording)
    words = ["payload", "--bag", str(tmp_path / "bag"), "--before", str(before), "--out", str(out)]
    assert main([*words, "seconds=8"]) == 0
    printed = capsys.readouterr().out
    rest = re.search(r"rest of the recording .* ([0-9.e-]+) with .* ([0-9.e-]+) without", printed)
    assert rest and float(rest[1]) < 0.2 * float(rest[2])
    mass = re.search(r"mass +([0-9.]+) kg", printed)
    assert mass and float(mass[1]) == pytest.approx(MASS, rel=0.05)
    assert "90 % intervals" in printed
    assert out.exists()
    assert main(["payload", "--bag", str(tmp_path / "bag"), "--before", str(tmp_path / "no")]) == 2
    assert "ml3 identify" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [(), (0.0,), (1.0, math.nan)])
def test_strengths_that_are_no_positive_numbers_are_rejected(wrong):
    with pytest.raises(ConfigError, match="strengths"):
        PhysicalConfig(strengths=wrong)
