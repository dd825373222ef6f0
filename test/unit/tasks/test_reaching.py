# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The family of goals: what is seen is on policy, the task loss is the distance."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from ml3_ros.core.inner_loop import inner_step
from ml3_ros.core.inner_optimizers import Sgd
from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.learners.reaching.policy import Policy
from ml3_ros.tasks.reaching.family import LAST, MEAN, ReachingFamily, distance
from ml3_ros.tasks.reaching.worlds import PointMass


@pytest.fixture
def family():
    world = PointMass(horizon=8, period=0.3)
    policy = Policy(world, (8,), scales=((1.0,) * 4, (1.0, 1.0)))
    goals = torch.tensor([[0.5, 0.0], [0.0, 0.4], [0.3, 0.3]])
    return ReachingFamily(policy, goals, n_episodes=2)


@pytest.fixture
def spec():
    return LossSpec(
        architecture="desired_action",
        target=InputSpec(name="action", unit="N", scale=(1.0, 1.0)),
        context=PointMass().inputs,
        options={"hidden": (16,), "step_hidden": (8,)},
        inner_lr=0.3,
    )


def test_the_task_loss_is_distance_at_the_end_and_on_the_way(family):
    generator = torch.Generator().manual_seed(0)
    tasks = torch.tensor([0, 2])
    theta = family.init(tasks, generator)
    batch, _ = family.query(tasks, tasks, generator)
    states, _ = family.optimizee.rollout(theta, batch["start"], batch["goal"])
    far = distance(family.optimizee.world, states, batch["goal"])
    by_hand = (states[..., :2] - family.goals[tasks][:, None, None]).square().sum(-1).sqrt()
    torch.testing.assert_close(far, by_hand)
    expected = (LAST * far[..., -1] + MEAN * far.mean(-1)).mean(-1)
    found = family.task_losses(theta, batch, {})["task"]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_an_inner_step_sees_the_episodes_of_its_own_policy(family, spec):
    generator = torch.Generator().manual_seed(0)
    tasks = torch.tensor([0, 1, 2])
    theta = family.init(tasks, generator)
    batch = family.support(tasks, tasks, generator)
    seen = {}

    def evaluate(phi, model, batch, count):
        seen.update(batch)
        return spec.loss().evaluate(phi, model, batch, count)

    phi = {k: p.unsqueeze(0) for k, p in spec.init_phi(generator).items()}
    rule = Sgd(0.1, None)
    learner = Learner(family.optimizee, SimpleNamespace(evaluate=evaluate), rule)
    result = inner_step(learner, theta, phi, batch, rule.init(theta, (3,)))
    expected = family.optimizee.experience(theta, batch)
    assert set(seen) == {"state", "goal", "action", "error", "velocity"}
    for name, x in expected.items():
        torch.testing.assert_close(seen[name], x)
    assert not any(torch.equal(result.theta[k], p) for k, p in theta.items())


def test_meta_training_brings_policies_to_their_goals(family, spec):
    config = MetaTrainConfig(
        n_outer_steps=150, n_tasks=4, unroll=4, horizon=8, outer_lr=1e-2, outer_every_step=True
    )
    trainer = MetaTrainer(family, spec, config, (0,))
    losses = [float(trainer.step().task_loss) for _ in range(150)]
    assert sum(losses[-20:]) < sum(losses[:20]) - 20 * 0.5  # logarithms
