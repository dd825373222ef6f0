# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies: episodes are those of the world, and what is seen carries no gradient."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.learners.reaching.policy import Policy
from ml3_ros.tasks.reaching.worlds import PointMass, TwoLink


@pytest.fixture(params=[PointMass(horizon=6), TwoLink(horizon=6)], ids=["mass", "links"])
def policy(request):
    return Policy(request.param, (8,), scales=((1.0, 1.0, 2.0, 2.0), (0.5, 0.5)))


@pytest.fixture
def episode(policy):
    generator = torch.Generator().manual_seed(0)
    theta = policy.init(generator, (3,))
    start = policy.world.start(generator, 3, 2)
    goal = torch.rand(3, 2, 2, generator=generator)
    return theta, start, goal


def test_an_episode_is_one_step_after_the_other(policy, episode):
    theta, start, goal = episode
    states, actions = policy.rollout(theta, start, goal)
    assert states.shape == (3, 2, 7, 4) and actions.shape == (3, 2, 6, 2)
    assert torch.equal(states[:, :, 0], start)
    for t in range(6):
        expected = policy.call(theta, {"state": states[:, :, t], "goal": goal})
        torch.testing.assert_close(actions[:, :, t], expected)
        after = policy.world.step(states[:, :, t], actions[:, :, t])
        torch.testing.assert_close(states[:, :, t + 1], after)
    assert (actions.abs() <= torch.tensor(policy.world.limits)).all()


def test_what_is_seen_is_the_episode_without_its_gradient(policy, episode):
    theta, start, goal = episode
    theta = {k: p.requires_grad_() for k, p in theta.items()}
    states, actions = policy.rollout(theta, start, goal)
    assert states.requires_grad and actions.requires_grad
    with torch.no_grad():
        seen = policy.experience(theta, {"start": start, "goal": goal})
    assert torch.equal(seen["state"].reshape(3, 2, 6, 4), states[:, :, :-1])
    assert torch.equal(seen["goal"].reshape(3, 2, 6, 2)[:, :, 5], goal)
    torch.testing.assert_close(policy.call(theta, seen), seen["action"])
    assert policy.experience(theta, seen) is seen


def test_models_do_not_depend_on_each_other(policy, episode):
    theta, start, goal = episode
    alone = {k: p[1] for k, p in theta.items()}
    expected = policy.rollout(alone, start[1], goal[1])[0]
    torch.testing.assert_close(policy.rollout(theta, start, goal)[0][1], expected)
