# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment with working arms: what it measures, its physical rivals, and what it leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.registry import EXPERIMENTS
from ml3_ros.experiments.rivals.bayesian_last_layer import LastLayerConfig
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.rivals.pretrained import PretrainConfig
from ml3_ros.experiments.working import learned_pull, run
from ml3_ros.experiments.working.config import LEARNED, WorkingExperimentConfig
from ml3_ros.experiments.working.learned_pull import LearnedPull, meta_learn_pull
from ml3_ros.experiments.working.output import COLUMNS, finish
from ml3_ros.experiments.working.physical import PhysicalModel
from ml3_ros.experiments.working.robots import MEASURED, Robots
from test.unit.experiments.conftest import working_population

TINY = WorkingExperimentConfig(
    marks={"reacher": (0, 2, 5)},
    seeds=2,
    outer_steps={"plain": 1, "steps": 1},
    n_tasks=2,
    n_train_robots=3,
    n_validation_robots=2,
    n_test_robots=3,
    pretraining=PretrainConfig(n_steps=20, batch_size=32),
    maml=MamlConfig(n_outer_steps=1, n_tasks=2, unroll=2),
    last_layer=LastLayerConfig(n_outer_steps=2, n_tasks=2, most_samples=20),
)


@pytest.fixture(scope="module")
def robots():
    return Robots.draw("reacher", working_population("reacher"), 3, seed=6)


def test_the_true_inertia_has_no_error_and_torques_that_of_the_noise(robots):
    net = robots.family().optimizee
    errors = robots.errors(net, lambda kind, q: robots.held_out(kind)[1])
    assert errors.shape == (3, len(MEASURED))
    assert not errors[:, 1].any()
    assert torch.all((errors[:, [0, 2]] > 1e-4) & (errors[:, [0, 2]] < 0.05))
    half = robots.errors(net, lambda kind, q: 0.5 * robots.held_out(kind)[1])
    torch.testing.assert_close(half[:, 1], torch.full((3,), 0.5))
    assert torch.all((half[:, [0, 2]] > 0.2) & (half[:, [0, 2]] < 0.35))


def test_models_are_measured_by_their_inertia_and_their_torque(robots):
    family = robots.family()
    theta = family.init(torch.arange(3), torch.Generator().manual_seed(0))
    batch, truth = robots.held_out("new_motion")
    found = robots.measure(family.optimizee, theta)
    error = family.optimizee.call(theta, batch) - batch["tau_inertial"]
    expected = (error.square().mean(1) / batch["tau_inertial"].var(1, unbiased=False)).mean(-1)
    torch.testing.assert_close(found[:, 0], expected, rtol=1e-3, atol=0.0)
    off = family.optimizee.scale_inertia(family.optimizee.inertia(theta, batch["q"]) - truth)
    size = family.optimizee.scale_inertia(truth)
    relative = off.flatten(1).norm(dim=1) / size.flatten(1).norm(dim=1)
    torch.testing.assert_close(found[:, 1], relative, rtol=1e-3, atol=0.0)


@pytest.fixture(scope="module")
def physical(robots):
    return PhysicalModel(robots)


@pytest.mark.parametrize("fit", ["ridge", "consistent"])
def test_a_physical_fit_goes_from_the_description_to_the_samples(physical, fit):
    pulled, free = (
        physical.curves(partial(getattr(physical, fit), strength=strength), (0, 60))
        for strength in (1e7, 0.01)
    )
    np.testing.assert_allclose(pulled[:, 1], pulled[:, 0], rtol=0.05)
    np.testing.assert_allclose(free[:, 0], pulled[:, 0], rtol=1e-3)
    own = MEASURED.index("own_motion")
    assert free[:, 1, own].mean() < 0.1 * free[:, 0, own].mean()


def test_a_ridge_solves_the_stacked_least_squares(physical):
    regressor, tau = (x[:50] for x in physical.rows[0])
    weight, pull = 1.0 / physical.noise, np.diag(np.sqrt(0.3) / physical.sizes)
    rows = np.vstack([(regressor * weight[:, None]).reshape(-1, regressor.shape[-1]), pull])
    right = np.concatenate([(tau * weight).ravel(), pull @ physical.nominal])
    expected = np.linalg.lstsq(rows * physical.sizes, right, rcond=None)[0] * physical.sizes
    found = physical.ridge(regressor, tau, 0.3)
    np.testing.assert_allclose(found / physical.sizes, expected / physical.sizes, atol=1e-6)


def test_a_learned_pull_finds_more_of_m_than_the_one_that_it_began_with(physical):
    pull = meta_learn_pull(physical, 0)
    others = PhysicalModel(Robots.draw("reacher", working_population("reacher"), 4, seed=7))
    began = LearnedPull(learned_pull.SPREAD * torch.eye(len(physical.nominal)))
    errors = [others.curves(partial(each.fit, others), (0, 10)) for each in (began, pull)]
    np.testing.assert_allclose(errors[1][:, 0], errors[0][:, 0], rtol=1e-3)  # the description
    before, after = (np.log(x[:, 1, MEASURED.index("inertia")]).mean() for x in errors)
    assert after < before + np.log(0.7)


def test_a_learned_pull_is_the_minimum_that_it_says(physical):
    p = len(physical.nominal)
    basis = 0.1 * torch.eye(p) + 0.02 * torch.randn(
        p, p, generator=torch.Generator().manual_seed(1)
    )
    regressor, tau = (x[:40] for x in physical.rows[1])
    found = LearnedPull(basis).fit(physical, regressor, tau)
    weight = 1.0 / physical.noise
    b = physical.sizes[:, None] * basis.double().numpy()
    rows = (regressor * weight[:, None]).reshape(-1, p) @ b
    right = ((tau - regressor @ physical.nominal) * weight).ravel()
    z = np.linalg.lstsq(np.vstack([rows, np.eye(p)]), np.append(right, np.zeros(p)), rcond=None)[0]
    expected = (b @ z) / physical.sizes
    np.testing.assert_allclose((found - physical.nominal) / physical.sizes, expected, atol=2e-3)


def test_it_leaves_everything(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "working_population", working_population)
    monkeypatch.setattr(learned_pull, "N_STEPS", 3)
    lines = []
    shared = run.prepare(TINY, tmp_path / "scratch", lines.append)
    seeds = {s: run.run_seed(TINY, s, shared, tmp_path / str(s)) for s in range(2)}
    drawn = {name for _, names in COLUMNS.values() for name in names}
    for arrays in seeds.values():
        curves = {k.rsplit("/", 1)[1]: x for k, x in arrays.items() if k.startswith("curve/")}
        assert all(x.shape == (1, 3, 3, len(MEASURED)) for x in curves.values())
        assert drawn <= set(curves) | {"ridge_nominal", "consistent_nominal"}
        random = [k for k, x in LEARNED.items() if x.start == "random"]
        for name in (*random, "adam_tuned", "sgd_tuned"):
            np.testing.assert_array_equal(curves[name][:, :, 0], curves["ml3_shaped"][:, :, 0])
        own, rival = curves["ml3_from_pretrained"], curves["pretrained"]
        np.testing.assert_array_equal(own[:, :, 0], rival[:, :, 0])
        assert np.all(own[:, :, 1] != rival[:, :, 1])
    assert not np.array_equal(*(x["curve/reacher/maml"] for x in seeds.values()))
    paths = finish(TINY, seeds, shared, tmp_path, lines.append)
    assert all(path.stat().st_size > 5000 for path in paths)
    found = json.loads((tmp_path / "metrics.json").read_text())
    panels = {name.partition("@")[2] for name in found["methods"]}
    assert panels == {"", "reacher/inertia", "reacher/own_motion"}
    headline = found["headline"]
    assert headline["ml3_shaped/over_ml3_unshaped_at_5"] > 0.0
    assert headline["reacher/inertia/ml3_from_pretrained/over_maml_at_2"] > 0.0
    assert headline["ridge_nominal/step_size_at_5"] > 0.0
    files = list(tmp_path.glob("losses/reacher/*/seed_1.safetensors"))
    assert {path.parent.name for path in files} == set(LEARNED)


@pytest.mark.parametrize(
    "wrong", [{"seeds": 0}, {"n_test_robots": 0}, {"marks": {}}, {"marks": {"reacher": (5, 1)}}]
)
def test_settings_out_of_range_are_rejected(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(TINY, **wrong)


def test_the_full_experiment_is_large_enough():
    config = EXPERIMENTS["working"].config
    assert config.seeds >= 5
    assert config.n_test_robots >= 40
    assert set(config.marks) == {"sawyer", "reacher"}
