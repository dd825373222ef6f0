"""The losses of the package: whole, for the robots of the package, and with their recipe."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ml3_ros
from ml3_ros.core.learned_loss import LearnedLoss
from ml3_ros.core.prior_loss import TaughtPrior
from ml3_ros.experiments.train_loss import TrainConfig
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe
from ml3_ros.tasks.inverse_dynamics.units import Units

FILES = sorted((Path(ml3_ros.__file__).parent / "losses").glob("*.safetensors"))


def test_there_are_losses_with_and_without_the_prior():
    names = {path.stem for path in FILES}
    assert {"sawyer_ml3_shaped", "sawyer_ml3_unshaped"} <= names


def prior_options(loss):
    """Return the options of the prior that a loss carries, which its robot's model decides."""
    own = {"knots", "error_statistics", "normalised", "bound"}
    return {k: v for k, v in loss.spec.options.items() if k not in own}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_loss_belongs_to_its_robot_and_tells_how_it_was_made(path):
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
        return float(network.call(loss.phi, prediction, target, batch, torch.zeros(())))

    for size in (0.01, 0.1, 1.0):
        assert value(target + size) > value(target)
