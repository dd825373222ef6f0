# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tuning finds numbers that are bracketed, also far from where it begins, and within bounds."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.experiments.payload.rivals import Rival, not_adapting
from ml3_ros.experiments.payload.tuning import tuned


def test_numbers_are_found_one_after_the_other():
    asked: list[tuple[float, float]] = []

    def score(numbers):
        a, b = np.log(numbers["a"] / 40.0), np.log(numbers["b"] / 0.02)
        asked.append((numbers["a"], numbers["b"]))
        return a**2 + b**2 + 0.5 * a * b

    rival = Rival(not_adapting, {"a": (0.1, 1.0, 10.0), "b": (1.0, 10.0)})
    found = tuned(rival, score)
    assert abs(np.log(found["a"] / 40.0)) < np.log(3.0)
    assert abs(np.log(found["b"] / 0.02)) < np.log(3.0)
    assert len(asked) == len(set(asked))  # none is tried twice
    best = score(found)
    for name in found:  # bracketed: neighbours are worse
        assert score(found | {name: 3.0 * found[name]}) > best
        assert score(found | {name: found[name] / 3.0}) > best


def test_a_rival_without_numbers_needs_no_score():
    assert tuned(Rival(not_adapting), lambda numbers: pytest.fail("scored")) == {}


def test_numbers_stay_below_their_bounds_and_failures_count():
    rival = Rival(not_adapting, {"share": (0.1, 0.3, 0.9)}, {"share": (0.0, 0.95)})

    def score(numbers):
        assert numbers["share"] < 0.95
        return np.nan if numbers["share"] > 0.5 else -numbers["share"]

    assert tuned(rival, score) == {"share": pytest.approx(0.3)}
