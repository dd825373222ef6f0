# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-training to files: what is done is loaded, what was killed goes on to the same bytes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import DataError, LossFileError, Ml3Error
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks import training
from ml3_ros.tasks.inverse_dynamics import train as module
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe, learned_loss
from ml3_ros.tasks.inverse_dynamics.train import TrainConfig, train_loss
from ml3_ros.tasks.training import revision, run_to_end, train_losses

TINY = TrainConfig(
    robot="reacher",
    n_robots=2,
    recipe=Recipe(nle="given", n_outer_steps=5, n_tasks=2),
)


def artefact(kind):
    """Return what makes artefacts of losses for this population's Reachers."""
    return lambda trainer, i, added: learned_loss(trainer, i, kind.units, "reacher", added)


class Killed(BaseException):
    """As SIGKILL: nothing of ours catches it."""


@pytest.fixture
def killed_after(monkeypatch):
    """Let the next run die in the middle of its outer step number n."""

    def arm(n):
        step = MetaTrainer.step

        def dying(self):
            if self.step_count == n:
                monkeypatch.setattr(MetaTrainer, "step", step)
                raise Killed
            return step(self)

        monkeypatch.setattr(training, "CHECKPOINT_STEPS", 2)
        monkeypatch.setattr(MetaTrainer, "step", dying)

    return arm


@pytest.fixture
def never_trained(monkeypatch):
    """From the moment that it is called, no outer step may be made."""

    def fail(self):
        raise AssertionError("trained again")

    return lambda: monkeypatch.setattr(MetaTrainer, "step", fail)


def test_every_seed_gets_a_file_and_a_second_run_loads_them(reacher, tmp_path, never_trained):
    kind, _, make = reacher
    losses = train_losses(make((4, 2)), artefact(kind), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "seed_2.safetensors",
        "seed_4.safetensors",
    ]
    assert [loss.provenance["seed"] for loss in losses] == [4, 2]
    never_trained()
    again = train_losses(make((4, 2)), artefact(kind), tmp_path)
    assert [x.to_bytes() for x in again] == [x.to_bytes() for x in losses]


def test_a_loss_holds_where_it_comes_from(reacher, tmp_path):
    kind, _, make = reacher
    loss = train_losses(make((3,)), artefact(kind), tmp_path)[0]
    assert loss.provenance["robot"] == "reacher"
    assert loss.provenance["task_family"] == "inverse_dynamics"
    assert loss.provenance["outer_steps"] == 6
    assert loss.provenance["revision"] == revision()
    assert Units.from_dict(loss.provenance["units"]) == kind.units
    loss.check_labels(load_robot("reacher").names)


@pytest.mark.parametrize("change", [{"n_outer_steps": 7}, {"inner_lr": 0.05}])
def test_losses_of_other_settings_are_trained_anew(reacher, tmp_path, change):
    kind, _, make = reacher
    old = train_losses(make((0,)), artefact(kind), tmp_path)[0]
    new = train_losses(make((0,), **change), artefact(kind), tmp_path)[0]
    assert new.to_bytes() != old.to_bytes()
    assert new.provenance["outer_steps"] == change.get("n_outer_steps", 6)


@pytest.mark.parametrize("n_steps", [1, 5])
def test_a_killed_run_goes_on_to_the_same_losses(reacher, tmp_path, killed_after, n_steps):
    kind, _, make = reacher
    whole = train_losses(make(), artefact(kind), tmp_path / "whole")
    killed_after(n_steps)
    with pytest.raises(Killed):
        train_losses(make(), artefact(kind), tmp_path / "killed")
    assert (tmp_path / "killed" / "checkpoint.safetensors").exists()
    trainer, steps = make(), []
    step = trainer.step
    trainer.step = lambda: steps.append(step()) or steps[-1]
    losses = train_losses(trainer, artefact(kind), tmp_path / "killed")
    assert len(steps) == 6 - n_steps // 2 * 2  # only what came after the last checkpoint
    assert [x.to_bytes() for x in losses] == [x.to_bytes() for x in whole]
    assert not (tmp_path / "killed" / "checkpoint.safetensors").exists()


def test_a_checkpoint_that_is_not_ours_is_named_and_kept(reacher, tmp_path, killed_after):
    kind, _, make = reacher
    killed_after(4)
    with pytest.raises(Killed):
        train_losses(make(), artefact(kind), tmp_path)
    checkpoint = tmp_path / "checkpoint.safetensors"
    data = checkpoint.read_bytes()
    with pytest.raises(DataError, match="another run: delete it"):
        run_to_end(make((8, 9)), checkpoint, "other")
    assert checkpoint.read_bytes() == data
    checkpoint.write_bytes(data[:-5])
    with pytest.raises(DataError, match=r"corrupt.*delete it"):
        run_to_end(make(), checkpoint, "same")


def test_a_folder_that_cannot_be_written_is_found_before_training(
    reacher, tmp_path, never_trained
):
    kind, _, make = reacher
    (tmp_path / "file").touch()
    never_trained()
    with pytest.raises(Ml3Error, match="cannot be written"):
        train_losses(make(), artefact(kind), tmp_path / "file" / "out")


def test_a_damaged_loss_in_the_folder_is_named(reacher, tmp_path):
    kind, _, make = reacher
    (tmp_path / "seed_0.safetensors").write_bytes(b"nonsense")
    with pytest.raises(LossFileError, match=r"seed_0.safetensors"):
        train_losses(make((0,)), artefact(kind), tmp_path)


def test_equal_configurations_give_equal_files(tmp_path):
    files, phis = [], []
    for i, config in enumerate((TINY, TINY, replace(TINY, seed=1))):
        path = tmp_path / f"{i}.safetensors"
        loss = train_loss(config, path, str)
        assert LearnedLoss.load(path).to_bytes() == loss.to_bytes() == path.read_bytes()
        files.append(path.read_bytes())
        phis.append(loss.phi["log_scale"])
    assert files[0] == files[1]
    assert files[0] != files[2]
    assert not torch.equal(phis[0], phis[2])
    assert {p.suffix for p in tmp_path.iterdir()} == {".safetensors"}


def test_a_killed_training_goes_on_to_the_same_file(tmp_path, killed_after):
    train_loss(TINY, tmp_path / "whole.safetensors", str)
    killed_after(3)
    path = tmp_path / "killed.safetensors"
    with pytest.raises(Killed):
        train_loss(TINY, path, str)
    assert not path.exists()
    assert path.with_suffix(".checkpoint").exists()
    train_loss(TINY, path, str)
    assert path.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
    assert not path.with_suffix(".checkpoint").exists()


def test_the_file_holds_its_recipe_and_nothing_of_this_machine(tmp_path, monkeypatch):
    """A robot given by its path is known by its name."""
    description = load_robot("reacher")
    loss = train_loss(TINY, tmp_path / "by_name.safetensors", str)
    config = loss.provenance["config"]
    assert config["robot"] == "reacher"
    assert config["n_robots"] == 2
    assert config["recipe"]["nle"] == "given"
    by_name = module.population
    monkeypatch.setattr(module, "population", lambda robot, nle: by_name("reacher", nle))
    by_path = TrainConfig(robot=str(description.path), n_robots=2, recipe=TINY.recipe)
    other = train_loss(by_path, tmp_path / "by_path.safetensors", str)
    assert str(description.path.parent).encode() not in other.to_bytes()
    assert other.provenance["config"]["robot"] == "reacher"


def test_revision_is_short_and_never_fails(monkeypatch):
    assert re.fullmatch(r"[0-9a-f]{6,40}(-dirty)?|version \d+\.\d+\.\d+", revision())
    monkeypatch.setenv("PATH", "")  # no git
    assert re.fullmatch(r"version \d+\.\d+\.\d+", revision())
