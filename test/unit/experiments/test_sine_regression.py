# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sine regression at toy size: every method on the same tasks, everything written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.runner.adaptation import adaptation_curves
from ml3_ros.experiments.runner.selection import even_marks, snapshots
from ml3_ros.experiments.sine.recipes import paper_recipe, sgd_recipe, squared_error
from ml3_ros.experiments.sine.regression import GRIDS, SineRegressionConfig, prepare, tasks_of
from ml3_ros.experiments.sine.regression_output import EXPERIMENTS
from ml3_ros.tasks.sine.regression import (
    META_TEST,
    Regressor,
    SineRegressionFamily,
    SineTasks,
)
from ml3_ros.tasks.training import revision

TOY = SineRegressionConfig(
    seeds=1,
    n_test_tasks=2,
    n_validation_tasks=2,
    test_steps=100,
    paper_outer_steps=1,
    outer_steps=1,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the folder of a finished toy run, and its arrays."""
    experiment = EXPERIMENTS["sine_regression"]
    out = tmp_path_factory.mktemp("sine_regression")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(GRIDS, "sgd_tuned", ("sgd", (0.1, 0.02)))
        patch.setitem(GRIDS, "adam_tuned", ("adam", (1e-5, 0.01)))
        shared = experiment.prepare(TOY, out, print)
    seed = experiment.run_seed(TOY, 0, shared, out)
    reports: list[str] = []
    experiment.finish(TOY, {0: seed}, shared, out, reports.append)
    return out, seed, shared, reports


def test_every_method_is_in_the_metrics(run):
    out, seed, _, reports = run
    metrics = json.loads((out / "metrics.json").read_text())
    methods = {name for name in metrics["methods"] if "@" not in name}
    assert methods == {
        *("ml3_paper", "ml3_sgd", "ml3_adam", "adam_learned_steps"),
        *("sgd_same_step", "sgd_tuned", "adam_tuned"),
    }
    for name in methods:
        (curve,) = metrics["methods"][name]["per_seed"]
        np.testing.assert_allclose(curve, seed[f"curve/{name}"].mean(0))
        assert metrics["headline"][f"{name}/mse"] == pytest.approx(curve[TOY.x.index(100)])
    quotient = metrics["headline"]["ml3_sgd/mse"] / metrics["headline"]["sgd_tuned/mse"]
    assert metrics["headline"]["ml3_sgd_over_sgd_tuned"] == pytest.approx(quotient)
    assert "ml3_adam" in reports[-1]


def test_figure_and_losses_are_written(run):
    out, _, _, _ = run
    assert (out / "sine_regression.png").stat().st_size > 10_000
    for name in ("ml3_paper", "ml3_sgd", "ml3_adam"):
        loss = LearnedLoss.load(out / "losses" / name / "seed_0.safetensors")
        assert loss.provenance["method"] == name
        assert loss.provenance["task_family"] == "sine_regression"
        assert loss.provenance["seed"] == 0
        assert loss.provenance["revision"] == revision()


def test_all_methods_start_from_the_same_networks(run):
    _, seed, _, _ = run
    starts = [curve[:, 0] for name, curve in seed.items() if name.startswith("curve/")]
    assert len(starts) == 7
    for start in starts:
        np.testing.assert_array_equal(start, starts[0])


def test_the_error_while_the_loss_is_learned_ends_where_the_curve_does(run):
    _, seed, _, _ = run
    for name in ("ml3_paper", "ml3_adam"):
        at_horizon = seed[f"curve/{name}"][:, TOY.x.index(100)].mean()
        assert seed[f"meta_test/{name}"][-1] == pytest.approx(at_horizon)


def test_baselines_take_the_best_step_size_on_validation_tasks(run):
    _, _, shared, _ = run
    for name, grid in (("sgd_tuned", (0.1, 0.02)), ("adam_tuned", (1e-5, 0.01))):
        assert float(shared[f"step_size/{name}"]) == grid[shared[f"validation/{name}"].argmin()]
    assert float(shared["step_size/adam_tuned"]) == 0.01


def test_validation_tasks_are_no_test_tasks(monkeypatch):
    drawn = []
    original = SineTasks.draw

    def spy(*args):
        drawn.append(original(*args))
        return drawn[-1]

    monkeypatch.setattr(SineTasks, "draw", staticmethod(spy))
    monkeypatch.setitem(GRIDS, "sgd_tuned", ("sgd", (0.01,)))
    monkeypatch.delitem(GRIDS, "adam_tuned")
    prepare(TOY, Path(), print)
    tests = [tasks_of(TOY, seed) for seed in range(5)]
    for test in tests:
        assert not set(drawn[0].amplitude.tolist()) & set(test.amplitude.tolist())


def test_a_seed_gives_the_same_run_again():
    recipe, marks = sgd_recipe(2), even_marks(2, 10)
    first, second = (snapshots(recipe.trainer(Regressor((8,)), 3), marks) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert all(torch.equal(one[k], other[k]) for k in one)
    other_seed = snapshots(recipe.trainer(Regressor((8,)), 4), marks)[-1]
    assert not torch.equal(first[-1]["net.weight_0"], other_seed["net.weight_0"])


def test_the_papers_recipe_sees_one_task_and_one_step():
    trainer = paper_recipe((5,), 3).trainer(Regressor((8,)), 0)
    tasks = trainer.family.tasks
    assert set(tasks.amplitude.tolist()) == {1.0}
    before = trainer.models.theta["net.weight_0"].clone()
    trainer.step()
    # a fresh model every time
    assert not torch.equal(before, trainer.models.theta["net.weight_0"])
    assert (trainer.models.ages == 0).all()


def test_divergence_is_infinite_and_stays():
    tasks = SineTasks.draw(META_TEST, 3, torch.Generator().manual_seed(0))
    family = SineRegressionFamily(Regressor((8,)), tasks)
    curves = adaptation_curves(
        family,
        3,
        squared_error("sgd", 1e3),
        {},
        (0, 20),
        lambda theta: family.task_losses(theta, tasks.query, {})["task"],
        0,
    )
    assert np.isfinite(curves[:, 0]).all() and np.isposinf(curves[:, 1]).all()


@pytest.mark.parametrize("wrong", [{"setting": "mine"}, {"test_steps": 50}, {"seeds": 0}])
def test_settings_that_do_not_fit_are_rejected(wrong):
    with pytest.raises(ConfigError):
        replace(TOY, **wrong)


def test_marks_are_even_and_include_both_ends():
    assert even_marks(500, 5) == (0, 100, 200, 300, 400, 500)
    assert even_marks(2, 10) == (0, 1, 2)
