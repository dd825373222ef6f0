# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Pushes on a recorded arm that stands still: found by what learned models leave, and drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.external_torque import real, real_output


@pytest.fixture(scope="module")
def run(recorded):
    """Return the config, what was measured, and one seed."""
    folder = recorded.folder
    config = real.RealContactConfig(data=str(folder), seeds=1, learn_seconds=10.0)
    shared = real.prepare(config, folder, print)
    return config, shared, real.run_seed(config, 0, shared, folder)


def test_pushes_are_found_and_measured(run, recorded):
    _, shared, seen = run
    at_work = shared["pushed"] & (np.abs(shared["tau"] - shared["tau"][50]).max(1) > 20.0)
    for name in ("robust_observer", "learned_observer"):
        torque = seen[f"torque/{name}"]
        np.testing.assert_allclose(-torque[at_work].mean(0)[:3], recorded.push[:3], rtol=0.3)
        assert seen[f"found/{name}"] == 1.0 and seen[f"false/{name}"] < 0.05
        assert (seen[f"free/{name}"][:3] < 0.3 * seen[f"largest/{name}"][:3]).all()
        assert seen[f"area/{name}"] > 0.7


def test_it_is_told_in_numbers_and_drawn(run, tmp_path):
    config, shared, seen = run
    reports = []
    figures = real_output.finish(config, {0: seen}, shared, tmp_path, reports.append)
    assert all(path.exists() for path in figures)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["headline"]["robust_observer/found"] == 1.0
    assert "nominal_observer/found" not in content["headline"]
    assert len(content["methods"]["robust_observer@largest"]["x"]) == 6
    assert "robust_observer" in reports[0]


def test_without_recordings_it_says_so(tmp_path):
    with pytest.raises(ConfigError, match="--data"):
        real.prepare(real.RealContactConfig(), tmp_path, print)


@pytest.mark.parametrize("fields", [{"seeds": 0}, {"learn_seconds": 0.0}, {"gain": 3.0}])
def test_settings_that_cannot_run_are_rejected(fields):
    with pytest.raises(ConfigError, match=next(iter(fields))):
        real.RealContactConfig(**fields)
