# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Model-free learning, end to end and small; how steps to 80 % are counted and compared."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("gymnasium")
pytest.importorskip("stable_baselines3")

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.model_free import figure as model_free_figure
from ml3_ros.experiments.model_free import run as model_free
from ml3_ros.experiments.model_free.config import LOSSES, MAIN, ModelFreeConfig, candidates
from ml3_ros.experiments.model_free.output import ELSEWHERE, ratio, steps_to_share
from ml3_ros.experiments.model_free.recipes import setting
from ml3_ros.experiments.page.metrics_view import MetricsView
from ml3_ros.experiments.page.page import results_page
from ml3_ros.experiments.registry import EXPERIMENTS
from ml3_ros.experiments.runner.section import load_sections
from ml3_ros.experiments.runner.sweep import run_experiment
from ml3_ros.experiments.runner.workers import Outcome

TINY = ModelFreeConfig(
    seeds=2,
    n_goals=2,
    outer_steps=2,
    losses=(MAIN, "ml3_no_limit", "ml3_likelihood", "ml3_evolution"),
    budget=200,
    loss_budget=150,
    candidates=1,
    validation_goals=2,
)


@pytest.mark.parametrize("world", ["reacher", "ant"])
def test_losses_without_the_fixed_point_do_not_follow_it_in_any_way(world):
    given = setting(world).meta_training
    assert given.limit_weight or given.limit_epochs
    assert LOSSES[MAIN].meta_training(given) == given
    without = LOSSES["ml3_no_limit"].meta_training(given)
    assert without == replace(given, limit_weight=0.0, limit_epochs=0)


class Here:
    """A backend that runs seeds in this process."""

    def run(self, jobs, report):
        for job in jobs:
            yield (
                job.seed,
                Outcome(
                    job.run_seed(job.config, job.seed, job.shared, job.scratch, job.engine),
                    revision="here",
                ),
            )


@pytest.fixture
def small(monkeypatch):
    """Only two architectures, evaluated on few episodes."""
    monkeypatch.setattr(model_free, "LAYERS", (1, 3))
    monkeypatch.setattr(model_free, "TEST_EPISODES", 1)


def test_a_whole_run_leaves_metrics_losses_and_a_figure(tmp_path, small):
    experiment = EXPERIMENTS["reacher_free"]
    lines = []
    paths = run_experiment(
        "reacher_free", experiment, TINY, tmp_path, backend=Here(), report=lines.append
    )
    assert all(path.stat().st_size > 1000 for path in paths)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["experiment"] == "reacher_free"
    assert "environment steps" in content["config"]["x"]
    names = {MAIN, "ml3_no_limit", "ml3_likelihood", "ml3_evolution", "ppo"}
    expected = names | {name + ELSEWHERE for name in names}
    expected |= {f"hidden_layers_{n}@architectures" for n in (1, 3)}
    assert set(content["methods"]) == expected
    for method in content["methods"].values():
        assert np.shape(method["per_seed"]) == (2, len(method["x"]))
    assert content["methods"]["ppo"]["x"] == list(TINY.x)
    assert content["methods"][MAIN]["x"] == [0, 100, 115, 132]
    headline = content["headline"]
    # of 8 policies: 2 inner steps with 2 + 6 episodes of 50 steps, 6 for the limit
    assert headline["meta_training_steps"] == 2 * 8 * (2 * 8 + 6) * 50
    low, middle, high = (headline[f"{MAIN}/{k}"] for k in ("ratio_low", "ratio", "ratio_high"))
    assert low <= middle <= high
    assert (tmp_path / f"losses/{MAIN}/seed_1.safetensors").exists()
    assert any("goals elsewhere" in text for text in lines)
    section = replace(load_sections("ml3_ros.experiments.model_free")[0], columns=(100,))
    page = results_page((section,), {"reacher_free": MetricsView(content)})
    assert "3 hidden layers" in page and "ML3, evolution" in page
    lines.clear()
    more = replace(TINY, seeds=2)
    run_experiment("reacher_free", experiment, more, tmp_path, backend=Here(), report=lines.append)
    assert [text for text in lines if "kept" in text][:1]  # nothing is computed twice
    assert json.loads((tmp_path / "metrics.json").read_text()) == content


def test_a_seed_does_not_depend_on_the_number_of_seeds(tmp_path, small):
    config = replace(TINY, losses=(MAIN,))
    shared = {"choice/ppo": np.array(0)}
    one = model_free.run_seed(config, 1, shared, tmp_path / "a")
    other = model_free.run_seed(replace(config, seeds=9), 1, shared, tmp_path / "b")
    for key, value in one.items():
        if not key.startswith("loss/"):
            np.testing.assert_array_equal(other[key], value)
    again = model_free.run_seed(config, 1, shared, tmp_path / "a")  # from what was kept
    np.testing.assert_array_equal(again["cost/ppo"], one["cost/ppo"])


def test_steps_are_counted_on_the_way_from_fresh_to_best():
    x = (0, 100, 200, 300)
    found = {
        "fast": np.array([[[10.0, 3.0, 1.0, 0.0]]]),
        "slow": np.array([[[10.0, 9.0, 2.5, 2.0]]]),
        "never": np.array([[[10.0, np.inf, np.inf, np.inf]]]),
    }
    steps = steps_to_share(found, x)  # the target is at most 2
    assert {name: float(s[0, 0]) for name, s in steps.items()} == {
        "fast": 200.0,
        "slow": 300.0,
        "never": np.inf,
    }


def test_a_ratio_counts_the_budget_where_a_run_never_arrives():
    rival, own = np.array([[400.0, np.inf]]), np.array([[100.0, 100.0]])
    assert ratio(rival, own, 1000.0)[0] == 7.0
    assert ratio(own, np.full((1, 2), np.inf), 1000.0)[0] == pytest.approx(0.1)
    low, high = ratio(np.full((3, 4), 800.0), np.full((3, 4), 100.0), 1000.0)[1:]
    assert low == high == 8.0
    spread = ratio(np.array([[200.0, 900.0]] * 3), np.full((3, 2), 100.0), 1000.0)
    assert spread[1] < 5.5 < spread[2]


def test_candidates_of_fewer_are_the_first_of_more():
    assert candidates(replace(TINY, candidates=5))[:3] == candidates(replace(TINY, candidates=3))


def test_looks_are_within_the_budget():
    for budget in (100, 101, 5000):
        x = replace(TINY, budget=budget).x
        assert x[0] == 0 and x[-1] == budget and list(x) == sorted(set(x))


@pytest.mark.parametrize(
    "wrong",
    [
        {"world": "unicorn"},
        {"seeds": 0},
        {"n_goals": 3},
        {"validation_goals": 0},
        {"losses": ("ml3_likelihood",)},
        {"losses": (MAIN, "none")},
    ],
)
def test_configurations_that_do_not_fit_are_rejected(wrong):
    with pytest.raises(ConfigError):
        replace(TINY, **wrong)


def test_quick_runs_are_of_the_same_kind():
    for name in ("reacher_free", "ant_free"):
        experiment = EXPERIMENTS[name]
        assert model_free_figure.name_of(experiment.config) == name
        assert experiment.quick.outer_steps < experiment.config.outer_steps
