# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment on meta-reinforcement learning: rows, choices, intervals, and what is kept."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.metarl.config import METHODS, WORLDS, MetaRlConfig
from ml3_ros.experiments.metarl.output import finish, interval, quartile_mean
from ml3_ros.experiments.metarl.run import prepare, run_seed
from ml3_ros.experiments.page.metrics_view import MetricsView
from ml3_ros.experiments.page.page import results_page
from ml3_ros.experiments.registry import SECTIONS

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
    # the exploring world has its four tasks alone: nothing of it is called outside
    outside = {key for key in found["headline"] if key.endswith("/outside")}
    assert outside == {"point/contextual/outside"}
    assert not any(key.startswith("outside/reacher_exploration") for key in seeds[0])
    point, exploring = said[-2:]
    assert "outside" in point.splitlines()[0] and "outside" not in exploring
    assert "told the task" in said[-1]
    (classical,) = [line for line in said[-1].splitlines() if line.startswith("classical")]
    assert "none" in classical  # it has meta-trained on nothing


def test_methods_are_given_the_same_worlds_but_classical_ones_those_of_arms():
    assert MetaRlConfig().rows("reacher_dynamics") == tuple(METHODS)
    assert "classical" not in MetaRlConfig().rows("point")
    assert len(WORLDS) == 11


def played(config, seeds=2):
    """Return arrays as of a run of METHOD number i in which every episode paid -i."""
    found = {}
    for world in config.worlds:
        about = WORLDS[world]()
        for i, method in enumerate(config.rows(world)):
            for where in ("inside", "outside") if about.has_outside else ("inside",):
                found[f"{where}/{world}/{method}"] = np.full((about.episodes, 4), -float(i))
            found[f"minutes/{world}/{method}"] = np.array(1.5)
    return dict.fromkeys(range(seeds), found)


@pytest.mark.parametrize("worlds", [("point",), ("reacher_calibration", "reacher_exploration")])
def test_the_section_on_the_page_tells_the_worlds_that_ran(worlds, tmp_path):
    config = replace(TINY, worlds=worlds, methods=("contextual", "randomised", "rl2", "classical"))
    finish(config, played(config), {}, tmp_path, lambda text: None)
    view = MetricsView.load(tmp_path / "metrics.json")
    (section,) = (section for section in SECTIONS if section.name == "metarl")
    assert set(section.panels) == set(WORLDS)
    text = results_page((section,), {"metarl": view})
    published = [section for section in SECTIONS if section.name == "metarl_published"]
    if worlds == ("point",):
        assert "RL² -2.00" in results_page(published, {"metarl_published": view})
    shown = {world for world in WORLDS if f"(`{world}`)" in text}
    assert shown == set(worlds)
    assert "step sizes (2)" in text.replace("\n", " ")
    assert "| domain randomisation (`randomised`) | -1 [-1 -1] |" in text
    assert ("Wrong encoders, reacher: classical" in text) == ("reacher_calibration" in worlds)
    assert view["/".join((worlds[0], "best"))] == -1.0  # the bound, which has 0, is no rival
    assert "1 | 1.5 |" in text


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
    for wrong in ((0.0,), (1e-3, math.nan), ()):
        with pytest.raises(ConfigError, match="learning_rates"):
            MetaRlConfig(learning_rates=wrong)
