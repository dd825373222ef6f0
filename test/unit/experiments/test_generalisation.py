# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment on other networks: small, from tuning to heat maps."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.generalisation import run as generalisation
from ml3_ros.experiments.generalisation.output import finish, ratio
from ml3_ros.experiments.generalisation.run import GeneralisationConfig, prepare, run_seed
from ml3_ros.experiments.generalisation.tasks import SETTINGS, Architecture, SineSetting
from ml3_ros.experiments.registry import EXPERIMENTS

SMALL = GeneralisationConfig(
    settings=("sine",),
    depths=(1, 2),
    widths=(8, 64),
    activations=("tanh",),
    seeds=2,
    n_tasks=2,
    n_validation_tasks=2,
    outer_steps=1,
)
GRIDS = {"sgd_tuned": ("sgd", (1e-6, 0.01)), "adam_tuned": ("adam", (1e-6, 0.01))}


@pytest.fixture(scope="module", autouse=True)
def sooner():
    """Compare after fewer steps, with grids of two step sizes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generalisation, "HORIZON", 20)
        patch.setattr(generalisation, "GRIDS", GRIDS)
        yield


@pytest.fixture(scope="module")
def shared(sooner, tmp_path_factory):
    return prepare(SMALL, tmp_path_factory.mktemp("prepare"), lambda text: None)


@pytest.fixture(scope="module")
def results(shared, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("scratch")
    return {seed: run_seed(SMALL, seed, shared, scratch) for seed in (0, 1)}


def test_every_architecture_has_its_own_step_sizes(shared):
    for method, step_size in (("sgd_tuned", 0.01), ("adam_tuned", 0.01)):
        np.testing.assert_array_equal(shared[f"step_size/sine/{method}"], 4 * [step_size])


def test_tuning_sees_other_tasks_than_the_tests():
    setting, architecture = SineSetting(), Architecture(1, 8, "elu")
    pools = (
        generalisation.VALIDATION_POOL,
        generalisation.TEST_POOL,
        generalisation.TEST_POOL + 1,
    )
    amplitudes = torch.cat(
        [setting.trials(architecture, 3, pool).family.tasks.amplitude for pool in pools]
    )
    assert len(amplitudes.unique()) == 9


def test_what_a_seed_returns(results):
    for arrays in results.values():
        for method in ("ml3_adam", "sgd_tuned", "adam_tuned"):
            assert arrays[f"log_error/sine/{method}"].shape == (4, 2)
        loss = LearnedLoss.from_bytes(arrays["loss/sine"].tobytes())
        assert loss.provenance["trained_on"] == "tanh 2x64"
        assert loss.spec.width == 64
    own, other = (results[seed]["log_error/sine/ml3_adam"] for seed in (0, 1))
    assert np.abs(own - other).min() > 1e-6


@pytest.mark.parametrize("name", SETTINGS)
def test_a_loss_serves_networks_that_it_never_saw(name):
    setting = SETTINGS[name]()
    trainer = setting.trainer(1, 0)
    for architecture in (Architecture(1, 32, "relu"), Architecture(3, 32, "elu")):
        trials = setting.trials(architecture, 2, 5)
        shapes = {p.shape[-1] for p in trials.family.optimizee.init(torch.Generator()).values()}
        assert architecture.width in shapes
        before, after = generalisation.adaptation_curves(
            trials.family,
            2,
            trainer.spec,
            trainer.seed_phi(0),
            (0, 20),
            trials.measure,
            0,
        ).T
        assert (after < before).all()


def test_ratios_are_geometric_means_and_divergence_stays_visible():
    errors = {
        "ml3_adam": np.log([[1.0, 2.0, np.inf], [4.0, 2.0, 1.0]]),
        "sgd_tuned": np.log([[2.0, np.inf, 1.0], [2.0, 1.0, 1.0]]),
    }
    np.testing.assert_allclose(ratio(errors, "sgd_tuned"), [1.0, 0.0, np.inf])


def test_what_is_written(results, tmp_path):
    reports = []
    paths = finish(SMALL, results, {}, tmp_path, reports.append)
    assert all(path.stat().st_size > 1000 for path in paths)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["config"]["architectures"][-1] == "tanh 2x64"
    errors = np.array(content["methods"]["adam_tuned"]["per_seed"])
    np.testing.assert_allclose(errors[1], np.exp(results[1]["log_error/sine/adam_tuned"].mean(-1)))
    logs = [
        np.mean([r[f"log_error/sine/{m}"].mean(-1) for r in results.values()], axis=0)
        for m in ("ml3_adam", "sgd_tuned")
    ]
    unseen = np.exp(logs[0] - logs[1])[:-1]  # the last one is that of meta-training
    headline = content["headline"]
    assert headline["sine/over_sgd_tuned/worst"] == pytest.approx(unseen.max())
    assert headline["sine/over_sgd_tuned/median"] == pytest.approx(np.median(unseen))
    assert headline["sine/over_sgd_tuned/better"] == (unseen < 1.0).mean()
    assert "tanh 1x8" in reports[0]
    for seed in (0, 1):
        LearnedLoss.load(tmp_path / "losses" / "sine" / f"seed_{seed}.safetensors")


def test_invalid_settings_are_rejected():
    with pytest.raises(ConfigError, match="there is no cosine, only sine, reacher"):
        replace(SMALL, settings=("cosine",))
    with pytest.raises(ConfigError, match="n_tasks must be >= 1"):
        replace(SMALL, n_tasks=0)


def test_it_is_registered():
    assert isinstance(EXPERIMENTS["generalisation"].quick, GeneralisationConfig)
