# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The inverse-dynamics experiments with tiny settings: everything that they promise to leave."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.data.metrics import resolved
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.inverse_dynamics import run as experiment_run
from ml3_ros.experiments.inverse_dynamics import tuning
from ml3_ros.experiments.inverse_dynamics.config import Part
from ml3_ros.experiments.inverse_dynamics.curves import held_out_nmse
from ml3_ros.experiments.inverse_dynamics.data import PartData
from ml3_ros.experiments.inverse_dynamics.output import Panel, figure, finish, metrics, tables
from ml3_ros.experiments.inverse_dynamics.references import least_squares_curves, samples_after
from ml3_ros.experiments.inverse_dynamics.run import prepare, run_seed
from ml3_ros.experiments.inverse_dynamics.starts import learned_starts
from ml3_ros.experiments.registry import EXPERIMENTS

EVERYWHERE = {
    "sgd_tuned",
    "adam_tuned",
    "least_squares",
    "distilled_prior",
    "prior_as_model",
    "prior_identified",
    "ml3_adaptive",
    "pretrained",
    "maml",
}


def test_it_leaves_everything_and_a_killed_seed_goes_on(tiny_config, tmp_path, monkeypatch):
    lines = []
    shared = prepare(tiny_config, tmp_path / "scratch", lines.append)
    seed = run_seed(tiny_config, 0, shared, tmp_path)
    seeds = {0: seed, 1: seed}  # what is written does not depend on what the second one found
    paths = finish(tiny_config, seeds, shared, tmp_path, lines.append, name="invdyn_reacher")
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert set(found) == {"experiment", "config", "methods", "headline"}
    for key, value in resolved(tiny_config).items():
        assert found["config"][key] == value
    panels = {name.partition("@")[2] for name in found["methods"]}
    given = {"", "given/payload", "given/masses", "given/perturbed"}
    given |= {"at_work/new_motion", "at_work/own_motion"}
    assert panels == {*given, "residual/perturbed", "again/perturbed"}
    for panel in panels:
        names = {x.partition("@")[0] for x in found["methods"] if x.partition("@")[2] == panel}
        assert names >= EVERYWHERE
        friction = panel not in given
        assert ("hybrid" in names) == ("least_squares_friction" in names) == friction
    for name, curve in found["methods"].items():
        assert curve["x"] == ([0, 2] if "again" in name else [0, 1, 4, 8])
        assert np.shape(curve["per_seed"]) == (2, len(curve["x"])), name
    assert found["headline"]["given/payload/ml3_adaptive/ratio_at_8"] > 0.0
    assert found["headline"]["adam_tuned/step_size_at_8"] > 0.0
    assert {path.suffix for path in paths} == {".png", ".svg"}
    assert all(path.stat().st_size > 5000 for path in paths)
    losses = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.glob("losses/**/*.safetensors"))
    assert len(losses) == 2 * 7
    assert "losses/residual/ml3_adaptive/seed_1.safetensors" in losses
    text = "\n".join(lines)
    assert all(name in text for name in EVERYWHERE)

    def fail(*args, **kwargs):
        raise AssertionError("computed again")

    monkeypatch.setattr(MetaTrainer, "step", fail)
    monkeypatch.setattr(experiment_run, "learning_curves", fail)
    again = run_seed(tiny_config, 0, shared, tmp_path)  # as after a kill at the very end
    for key, array in seed.items():
        np.testing.assert_array_equal(again[key], array)


def test_a_loss_with_a_prior_also_starts_from_its_rivals_start(tiny_config, tmp_path):
    steps = dict.fromkeys(("structured", "mlp", "adaptive", "prior"), 1)
    live = Part(nle="learned", learned=("ml3_prior",), outer_steps=steps, marks=(0, 2))
    fast = replace(live, steps_per_window=2, trained_in="live")
    config = replace(tiny_config, parts={"live": live, "fast": fast}, n_inits=1)
    shared = prepare(config, tmp_path, lambda text: None)
    curves = run_seed(config, 0, shared, tmp_path)
    for kind in ("nominal", "perturbed"):
        own, rival = (
            curves[f"curve/live/{kind}/{k}"] for k in ("ml3_prior_distilled", "distilled_prior")
        )
        np.testing.assert_array_equal(own[:, :, 0], rival[:, :, 0])
        assert np.all(own[:, :, 1] != rival[:, :, 1])
        assert f"curve/fast/{kind}/ml3_prior_distilled" not in curves


@pytest.fixture
def part_data(tiny_config):
    return PartData.of(tiny_config, "residual")


def two_errors(family, theta):
    """Return the usual error (seeds, tasks, 1), and one that falls with the size of a bias."""
    usual = held_out_nmse(family, theta, family.held_out(torch.arange(len(family.recordings))))
    size = theta["inertia_net.bias_0"].square().mean(-1)
    return torch.stack([usual.mean(-1), 1.0 / size.clamp_max(100.0)], dim=-1)


def test_a_baseline_has_the_best_step_size_for_every_number_of_steps(part_data):
    marks, family = (0, 1, 8, 30), part_data.validation("perturbed")
    baseline = tuning.Baseline("adam", (0.0001, 0.01, 30.0))
    chosen = tuning.tune(family, baseline, marks, seeds=(0,))
    assert chosen[2] == chosen[3] == 0.01
    by_measure = tuning.tune(
        family, baseline, marks, seeds=(0,), measure=lambda theta: two_errors(family, theta)
    )
    np.testing.assert_array_equal(by_measure[:, 0], chosen)
    assert by_measure[3, 1] == 30.0
    mixed = np.array([0.01, 0.0001, 0.01, 0.01])
    curves = tuning.tuned_curves(family, baseline, mixed, marks, seeds=(0, 1))
    alone = {lr: tuning.run(family, "adam", lr, marks, seeds=(0, 1)) for lr in (0.0001, 0.01)}
    for i, lr in enumerate(mixed):
        np.testing.assert_array_equal(curves[:, :, i], alone[lr][:, :, i])


def test_least_squares_sees_the_same_samples_and_finds_the_arm(tiny_config, part_data):
    family = part_data.test("perturbed")
    n = family.recordings.n_support
    assert len(samples_after(family, 0, 2)) == 64
    assert sorted(samples_after(family, 0, 10**6)) == list(range(n))
    run = partial(least_squares_curves, family, "reacher", (0, 1, 8), nominal_known=True)
    curves = run()
    names = list(curves)
    assert names == ["least_squares", "least_squares_friction"]
    assert curves[names[1]].shape == (1, 3, 3, 2)
    assert np.all(curves[names[1]][0, :, -1] < 0.02)
    without, with_columns = (curves[k][0, :, -1] for k in ("least_squares", names[1]))
    assert np.all(without > 2.0 * with_columns)  # there is friction
    given = PartData.of(tiny_config, "given").test("payload")
    exact = least_squares_curves(given, "reacher", (8,), nominal_known=False)
    assert set(exact) == {"least_squares"}
    assert np.all(exact["least_squares"] < 0.02)


def made_up_panel(**curves):
    """Curves (2 seeds, 2 runs, 3 marks) with the given final values."""
    nmse = {}
    for name, final in curves.items():
        curve = np.ones((2, 2, 3))
        curve[:, :, 1] = 0.5
        curve[:, :, 2] = np.array(final)
        nmse[name] = curve
    return Panel("given/nominal", (0, 4, 8), nmse, {"adam_tuned": np.array([0.1, 0.1, 0.3])})


def test_diverged_runs_stay_in_and_are_counted(tiny_config, tmp_path):
    inf = math.inf
    panel = made_up_panel(
        adam_tuned=[[0.1, 0.2], [0.1, 0.3]],
        sgd_tuned=[[0.1, inf], [inf, inf]],
        ml3_shaped=[[3.0, 0.1], [0.1, 0.1]],
    )
    names = ("adam_tuned", "sgd_tuned", "ml3_shaped")
    assert [panel.diverged(name) for name in names] == [0, 3, 1]
    result = metrics("invdyn_reacher", tiny_config, [panel])
    found = json.loads(result.save(tmp_path).read_text())
    assert found["methods"]["sgd_tuned"]["per_seed"][1] == [1.0, 0.5, inf]
    assert found["methods"]["adam_tuned"]["per_seed"][0][2] == pytest.approx(0.15)
    assert found["headline"]["sgd_tuned/diverged"] == 3.0
    assert found["headline"]["adam_tuned/step_size_at_8"] == 0.3
    assert "3 of 4" in tables(panel)
    assert all(path.exists() for path in figure("invdyn", "reacher", [panel], tmp_path))


def test_a_ratio_pairs_runs_and_is_a_geometric_mean():
    panel = made_up_panel(adam_tuned=[[0.2, 0.1], [0.2, 0.1]], other=[[0.1, 0.8], [0.1, 0.8]])
    assert panel.ratio("adam_tuned", 2) == pytest.approx(1.0)
    assert panel.ratio("other", 2) == pytest.approx(2.0)
    assert panel.won("other", 2) == 0.5


@pytest.mark.parametrize(
    "wrong", [{"seeds": 0}, {"n_inits": 0}, {"n_test_robots": -1}, {"parts": {}}]
)
def test_settings_out_of_range_are_rejected_at_once(tiny_config, wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(tiny_config, **wrong)


@pytest.mark.parametrize("wrong", [{"learned": ("ml3",)}, {"learned": ()}, {"marks": (5, 1)}])
def test_parts_out_of_range_are_rejected_at_once(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Part(nle="given", **wrong)


def test_the_experiments_of_the_paper_are_there():
    for robot in ("reacher", "sawyer"):
        for name in (f"invdyn_{robot}", f"invdyn_{robot}_live"):
            experiment = EXPERIMENTS[name]
            assert robot in experiment.help
            assert experiment.config.robot == experiment.quick.robot == robot
            assert experiment.config.seeds >= 5
            assert experiment.config.n_test_robots >= 16
            assert experiment.quick.seeds < experiment.config.seeds
        given = EXPERIMENTS[f"invdyn_{robot}"].config.parts["given"]
        assert given.marks[-1] >= 10 * given.recipe("ml3_adaptive", 1).tested_horizon()


def test_distilled_models_begin_as_the_prior(tiny_config):
    data = PartData.of(replace(tiny_config, prior_steps=400, distil_steps=400), "given")
    prior = data.prior()
    assert prior.error[0] < 0.1
    starts = learned_starts(data, prior, (0, 1))["distilled"]
    optimizee = data.recipe.optimizee(data.population.units, "reacher")
    q = data.workspace(50)
    inertia, _ = prior.network.terms(prior.params, q, torch.zeros_like(q))
    for i in range(2):
        theta = {k: p[i] for k, p in starts.items()}
        error = optimizee.scaled_inertia(theta, q) - inertia[:, 0]
        assert float(error.square().sum()) < 0.1 * float(inertia[:, 0].square().sum())
