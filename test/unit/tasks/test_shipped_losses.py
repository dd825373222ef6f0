# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The losses of the package: whole, for the robots of the package, and with their recipe."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import torch

import ml3_ros
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.loss_input import LossInput
from ml3_ros.core.losses.meta_losses import StructuredLoss
from ml3_ros.core.losses.prior import TaughtPrior
from ml3_ros.experiments.mountain_car.run import CHECKPOINTS, KEPT, SOLVED, train_policies
from ml3_ros.experiments.mountain_car.task import loss_spec
from ml3_ros.experiments.runner.adaptation import adaptation_curves
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.learners.reaching.arm_task import task_of
from ml3_ros.learners.reaching.policy import Policy
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe
from ml3_ros.tasks.inverse_dynamics.train import TrainConfig
from ml3_ros.tasks.reaching.arm_recipes import ARMS, ReachRecipe
from ml3_ros.tasks.touched.contacts import KINDS
from ml3_ros.tasks.touched.recipes import TouchedRecipe
from ml3_ros.tasks.touched.train import TouchedTraining

ALL = sorted((Path(ml3_ros.__file__).parent / "zoo").glob("*.safetensors"))
REACH = [path for path in ALL if path.stem.endswith("_ml3_reach")]
CAR = [path for path in ALL if path.stem.startswith("mountain_car")]
OF_EXPERIMENTS = {
    "pointmass_ml3_goal",
    "reacher_ml3_demos",
    "reacher_ml3_free",
    "ant_ml3_free",
    "reacher_ml3_goal",
    "arm_ml3_payload",
}
TOUCHED = [path for path in ALL if path.stem.startswith("touched_")]
OTHERS = (*REACH, *CAR, *TOUCHED)
FILES = [path for path in ALL if path not in OTHERS and path.stem not in OF_EXPERIMENTS]


def test_there_are_losses_with_and_without_the_prior():
    names = {path.stem for path in FILES}
    assert {"sawyer_ml3_shaped", "sawyer_ml3_unshaped"} <= names


def prior_options(loss):
    """Return the options of the prior that a loss carries, which its robot's model decides."""
    own = {"knots", "error_statistics", "normalised", "bound"}
    return {k: v for k, v in loss.spec.options.items() if k not in own}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_loss_belongs_to_its_robot_and_holds_its_recipe(path):
    loss = LearnedLoss.load(path)
    assert loss.to_bytes() == path.read_bytes()
    assert path.stem.startswith(loss.provenance["robot"])
    units = Units.from_dict(loss.provenance["units"])
    loss.check_labels(units.joint_names)
    described = loss.provenance["config"]
    recipe = Recipe(**described["recipe"])
    config = TrainConfig(**{**described, "recipe": recipe})
    assert recipe.use_prior == ("unshaped" not in path.stem)
    assert config.recipe.n_outer_steps == loss.provenance["outer_steps"]
    if config.robot in ("sawyer", "reacher"):
        loss.check_labels(load_robot(config.robot).names)
        prior = TaughtPrior(network=None, params={}, options=prior_options(loss), error=())
        assert recipe.loss_spec(units, config.robot, prior) == loss.spec


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_loss_is_least_where_the_prediction_is_right(path):
    loss = LearnedLoss.load(path)
    network, generator = loss.spec.network(), torch.Generator().manual_seed(0)
    inputs = (loss.spec.target, *loss.spec.context)
    batch = {x.name: torch.randn(16, len(x.scale), generator=generator) for x in inputs}
    target = batch[loss.spec.target.name]

    def value(prediction):
        inputs = LossInput(None, prediction, target, batch, torch.zeros(()))
        return float(StructuredLoss.evaluate(network, loss.phi, inputs))  # no pull to a prior

    for size in (0.01, 0.1, 1.0):
        assert value(target + size) > value(target)


@pytest.mark.parametrize("path", TOUCHED, ids=lambda path: path.stem)
def test_a_loss_of_touched_arms_holds_its_recipe(path):
    loss = LearnedLoss.load(path)
    assert loss.to_bytes() == path.read_bytes()
    described = loss.provenance["config"]
    # a file may be older than the end of a field
    known = {field.name for field in fields(TouchedRecipe)}
    recipe = TouchedRecipe(**{k: v for k, v in described["recipe"].items() if k in known})
    config = TouchedTraining(**{**described, "recipe": recipe, "families": KINDS})
    assert tuple(described["families"]) == config.families
    assert (recipe.model == "physical") == (path.stem == "touched_arm")
    assert "net.weight_0" in loss.phi and loss.spec.architecture == "weighted"
    assert loss.spec.target.labels == load_robot(config.robot).names


@pytest.mark.parametrize("path", REACH, ids=lambda path: path.stem)
def test_a_loss_for_reaching_brings_the_task_of_its_recipe(path):
    loss = LearnedLoss.load(path)
    assert loss.to_bytes() == path.read_bytes()
    recipe = ReachRecipe(**loss.provenance["config"])
    assert path.stem == f"{recipe.robot}_ml3_reach"
    assert recipe.n_outer_steps == loss.provenance["outer_steps"]
    arm = recipe.setting()
    assert task_of(loss) == arm.task
    assert loss.spec == arm.spec()
    assert loss.spec.target.labels == load_robot(recipe.robot).names


@pytest.mark.parametrize("path", REACH, ids=lambda path: path.stem)
def test_a_loss_for_reaching_brings_random_policies_near_new_goals(path):
    loss = LearnedLoss.load(path)
    arm, n, generator = ARMS[loss.provenance["robot"]](), 8, torch.Generator().manual_seed(99)
    policy = Policy(arm.world, arm.task.hidden, scales=arm.task.scales)
    family = arm.family(policy, arm.goals(n, generator), n_episodes=1)
    positions = arm.task.n_positions

    def ends(theta):
        start = arm.world.start(generator, n, 2)
        states, _ = policy.rollout(theta, start, family.goals.unsqueeze(1).expand(-1, 2, -1))
        away = arm.world.position(states[:, :, -1]) - family.goals.unsqueeze(1)
        return away[..., :positions].norm(dim=-1).mean(-1)

    before, after = adaptation_curves(family, n, loss.spec, loss.phi, (0, 4), ends, 0).mean(0)
    assert after < 0.4 * before


def test_the_loss_for_the_car_brings_it_to_its_goal():
    (path,) = CAR
    loss = LearnedLoss.load(path)
    assert loss.to_bytes() == path.read_bytes()
    assert loss.spec == loss_spec("desired_action")
    distance, _ = train_policies(loss, 4, seed=99)
    assert (distance[:, CHECKPOINTS.index(KEPT) :] < SOLVED).all()
