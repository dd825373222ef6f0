# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies that remember: nothing from the future, and the same step by step as at once."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.metarl.learning.trials import PolicyAgent, drawn, run_trials
from ml3_ros.metarl.policies.memory import memory
from ml3_ros.metarl.policies.policy import Policy, Seen
from ml3_ros.metarl.worlds.point import PointWorld

KINDS = ("none", "gru", "snail")


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("kind", KINDS)
def test_features_step_by_step_are_those_of_the_whole_trial(kind):
    net, inputs = memory(kind, 3, 23), torch.randn(23, 4, 3)
    whole, _ = net(inputs, [])
    state, steps = [], []
    for part in (inputs[:1], inputs[1:2], inputs[2:9], *inputs[9:].split(1)):
        features, state = net(part, state)
        steps.append(features)
    assert torch.allclose(torch.cat(steps), whole, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_features_know_the_past_and_nothing_of_the_future(kind):
    net, inputs = memory(kind, 3, 20), torch.randn(20, 1, 3)
    inputs.requires_grad_()
    for t in (0, 7, 19):
        (slope,) = torch.autograd.grad(net(inputs, [])[0][t].sum(), inputs)
        felt = slope.abs().sum((1, 2)) > 0.0
        assert not felt[t + 1 :].any()
        assert felt[t]
        assert felt[:t].tolist() == [kind != "none"] * t


@pytest.mark.parametrize("kind", KINDS)
def test_likelihoods_of_a_trial_are_those_that_it_was_drawn_by(kind):
    world, generator = PointWorld(), torch.Generator().manual_seed(0)
    policy = Policy(world, kind)
    tasks = world.draw(3, generator)
    trials = run_trials(world, PolicyAgent(policy, None), tasks, generator)
    chances, values, _ = policy.look(trials.seen, [])
    assert values.shape == trials.rewards.shape == (40, 3)
    assert torch.allclose(chances.mean, trials.actions, atol=1e-5)


def test_who_has_no_memory_does_not_see_the_past():
    policy = Policy(PointWorld())
    now, past = torch.randn(1, 2, 2), torch.randn(1, 2, 2)
    nothing = torch.zeros(1, 2, 0)
    seen = [
        Seen(now, action, torch.randn(1, 2, 1), torch.zeros(1, 2, 1), nothing)
        for action in (past, 2.0 * past)
    ]
    assert torch.equal(policy.look(seen[0], [])[1], policy.look(seen[1], [])[1])


def test_a_trial_shows_what_was_done_and_paid_before():
    world, generator = PointWorld(), torch.Generator().manual_seed(0)
    tasks = world.draw(2, generator)
    trials = run_trials(world, PolicyAgent(Policy(world), generator), tasks, generator)
    assert not trials.seen.action[0].any()
    assert torch.equal(trials.seen.action[1:], trials.actions[:-1].clamp(-1, 1))
    assert torch.equal(trials.seen.reward[1:, :, 0], trials.rewards[:-1])
    assert trials.seen.first[:, 0, 0].nonzero().flatten().tolist() == [0, 20]
    assert trials.seen.task.shape == (40, 2, 0)
    assert trials.returns(2).shape == (2, 2)
    assert torch.allclose(trials.returns(2)[1], trials.rewards[20:].mean(0))


def test_draws_follow_the_distribution():
    policy = Policy(PointWorld())
    chances = policy.distribution(torch.full((20_000, 2), 3.0), torch.full((20_000, 2), -1.0))
    draws = drawn(chances, torch.Generator().manual_seed(0))
    assert torch.allclose(draws.mean(0), torch.full((2,), 3.0), atol=0.02)
    assert torch.allclose(draws.std(0), torch.full((2,), -1.0).exp(), atol=0.02)
    assert torch.equal(drawn(chances, None), chances.mean)
    dice = torch.distributions.Categorical(torch.tensor([[0.1, 0.9]]).expand(20_000, 2))
    share = drawn(dice, torch.Generator().manual_seed(0)).float().mean()
    assert abs(float(share) - 0.9) < 0.01
