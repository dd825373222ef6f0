# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 experiment` and `ml3 train`, with settings so small that they take seconds."""

from __future__ import annotations

import functools
import importlib
import json
import pickle
from pathlib import Path

import pytest

from ml3_ros.cli.main import main
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.data.metrics import resolved
from ml3_ros.experiments.registry import EXPERIMENTS
from ml3_ros.tasks.inverse_dynamics import populations
from ml3_ros.tasks.inverse_dynamics import train as train_loss

population = functools.cache(populations.population)

TOYS = Path(__file__).resolve().parents[1] / "experiments"
TINY_LOSS = ["robot=reacher", "n_robots=1", "recipe.nle=given", "recipe.n_outer_steps=2"]


@pytest.fixture(autouse=True)
def units_measured_once(monkeypatch):
    monkeypatch.setattr(train_loss, "population", population)


@pytest.fixture
def toy(monkeypatch):
    """There is an experiment "toy"."""
    monkeypatch.syspath_prepend(str(TOYS))
    module = importlib.import_module("toy_experiment")
    monkeypatch.setitem(EXPERIMENTS, "toy", module.TOY)


def test_experiment_writes_its_folder(toy, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["experiment", "toy", "--quick", "--seeds", "2", "--workers", "2", "--out", str(out)]
    assert main([*words, "offset=3.5"]) == 0
    found = json.loads((out / "metrics.json").read_text())
    assert found["experiment"] == "toy"
    assert (found["config"]["seeds"], found["config"]["offset"]) == (2, 3.5)
    assert len(found["methods"]["svd"]["per_seed"]) == 2
    printed = capsys.readouterr().out
    assert str(out / "metrics.json") in printed
    assert str(out / "result.txt") in printed
    assert "seed 1: done" in printed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nope=1"], "nope=1"),
        (["seeds=x"], "seeds=x"),
        (["--seeds", "0"], "--seeds must be >= 1"),
        (["seeds=0"], "seeds=0"),
        (["--workers", "0"], "workers must be >= 1, got 0"),
    ],
)
def test_experiment_rejects_wrong_settings(tmp_path, capsys, words, sentence):
    assert main(["experiment", "invdyn_reacher", "--out", str(tmp_path / "out"), *words]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_experiments_are_listed_and_unknown_ones_rejected(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["experiment", "--help"])
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in EXPERIMENTS)
    with pytest.raises(SystemExit) as caught:
        main(["experiment", "invdyn_dragon", "--out", str(tmp_path)])
    assert caught.value.code == 2
    assert "invdyn_sawyer" in capsys.readouterr().err
    for words, sentence in ([], "--out"), (["--out", "x", "--backend", "slurm"], "'local', 'ray'"):
        with pytest.raises(SystemExit) as caught:
            main(["experiment", "invdyn_reacher", *words])
        assert caught.value.code == 2
        assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_complete(name):
    """Its configurations are of one type, and its seeds can travel to a worker."""
    experiment = EXPERIMENTS[name]
    assert type(experiment.config) is type(experiment.quick)
    assert experiment.config.seeds >= 5
    assert experiment.quick.seeds <= experiment.config.seeds
    assert pickle.loads(pickle.dumps(experiment.run_seed)) is not None
    assert json.dumps(resolved(experiment.config))


def test_train_writes_a_loss_with_its_recipe(tmp_path, capsys):
    path = tmp_path / "my_loss.safetensors"
    words = [*TINY_LOSS, "recipe.use_prior=False", "seed=7"]
    assert main(["train", "--out", str(path), *words]) == 0
    assert str(path) in capsys.readouterr().out
    config = LearnedLoss.load(path).provenance["config"]
    assert (config["robot"], config["seed"], config["n_robots"]) == ("reacher", 7, 1)
    assert config["recipe"]["use_prior"] is False
    assert config["recipe"]["nle"] == "given"


def test_train_makes_losses_for_reaching_too(tmp_path):
    path = tmp_path / "reach.safetensors"
    words = ["robot=reacher", "n_outer_steps=2", "n_tasks=2", "unroll=1", "seed=3"]
    assert main(["train", "--task", "reaching", "--out", str(path), *words]) == 0
    provenance = LearnedLoss.load(path).provenance
    assert provenance["task_family"] == "reaching"
    assert provenance["outer_steps"] == 2 and provenance["config"]["seed"] == 3
    first = path.read_bytes()
    assert main(["train", "--task", "reaching", "--out", str(path), *words]) == 0
    assert path.read_bytes() == first


def test_every_engine_trains_the_same_loss(tmp_path):
    phis = []
    for engine in ("replayed", "higher", "autograd"):
        path = tmp_path / f"{engine}.safetensors"
        words = [*TINY_LOSS, "recipe.architecture=mlp", "--engine", engine]
        assert main(["train", "--out", str(path), *words]) == 0
        phis.append(LearnedLoss.load(path).phi)
    *others, autograd = phis
    for phi in others:
        for name, expected in autograd.items():
            assert float((phi[name] - expected).norm()) <= 1e-4 * float(expected.norm())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--engine", "steam"], "no engine 'steam'"),
        (["--engine", "autograd:cuda"], "use kind 'replayed' or 'compiled'"),
        (["robot=dragon"], "dragon"),
        (["recipe.nle=perhaps"], "recipe.nle=perhaps"),
        (["recipe.n_outer_steps=0"], "n_outer_steps"),
        (["recipe.inner_lr=-1"], "inner_lr"),
        (["n_robots=0"], "n_robots=0"),
        (["seed"], "key=value"),
    ],
)
def test_train_rejects_wrong_settings(tmp_path, capsys, words, sentence):
    path = tmp_path / "loss.safetensors"
    assert main(["train", "--out", str(path), *TINY_LOSS, *words]) == 2
    assert sentence in capsys.readouterr().err
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_one_sentence(toy, tmp_path, capsys):
    (tmp_path / "file").touch()
    below = tmp_path / "file" / "out"
    assert main(["train", "--out", str(below / "loss.safetensors"), *TINY_LOSS]) == 2
    assert main(["experiment", "toy", "--out", str(below)]) == 2
    printed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ml3: ")]
    assert len(printed) == 2
    assert all(str(below) in line for line in printed)


def test_distill_prints_a_formula_and_writes_it_as_a_loss(tmp_path, capsys):
    out = tmp_path / "formula.safetensors"
    assert main(["distill", "reacher_ml3_shaped", "--out", str(out), "terms=3"]) == 0
    printed = capsys.readouterr().out
    assert "log w_1 = " in printed
    assert "log w_2 = " in printed
    assert "of the variance of log w" in printed
    loss = LearnedLoss.load(out)
    assert (loss.spec.architecture, len(loss.spec.options["terms"])) == ("formula", 3)
    assert main(["distill", "touched_arm"]) == 2
    assert "'weighted' cannot be distilled" in capsys.readouterr().err
