# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment on meta-reinforcement learning: rows, choices, intervals, and what is kept."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.metarl.config import METHODS, WORLDS, MetaRlConfig
from ml3_ros.experiments.metarl.output import finish, interval, quartile_mean
from ml3_ros.experiments.metarl.run import prepare, run_seed

TINY = MetaRlConfig(
    worlds=("point", "reacher_exploration"),
    methods=("contextual", "dream", "classical"),
    seeds=2,
    steps=1,
    learning_rates=(1e-3, 2e-3),
    n_trials=2,
    n_tasks=2,
)


def test_a_run_ends_in_tables_and_is_kept(tmp_path):
    said = []
    config = replace(TINY, methods=("contextual", "classical"))
    shared = prepare(config, tmp_path, said.append)
    assert set(shared) == {
        "point/contextual", "reacher_exploration/contextual", "reacher_exploration/classical",
    }  # fmt: skip
    assert all(float(lr) in TINY.learning_rates for lr in shared.values())
    seeds = {seed: run_seed(config, seed, shared, tmp_path) for seed in range(2)}
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    again = run_seed(config, 1, shared, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")} == written
    assert all(np.array_equal(again[key], seeds[1][key]) for key in again)
    figures = finish(config, seeds, shared, tmp_path / "out", said.append)
    assert all(path.exists() for path in figures)
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert set(found["methods"]) == {
        "contextual@point", "contextual@reacher_exploration", "classical@reacher_exploration",
    }  # fmt: skip
    assert found["headline"]["reacher_exploration/classical/inside"] > -0.6
    assert "told the task" in said[-1]
    (classical,) = [line for line in said[-1].splitlines() if line.startswith("classical")]
    assert "none" in classical  # it has meta-trained on nothing


def test_methods_are_given_the_same_worlds_but_classical_ones_those_of_arms():
    assert MetaRlConfig().rows("reacher_dynamics") == tuple(METHODS)
    assert "classical" not in MetaRlConfig().rows("point")
    assert len(WORLDS) == 10


def test_quartile_means_leave_out_the_ends():
    assert quartile_mean(np.array([1e9, 1.0, 2.0, -1e9])) == pytest.approx(1.5)
    middle, low, high = interval(np.random.default_rng(0).normal(3.0, 1.0, (5, 64)))
    assert low < middle < high
    assert middle == pytest.approx(3.0, abs=0.2)
    assert high - low < 0.8


def test_what_cannot_be_run_is_rejected():
    with pytest.raises(ConfigError, match="worlds must be some of point"):
        MetaRlConfig(worlds=("moon",))
    with pytest.raises(ConfigError, match="methods must be some of"):
        MetaRlConfig(methods=())
    with pytest.raises(ConfigError, match="learning_rates"):
        MetaRlConfig(learning_rates=(0.0,))
