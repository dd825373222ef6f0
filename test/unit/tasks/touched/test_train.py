# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Losses of touched arms are made by one command, equal ones twice, and say what they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.touched.recipes import TouchedRecipe
from ml3_ros.tasks.touched.train import TouchedTraining, train_touched

NAMES = load_robot("reacher").names


def short(model):
    recipe = TouchedRecipe(model=model, stream=model == "physical", n_outer_steps=1, n_tasks=2)
    return TouchedTraining(robot="reacher", recipe=recipe, families=("none", "pushing"), n_arms=1)


@pytest.mark.parametrize("model", ["physical", "network_on_model"])
def test_training_writes_a_loss_that_says_what_it_is(tmp_path, model):
    lines = []
    made = train_touched(short(model), tmp_path / "one.safetensors", lines.append)
    again = train_touched(short(model), tmp_path / "two.safetensors", lines.append)
    assert made.to_bytes() == again.to_bytes()
    read = LearnedLoss.load(tmp_path / "one.safetensors")
    assert read.spec.target.labels == NAMES and read.provenance["task_family"] == "touched_arms"
    assert read.provenance["config"]["recipe"]["model"] == model
    assert [x.name for x in read.spec.context] == ["v", "trust"][: 1 + (model != "physical")]
    assert any(bool(p.abs().sum() > 0) for name, p in read.phi.items() if "net" in name)
    assert len(lines) == 2 and not list(tmp_path.glob("*.checkpoint"))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"families": ("magic",)}, "families"),
        ({"n_arms": 0}, "n_arms"),
        ({"recipe": TouchedRecipe(model="network")}, "recipe.model"),
    ],
)
def test_settings_that_cannot_be_trained_are_rejected(wrong, reason):
    with pytest.raises(ConfigError, match=reason):
        TouchedTraining(**wrong)


def test_one_loss_is_trained_on_arms_of_other_sizes_in_turn(tmp_path):
    recipe = TouchedRecipe(stream=True, n_outer_steps=2, n_tasks=2)
    alone = TouchedTraining(robot="reacher", recipe=recipe, families=("none",), n_arms=1)
    both = replace(alone, others=("sawyer",))
    made = [
        train_touched(config, tmp_path / f"{i}.safetensors", lambda _: None)
        for i, config in enumerate((alone, both))
    ]
    assert "others" not in made[0].provenance["config"]
    assert made[1].provenance["config"]["others"] == ["sawyer"]
    assert made[0].spec == made[1].spec  # of the first arm; it is rescaled for others
    weights = [loss.phi["net.weight_1"] for loss in made]
    assert not weights[0].equal(weights[1])


def test_a_network_is_trained_on_one_arm():
    recipe = TouchedRecipe(model="network_on_model")
    with pytest.raises(ConfigError, match="others"):
        TouchedTraining(recipe=recipe, others=("reacher",))
