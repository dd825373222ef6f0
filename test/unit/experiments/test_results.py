# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Metrics files: their documented shape, and that what diverged stays visible."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.errors import DataError


def test_metrics_round_trip_with_infinity(tmp_path):
    metrics = Metrics(experiment="invdyn_test", config={"seeds": 2})
    metrics.add("sgd", (0, 10), np.array([[1.0, 0.5], [np.nan, np.inf]]))
    metrics.headline["sgd/diverged"] = 1.0
    path = metrics.save(tmp_path / "out")
    found = json.loads(path.read_text())
    assert found == {
        "experiment": "invdyn_test",
        "config": {"seeds": 2},
        "methods": {"sgd": {"x": [0, 10], "per_seed": [[1.0, 0.5], [math.inf, math.inf]]}},
        "headline": {"sgd/diverged": 1.0},
    }
    assert json.loads((tmp_path / "out" / "config.json").read_text()) == {"seeds": 2}


@pytest.mark.parametrize("shape", [(2,), (2, 2), (1, 2, 3)])
def test_curves_of_another_length_are_rejected(shape):
    with pytest.raises(DataError, match=r"sgd: per_seed must be \(seeds, 3\)"):
        Metrics(experiment="x", config={}).add("sgd", (0, 1, 2), np.zeros(shape))


def test_resolved_is_plain_json():
    @dataclass(frozen=True)
    class Inner:
        values: tuple[int, ...] = (1, 2)

    @dataclass(frozen=True)
    class Outer:
        inner: Inner = Inner()
        path: object = np.float64

    found = resolved(Outer())
    assert found["inner"] == {"values": [1, 2]}
    assert json.loads(json.dumps(found)) == found
    for wrong in (Outer, {"a": 1}):
        with pytest.raises(DataError, match="give a dataclass"):
            resolved(wrong)
