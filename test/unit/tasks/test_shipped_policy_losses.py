# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Losses for policies that come with the package bring new policies to new goals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import ml3_ros
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.experiments.demonstrations.run import new_targets
from ml3_ros.experiments.model_based.run import under_loss
from ml3_ros.tasks.reaching.recipes import setting

FOLDER = Path(ml3_ros.__file__).parent / "zoo"


def shipped(name):
    path = FOLDER / f"{name}.safetensors"
    loss = LearnedLoss.load(path)
    assert loss.to_bytes() == path.read_bytes()
    return loss


def test_the_loss_for_the_point_mass_knows_the_other_half_plane():
    chosen, loss = setting("point_mass"), shipped("pointmass_ml3_goal")
    assert loss.spec == chosen.spec("desired_action")
    goals = chosen.goals(4, torch.Generator().manual_seed(99), trained=False)
    distance = under_loss(chosen, goals, loss, (0, 20, 50), seed=99).final
    assert (distance[:, 0] > 0.2).all()
    assert distance[:, 1].mean() < 0.07 and distance[:, 2].mean() < 0.05


def test_the_loss_for_two_links_reaches_goals_where_it_was_trained():
    chosen, loss = setting("reacher"), shipped("reacher_ml3_goal")
    assert loss.spec == chosen.spec("desired_action")
    goals = chosen.goals(4, torch.Generator().manual_seed(99), trained=True)
    distance = under_loss(chosen, goals, loss, (0, 20, 100), seed=99).final
    assert distance[:, 0].mean() > 0.06
    assert distance[:, 1].mean() < 0.03 and distance[:, 2].mean() < 0.015


def test_the_loss_from_demonstrations_reaches_targets_that_were_not_shown():
    chosen, loss = setting("reacher"), shipped("reacher_ml3_demos")
    assert loss.spec == chosen.spec("desired_action")
    targets = new_targets(4, torch.Generator().manual_seed(99))
    distance = under_loss(chosen, targets, loss, (0, 50), seed=99).final
    assert distance[:, 0].mean() > 0.04
    assert distance[:, 1].mean() < 0.015


@pytest.mark.parametrize(
    ("robot", "budget"), [("reacher", 1100), pytest.param("ant", 1300, marks=pytest.mark.slow)]
)
def test_model_free_losses_need_no_reward(robot, budget):
    pytest.importorskip("gymnasium")
    from ml3_ros.experiments.model_free import run as model_free
    from ml3_ros.experiments.model_free.output import EXPERIMENTS
    from ml3_ros.experiments.model_free.recipes import HIDDEN
    from ml3_ros.experiments.model_free.recipes import setting as free_setting

    chosen, loss = free_setting(robot), shipped(f"{robot}_ml3_free")
    environment = chosen.make(1)
    assert loss.spec == chosen.spec("desired_action", environment)
    goals = chosen.goals(4, torch.Generator().manual_seed(99), trained=True)
    evaluator = model_free.Evaluator(environment, goals, seed=99)
    config = replace(EXPERIMENTS[f"{robot}_free"].config, loss_budget=budget)
    cost = model_free.under_loss(config, chosen, evaluator, loss, HIDDEN)
    assert np.isfinite(cost).all()
    worth = {"reacher": 0.5 * cost[:, 0].mean(), "ant": -3.0}  # costs: minus the return
    assert cost[:, -1].mean() < worth[robot] < cost[:, 0].mean()
