# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The tracking experiment end to end: robots, step sizes, headlines, settings."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from ml3_ros.cli.main import main
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.page.metrics_view import MetricsView
from ml3_ros.experiments.page.page import results_page
from ml3_ros.experiments.registry import EXPERIMENTS
from ml3_ros.experiments.runner.section import load_sections
from ml3_ros.experiments.tracking import run as tracking_run
from ml3_ros.experiments.tracking.config import METHODS, TrackingConfig
from ml3_ros.experiments.tracking.output import Found, level_times, metrics
from ml3_ros.experiments.tracking.run import TEST_POOL, VALIDATION_POOL
from test.unit.experiments.tracking.small import SMALL


def test_robots_of_both_pools_differ_and_do_not_depend_on_their_number(bench):
    robots = [bench.robot(*which) for which in ((TEST_POOL, 0, 0), (TEST_POOL, 0, 1))]
    robots += [bench.robot(TEST_POOL, 1, 0), bench.robot(VALIDATION_POOL, 0, 0)]
    assert len({robot.perturbation.mass_scale for robot in robots}) == 4
    assert len({robot.seed for robot in robots}) == 4
    assert bench.robot(TEST_POOL, 0, 1) == robots[1]
    for robot in robots:
        assert 1.0 <= robot.perturbation.payload <= 3.0
        assert 0.0 <= robot.light <= 1.0


def test_the_motion_of_the_payload_change_repeats_itself(bench):
    motion = bench.repeating_motion(bench.robot(TEST_POOL, 0, 0))
    t = np.array([2.2, 2.35])
    np.testing.assert_allclose(motion.at(t), motion.at(t + 7 * SMALL.period), atol=1e-9)


def test_the_step_size_with_the_lowest_mean_log_error_is_taken(monkeypatch, tmp_path):
    def errors_after(self, marks):
        scores = {0.0003: 5.0, 0.001: 4.0, 0.003: math.inf, 0.006: 0.5, 0.01: 1.0, 0.02: 2.0}
        assert marks == SMALL.marks[1:]
        assert self._robot == self._bench.robot(VALIDATION_POOL, 0, 0)
        return np.full((len(marks), 7), scores[self._step_size])

    monkeypatch.setattr(tracking_run.Trial, "errors_after", errors_after)
    shared = tracking_run.prepare(SMALL, tmp_path, lambda text: None)
    assert shared["step_size/adam_tuned"] == 0.006
    assert shared["validation/adam_tuned"].shape == (6, 1, 1)


def test_headlines_pair_runs_and_keep_those_that_diverged():
    inf, n = math.inf, len(level_times(SMALL))

    def made_up(errors, seconds):
        error = np.broadcast_to(np.array(errors)[..., None, None], (2, 2, 2, 7))
        level = np.ones((2, 2, n))
        level[..., -1] = 2.0
        return Found(error, level, np.array(seconds))

    found = {
        "adam_tuned": made_up([[1.0, 2.0], [1.0, 2.0]], [[1.0, inf], [inf, 3.0]]),
        "ml3_shaped": made_up([[0.5, 4.0], [0.5, inf]], [[1.0, 2.0], [3.0, 4.0]]),
    }
    result = metrics(SMALL, found, {"step_size/adam_tuned": np.array(0.01)})
    head = result.headline
    assert head["ml3_shaped/diverged"] == 1.0
    assert head["ml3_shaped/won_at_1"] == 0.5
    assert head["adam_tuned/mrad_at_1"] == 2000.0
    assert head["adam_tuned/recovery_s"] == inf
    assert head["adam_tuned/recovered"] == 0.5
    assert head["ml3_shaped/recovery_s"] == 3.0
    assert head["ml3_shaped/end_over_before"] == pytest.approx(2.0)
    assert head["adam_tuned/step_size"] == 0.01
    assert result.methods["ml3_shaped"]["per_seed"] == [[2.25, 2.25], [inf, inf]]
    assert result.methods["adam_tuned@recovery"]["per_seed"] == [[inf], [inf]]
    finite = {**found, "ml3_shaped": made_up([[0.5, 4.0], [0.5, 4.0]], np.ones((2, 2)))}
    head = metrics(SMALL, finite, {"step_size/adam_tuned": np.array(0.01)}).headline
    assert head["ml3_shaped/ratio_at_1"] == pytest.approx(1.0)


def test_the_results_page_takes_what_the_full_experiment_found():
    config = TrackingConfig(seeds=1, n_robots=1)
    found = {
        name: Found(
            np.full((1, 1, 5, 7), 0.1), np.ones((1, 1, len(level_times(config)))), np.ones((1, 1))
        )
        for name in config.methods
    }
    shared = {f"step_size/{name}": np.array(0.01) for name in config.tuned}
    content = json.loads(json.dumps(asdict(metrics(config, found, shared))))
    text = results_page(
        load_sections("ml3_ros.experiments.tracking"), {"sawyer_tracking": MetricsView(content)}
    )
    assert "shaped 1.00 after 5 s" in text
    assert "| @0 | @2 | @5 | @10 | @30 |" in text
    assert "| @1 | @2 | @3 | @4 | @5 | @6 | @7 |" in text


def test_the_whole_experiment_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "small", replace(EXPERIMENTS["sawyer_tracking"], quick=SMALL))
    words = ["methods=feedback_only,rigid_body,adam_tuned,ml3_shaped_residual", "seeds=1"]
    command = ["experiment", "small", "--quick", "--workers", "1", "--out", str(tmp_path)]
    assert main([*command, *words]) == 0
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert found["experiment"] == "sawyer_tracking"
    assert found["config"]["x"] == "seconds of adaptation"
    names = {"feedback_only", "rigid_body", "adam_tuned", "ml3_shaped_residual"}
    assert {name.partition("@")[0] for name in found["methods"]} == names
    for name in names:
        assert found["methods"][name]["x"] == [0.0, 1.0]
        assert np.isfinite(found["methods"][name]["per_seed"]).all()
        assert found["methods"][f"{name}@joints"]["x"] == [1, 2, 3, 4, 5, 6, 7]
        assert found["methods"][f"{name}@recovery"]["x"] == [2.0]
        assert found["methods"][f"{name}@payload"]["x"][-1] == 1.0
    headline = found["headline"]
    assert headline["rigid_body/ratio_at_1"] < 1.0
    assert headline["adam_tuned/step_size"] in METHODS["adam_tuned"].grid
    assert (tmp_path / "sawyer_tracking.png").stat().st_size > 10_000


def test_the_full_experiment_is_large_enough_and_the_quick_one_is_of_its_kind():
    experiment = EXPERIMENTS["sawyer_tracking"]
    assert experiment.config.seeds >= 5
    assert experiment.config.marks == (0.0, 2.0, 5.0, 10.0, 30.0)
    assert experiment.config.added_payload == 2.0
    assert set(experiment.config.methods) == set(METHODS)
    assert set(experiment.quick.methods) < set(METHODS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seeds": 0},
        {"methods": ("ml3",)},
        {"marks": (1.0, 2.0)},
        {"marks": (0.0, 0.1)},
        {"settle_seconds": 20.0},
        {"added_payload": -1.0},
        {"recovered": 0.9},
    ],
)
def test_settings_out_of_range_are_rejected(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong)).replace("marks", "mark")):
        replace(SMALL, **wrong)
