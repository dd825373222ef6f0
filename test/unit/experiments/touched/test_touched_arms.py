# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment on touched arms: rivals do what they are called, tables, end to end."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.core.inner_optimizers import Adam
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.touched import linear_rivals, network_rivals, run
from ml3_ros.experiments.touched.config import TRAIN_POOL, TouchedExperimentConfig
from ml3_ros.experiments.touched.data import Pools
from ml3_ros.experiments.touched.handmade import (
    RECIPES,
    HandmadeLoss,
    cauchy,
    huber,
    scales,
    tukey,
    windowed,
)
from ml3_ros.experiments.touched.linear_rivals import LinearRivals, Robust, best
from ml3_ros.experiments.touched.network_rivals import DecayingAdam, Training, Tuning
from ml3_ros.experiments.touched.output import finish, metrics
from ml3_ros.experiments.touched.panels import Panel
from ml3_ros.identification.robust import weights as robust_weights
from ml3_ros.tasks.touched.before import Before

SMALL = TouchedExperimentConfig(
    families=("none", "leading"),
    models=("physical", "network_on_model"),
    seeds=2,
    n_train=2,
    n_validation=2,
    n_test=3,
    outer_steps={"physical": 1, "network_on_model": 1, "network": 1},
    left_out=(),
    marks=(0, 2),
)


@pytest.fixture(scope="module")
def rivals():
    pools = Pools(SMALL)
    arms = pools.arms(TRAIN_POOL, "physical", "leading")
    before = Before.described(arms)
    units = pools.units("physical", arms, before)
    family = pools.family("physical", arms, before, units)
    return LinearRivals(family, units.effort)


@pytest.mark.parametrize(
    ("ours", "other", "width"),
    [(huber, "huber", 1.3), (cauchy, "cauchy", 2.0), (tukey, "tukey", 4.0)],
)
def test_weights_are_those_of_robust_regression(ours, other, width):
    u = torch.linspace(-9.0, 9.0, 40, dtype=torch.float64).reshape(1, 10, 4)
    expected = getattr(robust_weights, other)(u.numpy(), width)
    np.testing.assert_allclose(ours(width)(u).numpy(), expected, rtol=1e-12)


def test_a_window_rejects_what_lasts_and_keeps_one_wrong_sample():
    u = torch.full((1, 60, 2), 0.5)
    u[0, 10], u[0, 30:50, 1] = 6.0, 6.0
    alone, along = (windowed(3.0, 6, along_arm=x)(u)[0] for x in (False, True))
    assert alone[10].min() > 0.3 and not alone[36:44, 1].any() and alone[40, 0] > 0.8
    assert not along[36:44].any()  # what joint 1 feels loads joint 0 as well
    assert len(RECIPES) >= 20


def test_the_scale_of_residuals_is_that_of_most_of_them():
    error = torch.randn(1, 4000, 1, generator=torch.Generator().manual_seed(0))
    error[:, :400] = 50.0
    assert float(scales(error)) == pytest.approx(1.0, rel=0.2)


def test_rivals_find_the_same_arm_as_numpy(rivals):
    """Ordinary least squares with a ridge, of one arm, from the normal equations."""
    chosen = Robust(recipe="all", pull=0.1)  # far above what single precision adds
    found = rivals.fit(chosen)[0].double().numpy()
    columns = rivals._columns[0].double().numpy().reshape(-1, found.size)
    target = rivals._target[0].double().numpy().ravel()
    ridge = 0.1 * rivals._target.shape[1] * np.eye(found.size)
    expected = np.linalg.solve(columns.T @ columns + ridge, columns.T @ target)
    np.testing.assert_allclose(columns @ found, columns @ expected, atol=2e-3)


def test_robust_fits_and_knowing_the_contacts_beat_least_squares(rivals):
    error = {
        name: np.log(rivals.errors(Robust(recipe=name))).mean()
        for name in ("all", "tukey 3", "known", "observer 2")
    }
    assert error["tukey 3"] < error["all"] - 0.5 and error["known"] < error["all"] - 0.5
    assert error["observer 2"] < error["all"]
    choices = [Robust(recipe="all"), Robust(recipe="tukey 3")]
    assert best(rivals, choices).recipe == "tukey 3"


def test_a_fit_of_some_parameters_leaves_the_others_as_described(rivals):
    found = rivals.fit(Robust(recipe="all", kinds=("tool mass", "viscous")))
    model = rivals.model
    fitted = torch.isin(model.groups, torch.tensor([3, 7]))
    assert found[:, ~fitted].abs().max() < 1e-3 < found[:, fitted].abs().max()


def test_weight_decay_takes_off_a_share_of_the_weights():
    theta = {"w": torch.tensor([2.0, -1.0])}
    grads = {"w": torch.tensor([0.3, 0.4])}
    plain, decaying = Adam(0.1), DecayingAdam(Adam(0.1), 0.5)
    state = plain.init(theta)
    stepped, _ = plain.step(theta, grads, state, {})
    decayed, _ = decaying.step(theta, grads, decaying.init(theta), {})
    torch.testing.assert_close(stepped["w"] - decayed["w"], 0.05 * theta["w"])


def test_weights_of_a_handmade_loss_are_numbers():
    target = torch.zeros(64, 2)
    prediction = torch.randn(64, 2, generator=torch.Generator().manual_seed(1)).requires_grad_()
    loss = HandmadeLoss(torch.ones(2), huber(1.0), run=32)
    value = loss.evaluate({}, lambda batch: prediction, {"tau": target}, torch.zeros(()))
    (grad,) = torch.autograd.grad(value, prediction)
    error = prediction.detach()
    runs = error.unflatten(0, (2, 32))
    weights = huber(1.0)(runs / scales(runs)).flatten(0, 1)
    torch.testing.assert_close(grad, 2.0 * weights * error / 64)


def test_tuning_stops_where_a_training_was_best_on_what_it_may_see():
    pools = Pools(SMALL)
    arms = pools.joined(TRAIN_POOL, "network_on_model")
    before = Before(torque=arms.nominal, trust=torch.zeros_like(arms.tau))
    units = pools.units("network_on_model", arms, before)
    family = pools.family("network_on_model", arms, before, units)
    tuning = Tuning(family, units.effort, SMALL.families, (0, 2))
    harmful = Training(step_size=3.0)  # such steps only do harm
    chosen = tuning._best([harmful], measured=True, stop=True, kept=True)
    assert set(chosen) == set(SMALL.families)
    assert all(each.mark == 0 or each.share == 0 for each in chosen.values())
    to_the_end = tuning._best([harmful, Training(step_size=1e-4)])
    assert all(each.step_size == 1e-4 and each.mark == 1 for each in to_the_end.values())


def test_headlines_compare_arm_by_arm():
    errors = {
        "none": {"learned": np.full((2, 3), 0.01), "ridge": np.full((2, 3), 0.02)},
        "pushing": {
            "learned": np.array([[0.01, 0.02, 0.04], [0.01, 0.02, 0.04]]),
            "ridge": np.array([[0.02, 0.04, 0.08]] * 2),
            "robust_tuned": np.full((2, 3), 0.02),
        },
        "leading": {
            "learned": np.full((2, 3), 0.03),
            "ridge": np.full((2, 3), 0.12),
            "robust_tuned": np.full((2, 3), 0.06),
        },
    }
    for found in errors.values():
        found["contacts_known"] = np.full((2, 3), 0.01)
    config = replace(SMALL, families=("none", "pushing", "leading"), models=("physical",))
    result = metrics("touched", config, [Panel("physical", errors)])
    headline = result.headline
    assert headline["physical/none/learned/over_ridge"] == pytest.approx(0.5)
    assert headline["physical/learned/over_ridge"] == pytest.approx((0.5 * 0.25) ** 0.5)
    assert headline["physical/learned/worst_over_best"] == pytest.approx(1.0)
    assert headline["physical/learned/over_contacts_known"] == pytest.approx((2.0 * 3.0) ** 0.5)
    assert result.methods["robust_tuned"]["x"] == [1, 2]


def test_impossible_settings_are_named():
    for fields, word in (
        ({"seeds": 0}, "seeds"),
        ({"families": ()}, "families"),
        ({"families": ("kicking",)}, "families"),
        ({"models": ()}, "models"),
        ({"marks": (5, 2)}, "marks"),
    ):
        with pytest.raises(ConfigError, match=word):
            replace(SMALL, **fields)


@pytest.fixture
def few_choices(monkeypatch):
    monkeypatch.setattr(linear_rivals, "PULLS", (1e-3,))
    monkeypatch.setattr(linear_rivals, "RECIPES", {"tukey 3": tukey(3.0)})
    monkeypatch.setattr(linear_rivals, "OBSERVER_WIDTHS", (2.0,))
    monkeypatch.setattr(network_rivals, "STEP_SIZES", (0.003,))
    monkeypatch.setattr(run, "PRETRAINING_STEPS", 5)


def test_the_linear_part_runs_end_to_end(tmp_path, few_choices):
    config = replace(SMALL, models=("physical",), left_out=("physical",))
    shared = run.prepare(config, tmp_path / "shared", lambda text: None)
    seeds = {0: run.run_seed(config, 0, shared, tmp_path / "seed")}
    paths = finish(config, seeds, shared, tmp_path, lambda text: None, name="touched")
    found = json.loads((tmp_path / "metrics.json").read_text())
    methods = {"learned", "unshaped", "robust_tuned", "payload_fit", "contacts_known"}
    assert methods <= set(found["methods"]) and all(path.exists() for path in paths)


@pytest.mark.slow
def test_all_models_run_end_to_end(tmp_path, few_choices):
    config = replace(
        SMALL, models=("physical", "network_on_model", "network"), left_out=("physical",)
    )
    config = replace(config, families=("none", "leading", "spikes"))
    shared = run.prepare(config, tmp_path / "shared", lambda text: None)
    seeds = {0: run.run_seed(config, 0, shared, tmp_path / "seed")}
    texts: list[str] = []
    paths = finish(config, seeds, shared, tmp_path, texts.append, name="touched")
    found = json.loads((tmp_path / "metrics.json").read_text())
    expected = {"learned", "unshaped", "left_out", "robust_tuned", "payload_fit"}
    expected |= {"learned@network", "gate@network_on_model", "fit_weights@network_on_model"}
    assert expected <= set(found["methods"])
    assert all(path.exists() for path in paths) and len(texts) == 3
    kept = seeds[0]["loss/physical/without_leading"].tobytes()
    assert LearnedLoss.from_bytes(kept).provenance["families"] == ["none", "spikes"]
    assert (tmp_path / "losses" / "physical" / "learned" / "seed_0.safetensors").exists()
    # run again, it finds the losses that are done
    again = run.run_seed(config, 0, shared, tmp_path / "seed")
    for key, value in seeds[0].items():
        np.testing.assert_array_equal(again[key], value)
