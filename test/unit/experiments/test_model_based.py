# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Model-based reaching and demonstrations: what is counted, and small runs to the end."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from ml3_ros.core.inner_optimizers import Adam, Sgd
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.demonstrations import output as demos_output
from ml3_ros.experiments.demonstrations import run as reacher_demos
from ml3_ros.experiments.demonstrations.run import ReacherDemosConfig
from ml3_ros.experiments.model_based import output as model_based_output
from ml3_ros.experiments.model_based import run as model_based
from ml3_ros.experiments.model_based.output import updates_to
from ml3_ros.experiments.model_based.run import CHECKPOINTS, ModelBasedConfig
from ml3_ros.experiments.model_based.started import STARTS
from ml3_ros.experiments.rivals.maml import MamlConfig

STARTED = {
    "pretraining": MamlConfig(n_outer_steps=12, n_tasks=4, unroll=0, outer_lr=1e-2),
    "maml": MamlConfig(n_outer_steps=1, n_tasks=2, unroll=2),
}


def test_updates_are_counted_to_the_first_look_that_is_near_enough():
    curve = np.full(len(CHECKPOINTS), 0.3)
    curve[CHECKPOINTS.index(7)] = 0.1  # a look that is worse comes after it
    assert updates_to(curve, 0.1) == 7.0
    assert updates_to(curve, 0.3) == 0.0
    assert updates_to(curve, 0.09) == np.inf
    assert updates_to(np.full(len(CHECKPOINTS), np.nan), 1.0) == np.inf


@pytest.fixture
def short(monkeypatch):
    """Few updates, steps and candidates: every part runs, nothing is learned well."""
    marks = (0, 1, 2, 7)
    for module in (model_based, model_based_output):
        monkeypatch.setattr(module, "CHECKPOINTS", marks)
        monkeypatch.setattr(module, "RIVAL_CHECKPOINTS", marks)
    for module in (model_based, reacher_demos):
        monkeypatch.setattr(module, "SCORED", (2, 3))
    monkeypatch.setattr(model_based_output, "AT_HORIZON", 3)
    monkeypatch.setattr(model_based_output, "AT_FIFTH", 2)
    monkeypatch.setattr(model_based_output, "SHOWN_UPDATES", (1, 7))
    monkeypatch.setattr(model_based_output, "DRAWN_UPDATES", (0, 7))
    monkeypatch.setattr(model_based, "HORIZON", 2)
    monkeypatch.setattr(model_based, "GRID", {"sgd": (Sgd(0.01),), "adam": (Adam(0.01),)})
    monkeypatch.setattr(model_based, "ADAM_GRID", (1e-9, 3e-9))
    monkeypatch.setattr("ml3_ros.experiments.model_based.trainer.FIRST_STEPS", 20)
    monkeypatch.setattr("ml3_ros.experiments.model_based.trainer.REFIT_EVERY", 2)
    monkeypatch.setattr("ml3_ros.experiments.model_based.trainer.REFIT_STEPS", 5)


@pytest.mark.slow  # the quick run below goes through the same functions
def test_a_small_run_of_model_based_reaching(short, tmp_path):
    config = ModelBasedConfig(seeds=1, n_goals=2, outer_steps=3, **STARTED)
    shared = model_based.prepare(config, tmp_path, print)
    seeds = {0: model_based.run_seed(config, 0, shared, tmp_path)}
    figures = model_based_output.finish(config, seeds, shared, tmp_path, print)
    assert all(path.stat().st_size > 1000 for path in figures)
    result = json.loads((tmp_path / "metrics.json").read_text())
    methods = {*model_based.LOSSES, *model_based.RIVALS, *STARTS}
    assert {name.removesuffix("@elsewhere") for name in result["methods"]} == methods
    before = {name: seeds[0][f"distance/{name}"][:, 0] for name in methods}
    for name in STARTS:
        assert np.abs(before[name] - before["sgd_true_model"]).min() > 0.0
        assert result["headline"][f"{name}/start"] == pytest.approx(before[name][0])
        assert result["headline"][f"{name}/start_elsewhere"] == pytest.approx(before[name][1])
    np.testing.assert_array_equal(before["adam_learned_model"], before["sgd_true_model"])
    final = seeds[0]["distance/ml3_desired_action"]
    assert result["methods"]["ml3_desired_action"]["per_seed"][0] == pytest.approx(final[0])
    elsewhere = result["methods"]["ml3_desired_action@elsewhere"]["per_seed"][0]
    assert elsewhere == pytest.approx(final[1])
    assert (seeds[0]["goals"][0, 0] > 0.0) and (seeds[0]["goals"][1, 0] < 0.0)
    headline = result["headline"]
    own = np.array(result["methods"]["ml3_desired_action"]["per_seed"][0])
    mean = 0.5 * (own + elsewhere)
    there = 0.5 * (
        np.array(result["methods"]["sgd_true_model"]["per_seed"][0])
        + result["methods"]["sgd_true_model@elsewhere"]["per_seed"][0]
    )
    share = headline["ml3_desired_action/share_of_sgd_true_model"]
    assert share == pytest.approx(mean[2] / there[3])
    assert 0.0 < headline["ml3_desired_action/greedy"] < 10.0
    assert (tmp_path / "losses" / "ml3_mlp" / "seed_0.safetensors").exists()
    again = model_based.run_seed(config, 0, shared, tmp_path)
    np.testing.assert_array_equal(again["distance/ml3_mlp"], seeds[0]["distance/ml3_mlp"])


def test_a_quick_run_looks_at_fewer_updates_and_tries_fewer_step_sizes(
    short, monkeypatch, tmp_path
):
    grid = {"sgd": tuple(map(Sgd, (0.01, 0.02, 0.03, 0.04))), "adam": (Adam(0.01),)}
    monkeypatch.setattr(model_based, "GRID", grid)
    monkeypatch.setattr(model_based_output, "AT_HORIZON", 2)
    monkeypatch.setattr(model_based_output, "AT_FIFTH", 1)
    monkeypatch.setattr(model_based_output, "DRAWN_UPDATES", (0, 2))
    config = ModelBasedConfig(seeds=1, n_goals=2, outer_steps=1, updates=2, every=2, **STARTED)
    shared = model_based.prepare(config, tmp_path, print)
    assert len(shared["validation/sgd_true_model"]) == 2
    seeds = {0: model_based.run_seed(config, 0, shared, tmp_path)}
    model_based_output.finish(config, seeds, shared, tmp_path, print)
    result = json.loads((tmp_path / "metrics.json").read_text())
    assert (
        result["methods"]["ml3_mlp"]["x"] == result["methods"]["sgd_true_model"]["x"] == [0, 1, 2]
    )
    tried = grid["sgd"][::2]
    assert result["headline"]["sgd_true_model/step_size"] in [rule.inner_lr for rule in tried]
    with pytest.raises(ConfigError, match="updates must be >= 2"):
        ModelBasedConfig(updates=1)


def test_the_expert_reaches_its_targets():
    pytest.importorskip("crocoddyl")
    torch.manual_seed(0)
    world = reacher_demos.SETTING.world
    goal = torch.tensor([0.1, 0.1], dtype=torch.float64)
    start = world.start(torch.Generator().manual_seed(0), 1)[0].double()
    states, actions = reacher_demos._plan(world, start, goal)
    assert states.shape == (world.horizon, 4) and actions.shape == (world.horizon, 2)
    tip = world.position(torch.from_numpy(states[-1]))
    assert float((tip - goal).norm()) < 0.005
    assert (np.abs(actions) <= np.array(world.limits) + 1e-12).all()


def test_a_small_run_from_demonstrations(short, tmp_path, monkeypatch):
    pytest.importorskip("crocoddyl")
    for module in (reacher_demos, demos_output):
        monkeypatch.setattr(module, "CHECKPOINTS", (0, 2, 20))
    monkeypatch.setattr(demos_output, "SHOWN_UPDATES", (0, 20))
    for module in (reacher_demos, demos_output):
        monkeypatch.setattr(module, "COMPARED", 2)
    monkeypatch.setattr("ml3_ros.experiments.demonstrations.started.ADAM_GRID", (0.003, 0.01))
    monkeypatch.setattr(demos_output, "DRAWN_UPDATES", 2)
    monkeypatch.setattr(reacher_demos, "CLONING_CHECKPOINTS", (5, 50))
    monkeypatch.setattr(reacher_demos, "SHOWN", ((0.5, 0.12),))
    config = ReacherDemosConfig(
        seeds=1, n_shown=1, n_targets=3, outer_steps=2, maml=STARTED["maml"]
    )
    shared = reacher_demos.prepare(config, tmp_path, print)
    seeds = {0: reacher_demos.run_seed(config, 0, shared, tmp_path)}
    figures = demos_output.finish(config, seeds, shared, tmp_path, print)
    assert all(path.stat().st_size > 1000 for path in figures)
    methods = json.loads((tmp_path / "metrics.json").read_text())["methods"]
    clones = [methods[name]["per_seed"][0] for name in reacher_demos.CLONES]
    assert [len(set(clone)) for clone in clones] == [1, 1]  # they adapt no more
    assert clones[0] != clones[1]
    assert len(methods["ml3_shaped"]["per_seed"][0]) == 3
    for name in ("clone_demonstration", "maml_demonstration"):
        assert len(set(methods[name]["per_seed"][0])) == 3
