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
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.rivals.starts import stored_start
from ml3_ros.experiments.runner.adaptation import adaptation_curves
from ml3_ros.experiments.runner.selection import even_marks, snapshots
from ml3_ros.experiments.sine.recipes import paper_recipe, sgd_recipe, squared_error
from ml3_ros.experiments.sine.regression import (
    GRIDS,
    TESTS,
    SineRegressionConfig,
    prepare,
    tasks_of,
)
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
    pretraining=MamlConfig(n_outer_steps=3, unroll=0),
    maml=MamlConfig(n_outer_steps=2, n_tasks=2, unroll=2),
)
TOY_GRIDS = {"sgd": (0.1, 0.02), "adam": (1e-5, 0.01)}
STARTED = ("pretrained", "maml", "maml_sgd")


@pytest.fixture(scope="module", autouse=True)
def few_step_sizes():
    """Choose between few step sizes to begin with."""
    with pytest.MonkeyPatch.context() as patch:
        for name, (start, rule, _) in GRIDS.items():
            patch.setitem(GRIDS, name, (start, rule, TOY_GRIDS[rule]))
        yield


@pytest.fixture(scope="module")
def run(few_step_sizes, tmp_path_factory):
    """Return the folder of a finished toy run, and its arrays."""
    experiment = EXPERIMENTS["sine_regression"]
    out = tmp_path_factory.mktemp("sine_regression")
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
        *("sgd_same_step", "sgd_tuned", "adam_tuned", *STARTED),
    }
    for name in methods:
        (curve,) = metrics["methods"][name]["per_seed"]
        np.testing.assert_allclose(curve, seed[f"curve/{name}"].mean(0))
        assert metrics["headline"][f"{name}/mse"] == pytest.approx(curve[TOY.x.index(100)])
    for kind in ("inside", "beyond"):
        assert {name for name in metrics["methods"] if name.endswith(f"@{kind}")} == {
            f"{name}@{kind}" for name in methods
        }
        error = seed[f"{kind}/maml"][:, TOY.x.index(100)].mean()
        assert metrics["headline"][f"maml/{kind}"] == pytest.approx(error)
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


def test_methods_start_from_the_same_networks_or_from_what_they_learned(run):
    _, seed, shared, _ = run
    for kind, distribution in TESTS.items():
        starts = {name: x[:, 0] for name, x in _of_kind(seed, kind).items()}
        random = [x for name, x in starts.items() if name not in STARTED]
        assert len(starts) == 10 and len(random) == 7
        for start in random:
            np.testing.assert_array_equal(start, random[0])
        np.testing.assert_array_equal(starts["maml"], starts["maml_sgd"])
        tasks = tasks_of(TOY, 0, distribution)
        family = SineRegressionFamily(TOY.optimizee(), tasks)
        for name in ("pretrained", "maml"):
            theta = {k: p.expand(2, *p.shape) for k, p in stored_start(shared, name, 0).items()}
            errors = family.task_losses(theta, tasks.query, {})["task"]
            np.testing.assert_allclose(starts[name], errors, rtol=1e-5)


def _of_kind(seed, kind):
    prefix = f"{kind}/"
    return {k.removeprefix(prefix): x for k, x in seed.items() if k.startswith(prefix)}


def test_each_kind_of_test_tasks_is_of_its_range():
    beyond = tasks_of(TOY, 0, TESTS["beyond"])
    inside = tasks_of(TOY, 0, TESTS["inside"])
    assert beyond.amplitude.min() >= 5.0 and beyond.query["x"].abs().max() > 5.0
    assert inside.amplitude.max() <= 3.0 and inside.query["x"].abs().max() <= 4.0


def test_the_error_while_the_loss_is_learned_ends_where_the_curve_does(run):
    _, seed, _, _ = run
    for name in ("ml3_paper", "ml3_adam"):
        at_horizon = seed[f"curve/{name}"][:, TOY.x.index(100)].mean()
        assert seed[f"meta_test/{name}"][-1] == pytest.approx(at_horizon)


def test_baselines_take_step_sizes_inside_of_what_was_tried(run):
    _, _, shared, _ = run
    assert float(shared["step_size/sgd_tuned"]) == 0.02
    for name in ("adam_tuned", *STARTED):
        assert 1e-5 < float(shared[f"step_size/{name}"]) < 1.0


def test_validation_tasks_are_no_test_tasks(monkeypatch):
    drawn = []
    original = SineTasks.draw

    def spy(*args):
        drawn.append(original(*args))
        return drawn[-1]

    monkeypatch.setattr(SineTasks, "draw", staticmethod(spy))
    for name in (*STARTED, "adam_tuned"):
        monkeypatch.delitem(GRIDS, name)
    prepare(TOY, Path(), print)
    seen = {float(x) for tasks in drawn for x in tasks.amplitude}
    for test in [tasks_of(TOY, seed) for seed in range(5)]:
        assert not seen & set(test.amplitude.tolist())


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
