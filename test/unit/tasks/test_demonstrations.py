# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Behavioural cloning as task loss and as baseline: evaluated where the expert was."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.core.inner_loop import inner_step
from ml3_ros.core.inner_optimizers import Sgd
from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.errors import DataError
from ml3_ros.experiments.demonstrations.behavioural_cloning import clone
from ml3_ros.experiments.demonstrations.task import DemonstrationFamily, Demonstrations
from ml3_ros.learners.reaching.policy import Policy
from ml3_ros.tasks.reaching.worlds import PointMass


@pytest.fixture
def policy():
    world = PointMass(horizon=6, limits=(2.0, 0.5))
    return Policy(world, (16,), scales=((1.0,) * 4, (1.0, 1.0)))


@pytest.fixture
def shown():
    """Two targets, and an expert that pushes towards them."""
    generator = torch.Generator().manual_seed(0)
    goals = torch.tensor([[0.5, 0.2], [-0.3, 0.4]])
    states = torch.randn(2, 40, 4, generator=generator)
    return Demonstrations(goals, states, 0.4 * torch.tanh(goals[:, None] - states[..., :2]))


def test_a_policy_is_evaluated_by_its_actions_at_the_experts_states(policy, shown):
    family = DemonstrationFamily(policy, shown)
    generator, tasks = torch.Generator().manual_seed(1), torch.tensor([1, 0, 1])
    theta = family.init(tasks, generator)
    batch, extra = family.query(tasks, tasks, generator)
    found = family.task_losses(theta, batch, extra)["task"]
    for i, task in enumerate(tasks):
        expected = 0.0
        for state, action in zip(shown.states[task], shown.actions[task], strict=True):
            seen = {"state": state[None], "goal": shown.goals[task][None]}
            error = policy.call({k: p[i] for k, p in theta.items()}, seen)[0] - action
            expected += float((error / torch.tensor([2.0, 0.5])).square().sum()) / 40
        assert float(found[i]) == pytest.approx(expected, rel=1e-5)


def test_the_learned_loss_sees_no_expert(policy, shown):
    family = DemonstrationFamily(policy, shown)
    generator, tasks = torch.Generator().manual_seed(1), torch.tensor([0, 1])
    theta = family.init(tasks, generator)
    batch = family.support(tasks, tasks, generator)
    assert set(batch) == {"start", "goal"}
    spec = LossSpec(
        architecture="desired_action",
        target=InputSpec(name="action", unit="N", scale=policy.world.limits),
        context=policy.world.inputs,
        inner_lr=0.1,
    )
    phi = {k: p.unsqueeze(0) for k, p in spec.init_phi(generator).items()}
    rule = Sgd(0.1, None)
    learner = Learner(policy, spec.loss(), rule)
    before = inner_step(learner, theta, phi, batch, rule.init(theta, (2,))).theta
    shown.states.zero_(), shown.actions.fill_(9.0)
    after = inner_step(learner, theta, phi, batch, rule.init(theta, (2,))).theta
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_a_clone_acts_like_the_expert(policy, shown):
    def error(theta):
        seen = {"state": shown.states[1], "goal": shown.goals[1].expand(40, 2)}
        return float((policy.call(theta, seen) - shown.actions[1]).abs().mean())

    start, end = clone(
        policy,
        shown,
        lr=1e-2,
        checkpoints=(0, 500),
        measure=error,
        generator=torch.Generator().manual_seed(0),
    )
    assert end < 0.1 * start


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("states", torch.zeros(2, 39, 4), "same N and B"),
        ("goals", torch.zeros(3, 2), "same N and B"),
        ("actions", torch.full((2, 40, 2), torch.nan), "leave those episodes out"),
    ],
)
def test_demonstrations_that_do_not_fit_are_rejected(shown, field, value, words):
    fields = {k: getattr(shown, k) for k in Demonstrations.__slots__} | {field: value}
    with pytest.raises(DataError, match=words):
        Demonstrations(**fields)
