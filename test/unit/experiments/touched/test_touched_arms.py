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
from ml3_ros.experiments.touched.output import finish, metrics, table
from ml3_ros.experiments.touched.panels import Panel, panels_of
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
    marks={"network_on_model": (0, 2), "network": (0, 2)},
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


@pytest.fixture(scope="module")
def tuning():
    pools = Pools(SMALL)
    arms = pools.joined(TRAIN_POOL, "network_on_model")
    before = Before(torque=arms.nominal, trust=torch.zeros_like(arms.tau))
    units = pools.units("network_on_model", arms, before)
    family = pools.family("network_on_model", arms, before, units)
    return Tuning(family, units.effort, SMALL.families, (0, 2))


def test_tuning_stops_where_a_training_was_best_on_what_it_may_see(tuning):
    harmful = Training(step_size=3.0)  # such steps only do harm
    for kind in SMALL.families:
        _, measured = tuning._stopped(harmful, kind, True)
        assert measured.mark == 0 or measured.share == 0
        score, free = tuning._stopped(harmful, kind, False)
        assert free.mark == 0 and free.share == len(network_rivals.SHARES) - 1
        other, _ = tuning._stopped(Training(step_size=1e-4), kind, False)
        assert other < score  # the first step of such a size is none that does harm


def test_the_best_setting_is_inside_its_grid(tuning, monkeypatch):
    """Errors are lowest far beyond every grid: tuning goes there, for each family by itself."""
    steps = {"none": 1e-6, "leading": 0.3}

    def outcome(training):
        def error(kind):
            x = [training.step_size / steps[kind], training.width / 20.0]
            x.append(max(training.decay, 0.1) / 300.0)
            return np.exp(sum(np.abs(np.log(each)) for each in x))

        free = np.array([error(kind) for kind in SMALL.families for _ in range(2)])
        table = np.broadcast_to(free[:, None, None], (4, len(network_rivals.SHARES), 2))
        return network_rivals.Outcome(free=table, measured=table)

    monkeypatch.setattr(tuning, "_outcome", outcome)
    methods = tuning.methods()
    for method in ("adam_stopped", "huber", "gate", "contacts_known"):
        for kind, chosen in methods[method].items():
            assert abs(np.log(chosen.step_size / steps[kind])) < np.log(2.0)
    assert {chosen.decay for chosen in methods["adam_stopped"].values()} <= {100.0, 1000.0}
    assert all(12.0 < methods["gate"][kind].width < 36.0 for kind in SMALL.families)
    assert set(methods["adam"].values()) == {Training()}


def test_a_window_over_the_fit_sees_its_residuals(tuning):
    family, effort = tuning._family, tuning._effort
    tasks = torch.arange(len(family.arms))
    batch = family.support(tasks, 0 * tasks, torch.Generator().manual_seed(0))
    values = []
    for of_fit in (False, True):
        training = Training(weight="window", half=3, of_fit=of_fit)
        loss = training.learner(family, effort).loss
        prediction = batch["tau"] + 1e-3 * torch.randn(batch["tau"].shape)
        values.append(loss.evaluate({}, lambda _, x=prediction: x, batch, torch.zeros(4)))
    assert not torch.allclose(*values)


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


def test_methods_may_have_fewer_seeds():
    config = replace(SMALL, models=("network",), families=("leading",), unshaped_seeds=1)
    names = [set(run._trainings(config, "network", seed)) for seed in (0, 1)]
    assert names == [{"learned", "unshaped"}, {"learned"}]
    key = "error/network/leading/"
    seeds = {
        0: {f"{key}learned": np.array([0.1, 0.4]), f"{key}unshaped": np.array([0.4, 0.4])},
        1: {f"{key}learned": np.array([0.2, 0.2])},
    }
    shared = {f"{key}gate": np.array([0.2, 0.2]), f"{key}contacts_known": np.array([0.1, 0.1])}
    panels = panels_of(config, seeds, shared)
    found = metrics("touched_networks", config, panels)
    assert found.headline["network/unshaped/over_gate"] == pytest.approx(2.0)
    assert found.headline["network/learned/over_gate"] == pytest.approx(1.0)
    shapes = {name: np.shape(each["per_seed"]) for name, each in found.methods.items()}
    assert shapes == {"learned": (2, 1), "unshaped": (1, 1), "gate": (2, 1)} | {
        "contacts_known": (2, 1)
    }
    assert "unshaped" in table(panels[0])


def test_impossible_settings_are_named():
    for fields, word in (
        ({"seeds": 0}, "seeds"),
        ({"families": ()}, "families"),
        ({"families": ("kicking",)}, "families"),
        ({"models": ()}, "models"),
        ({"marks": {"network": (5, 2)}}, "marks"),
    ):
        with pytest.raises(ConfigError, match=word):
            replace(SMALL, **fields)


@pytest.fixture
def few_choices(monkeypatch):
    monkeypatch.setattr(linear_rivals, "PULLS", (1e-3,))
    monkeypatch.setattr(linear_rivals, "RECIPES", {"tukey 3": tukey(3.0)})
    monkeypatch.setattr(linear_rivals, "OBSERVER_WIDTHS", (2.0,))
    for name, values in (("STEP_SIZES", (0.001, 0.003)), ("WIDTHS", (2.0, 3.0)), ("HALVES", (3,))):
        monkeypatch.setattr(network_rivals, name, values)
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
    expected |= {"adam_learned_steps@network", "adam_learned_steps@network_on_model"}
    assert expected <= set(found["methods"])
    assert all(path.exists() for path in paths) and len(texts) == 3
    kept = seeds[0]["loss/physical/without_leading"].tobytes()
    assert LearnedLoss.from_bytes(kept).provenance["families"] == ["none", "spikes"]
    assert (tmp_path / "losses" / "physical" / "learned" / "seed_0.safetensors").exists()
    # run again, it finds the losses that are done
    again = run.run_seed(config, 0, shared, tmp_path / "seed")
    for key, value in seeds[0].items():
        np.testing.assert_array_equal(again[key], value)
