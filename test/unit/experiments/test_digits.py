# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The experiment on digits: small, from pairs to files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError, DataError
from ml3_ros.experiments.digits import output as digits_output
from ml3_ros.experiments.digits import run as digits
from ml3_ros.experiments.digits.lenet import LeNet
from ml3_ros.experiments.digits.output import finish
from ml3_ros.experiments.digits.run import DigitsConfig, prepare, run_seed
from ml3_ros.experiments.digits.task import DigitPairFamily, DigitPairs, accuracy
from ml3_ros.experiments.registry import EXPERIMENTS
from ml3_ros.experiments.rivals.maml import MamlConfig
from ml3_ros.experiments.rivals.starts import stored_start

METHODS = {
    "sgd_same_step",
    "sgd_tuned",
    "adam_tuned",
    "ml3_paper",
    "ml3_sgd",
    "ml3_adam",
    "adam_learned_steps",
    "pretrained",
    "maml",
    "maml_sgd",
}
STARTED = {"pretrained", "maml", "maml_sgd"}
HORIZON = 30
TOY_GRIDS = {"sgd": (1e-6, 0.5, 50.0), "adam": (1e-6, 0.01, 1.0)}
GRIDS = {name: (start, rule, TOY_GRIDS[rule]) for name, (start, rule, _) in digits.GRIDS.items()}
SMALL = DigitsConfig(
    seeds=2,
    n_inits=1,
    test_steps=100,
    paper_outer_steps=1,
    outer_steps=1,
    pretraining=MamlConfig(n_outer_steps=30, n_tasks=1, unroll=0, outer_lr=1e-2),
    maml=MamlConfig(n_outer_steps=2, n_tasks=2, unroll=2),
)


@pytest.fixture(scope="module", autouse=True)
def sooner():
    """Compare after fewer steps, with grids of three step sizes."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (digits, digits_output):
            patch.setattr(module, "HORIZON", HORIZON)
        patch.setattr(digits, "MARKS", (0, 10, HORIZON))
        patch.setattr(digits, "GRIDS", GRIDS)
        yield


@pytest.fixture(scope="module")
def results(sooner, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("scratch")
    return {seed: run_seed(SMALL, seed, {}, scratch) for seed in (0, 1)}


def test_all_methods_start_alike_and_the_tuned_ones_learn(results):
    arrays = results[0]
    assert {k.removeprefix("curve/") for k in arrays if k.startswith("curve/")} == METHODS
    start = arrays["curve/sgd_tuned"][:, :, 0]
    end = SMALL.x.index(HORIZON)
    for name in METHODS:
        curve = arrays[f"curve/{name}"]
        assert curve.shape == (4, 2, len(SMALL.x))
        if name not in STARTED:
            np.testing.assert_allclose(curve[:, :, 0], start, rtol=1e-5)
    brought = arrays["curve/maml"][:, :, 0]
    np.testing.assert_allclose(arrays["curve/maml_sgd"][:, :, 0], brought, rtol=1e-5)
    assert np.all(brought[:, 0] != start[:, 0])
    for name, step_size in (("sgd_tuned", 0.5), ("adam_tuned", 0.01)):
        assert float(arrays[f"step_size/{name}"]) == step_size
        likelihood, errors = arrays[f"curve/{name}"].mean(0)
        assert likelihood[end] < 0.98 * likelihood[0]
        assert errors[end] < errors[0]
    assert likelihood[end] < 0.2  # of Adam
    assert np.abs(arrays["curve/sgd_same_step"][:, 0, end] - start[:, 0]).max() < 0.01


def test_starts_know_the_training_pair_alone(results):
    images = SMALL.images()
    for arrays in results.values():
        pair = tuple(arrays["train_pair"])
        family = DigitPairFamily(LeNet(images.side), images, (pair,), held_out="test")
        held_out = family.held_out(torch.zeros(1, dtype=torch.int64))
        theta = stored_start(arrays, "pretrained", 0)
        prediction = family.optimizee.call({k: p[None] for k, p in theta.items()}, held_out)
        assert float(accuracy(prediction, held_out["label"])) > 0.9
        assert arrays["curve/pretrained"][:, 1, 0].mean() > 0.2


def test_seeds_differ_in_pairs_and_losses(results):
    for seed, arrays in results.items():
        pairs = DigitPairs.draw(torch.Generator().manual_seed(seed))
        assert tuple(arrays["train_pair"]) == pairs.train
        loss = LearnedLoss.from_bytes(arrays["loss/ml3_adam"].tobytes())
        assert loss.provenance["pair"] == list(pairs.train)
        assert loss.provenance["meta_training"]["n_outer_steps"] == 1
    assert not np.array_equal(results[0]["test_pairs"], results[1]["test_pairs"])


def test_what_is_written(results, tmp_path):
    reports = []
    paths = finish(SMALL, results, {}, tmp_path, reports.append)
    assert all(path.stat().st_size > 1000 for path in paths)
    content = json.loads((tmp_path / "metrics.json").read_text())
    likelihood = np.array(content["methods"]["sgd_tuned"]["per_seed"])
    assert likelihood.shape == (2, len(SMALL.x))
    np.testing.assert_allclose(likelihood[1], results[1]["curve/sgd_tuned"][:, 0].mean(0))
    errors = content["methods"]["adam_tuned@errors"]["per_seed"]
    np.testing.assert_allclose(errors[0], results[0]["curve/adam_tuned"][:, 1].mean(0))
    assert content["headline"]["sgd_tuned/step_size"] == 0.5
    assert "adam_tuned" in reports[0]
    for name in ("ml3_paper", "ml3_sgd", "ml3_adam", "adam_learned_steps"):
        for seed in (0, 1):
            LearnedLoss.load(tmp_path / "losses" / name / f"seed_{seed}.safetensors")


def test_a_model_that_diverged_is_counted(results):
    curve = np.stack([results[seed]["curve/ml3_sgd"] for seed in (0, 1)])
    curve[0, 2, 0, -1] = np.inf
    measured = digits_output.metrics(SMALL, {"ml3_sgd": curve}, results)
    assert measured.headline["ml3_sgd/diverged"] == 1.0
    assert measured.methods["ml3_sgd"]["per_seed"][0][-1] == float("inf")


def test_invalid_settings_are_rejected(tmp_path):
    with pytest.raises(ConfigError, match="test_steps must be >= 30"):
        replace(SMALL, test_steps=20)
    with pytest.raises(ConfigError, match="n_inits must be >= 1"):
        replace(SMALL, n_inits=0)
    with pytest.raises(DataError, match="there is no train-images"):
        prepare(replace(SMALL, data=str(tmp_path)), tmp_path, print)


def test_it_is_registered():
    assert isinstance(EXPERIMENTS["digits"].quick, DigitsConfig)
