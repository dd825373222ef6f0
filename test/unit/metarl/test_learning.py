# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What methods of meta-reinforcement learning share: advantages, PPO, and steps of each task."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ml3_ros.errors import ConfigError
from ml3_ros.metarl.learning.ppo import PpoConfig, advantages, train
from ml3_ros.metarl.learning.task_policies import (
    AdaptingAgent,
    TaskPolicies,
    policy_gradient,
    spread,
    stepped,
)
from ml3_ros.metarl.learning.trials import PolicyAgent, run_trials
from ml3_ros.metarl.policies.policy import Policy
from ml3_ros.metarl.worlds.point import PointWorld

PPO = PpoConfig(n_trials=32, lr=2e-3, discount=0.9)
QUICK = replace(PPO, n_trials=16)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def naive(rewards, values, discount, trace):
    """Return sums of discounted temporal differences, as GAE is defined."""
    n = len(rewards)
    following = torch.cat([values[1:], values[-1:]])
    delta = rewards + discount * following - values
    weights = [
        [(discount * trace) ** (k - t) if k >= t else 0.0 for k in range(n)] for t in range(n)
    ]
    return torch.tensor(weights) @ delta


def test_advantages_are_those_of_the_definition():
    rewards, values = torch.randn(8, 3), torch.randn(8, 3)
    found, returns = advantages(rewards, values, PPO, 2)
    assert torch.allclose(found, naive(rewards, values, PPO.discount, PPO.trace), atol=1e-5)
    assert torch.allclose(returns, found + values)
    apart, _ = advantages(rewards, values, replace(PPO, across=False), 2)
    halves = [
        naive(rewards[part], values[part], PPO.discount, PPO.trace)
        for part in (slice(4), slice(4, 8))
    ]
    assert torch.allclose(apart, torch.cat(halves), atol=1e-5)


def test_a_policy_that_is_told_the_goal_learns_to_go_there():
    world = PointWorld(episodes=1)
    policy = Policy(world, "none", 1)
    means = [float(trials.rewards.mean()) for _, trials in train(world, policy, 15_000, 0, QUICK)]
    assert means[0] < -0.9
    assert means[-1] > -0.6


def test_the_same_seed_trains_the_same_policy():
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        world = PointWorld(episodes=1)
        policy = Policy(world, "gru")
        list(train(world, policy, 1, 3, PPO))
        found.append(torch.cat([p.detach().flatten() for p in policy.parameters()]))
    assert torch.equal(*found)


def test_rewards_of_ones_own_take_the_place_of_the_worlds():
    world = PointWorld(episodes=1)
    policy = Policy(world)

    def leftwards(trials):
        return -trials.actions[..., 0]

    *_, (_, trials) = train(world, policy, 15_000, 0, PPO, leftwards)
    assert trials.actions[..., 0].mean() < -0.3


def test_wrong_settings_are_told():
    with pytest.raises(ConfigError, match="equal parts"):
        PpoConfig(n_trials=5, n_parts=2)
    with pytest.raises(ConfigError, match="shares of 1"):
        PpoConfig(discount=1.5)


@pytest.fixture
def played():
    world, generator = PointWorld(episodes=1), torch.Generator().manual_seed(0)
    policy = Policy(world)
    tasks = world.draw(3, generator)
    return policy, run_trials(world, PolicyAgent(policy, generator), tasks, generator)


def test_many_policies_at_once_look_like_each_alone(played):
    policy, trials = played
    theta = {k: p + 0.1 * torch.randn_like(p) for k, p in spread(_start(policy), 3).items()}
    chances, values = TaskPolicies(policy).look(theta, trials.seen)
    for i in range(3):
        alone = Policy(PointWorld(episodes=1))
        alone.load_state_dict({k: p[i] for k, p in theta.items()})
        own, value, _ = alone.look(trials.of(torch.tensor([i])).seen, [])
        assert torch.allclose(chances.mean[:, i], own.mean[:, 0], atol=1e-5)
        assert torch.allclose(chances.stddev[:, i], own.stddev[:, 0], atol=1e-5)
        assert torch.allclose(values[:, i], value[:, 0], atol=1e-5)


def _start(policy):
    return {k: p.detach() for k, p in policy.named_parameters()}


def test_a_step_makes_what_paid_more_likely(played):
    policy, trials = played
    policies = TaskPolicies(policy)
    theta = {k: p.clone().requires_grad_() for k, p in spread(_start(policy), 3).items()}
    grads = policy_gradient(policies, theta, trials, PPO)
    rates = {k: torch.tensor(0.1) for k in grads}
    chances, values = policies.look(theta, trials.seen)
    found, _ = advantages(trials.rewards * 0.1, values.detach(), PPO, 1)
    found = (found - found.mean(0)) / found.std(0)
    after, _ = policies.look(stepped(theta, grads, rates), trials.seen)
    gained = after.log_prob(trials.actions) - chances.log_prob(trials.actions)
    assert ((gained * found).mean(0) > 0.0).all()
    assert not any(k.startswith("critic") for k in grads)


def test_the_gradient_through_a_step_is_that_of_finite_differences(played):
    policy, trials = played
    policy = policy.double()
    seen = replace_all(trials.seen, lambda x: x.double())
    trials = type(trials)(seen, trials.actions.double(), trials.rewards.double())
    policies, start = TaskPolicies(policy), _start(policy)
    rates = {k: torch.tensor(0.3).double() for k in start}

    before = policy.look(seen, [])[0].log_prob(trials.actions).detach()

    def after(bias):
        theta = spread({**start, "action.bias": bias}, 3)
        theta = {k: p if p.requires_grad else p.clone().requires_grad_() for k, p in theta.items()}
        grads = policy_gradient(policies, theta, trials, PPO, before=before, create_graph=True)
        chances, _ = policies.look(stepped(theta, grads, rates), seen)
        return chances.log_prob(trials.actions).mean()

    bias = start["action.bias"].clone().requires_grad_()
    (slope,) = torch.autograd.grad(after(bias), bias)
    for i in range(2):
        moved = torch.zeros(2).double()
        moved[i] = 1e-5
        high, low = (after((bias.detach() + s * moved).requires_grad_()).detach() for s in (1, -1))
        assert float(slope[i]) == pytest.approx(float(high - low) / 2e-5, rel=1e-4)


def replace_all(seen, change):
    names = ("observation", "action", "reward", "first", "task")
    return type(seen)(*(change(getattr(seen, name)) for name in names))


def test_an_agent_makes_one_step_after_each_episode():
    world, generator = PointWorld(episodes=3), torch.Generator().manual_seed(0)
    policy = Policy(world)
    start = _start(policy)
    for rate, changed in ((0.0, False), (0.1, True)):
        rates = {k: torch.tensor(rate) for k in start}

        def adapt(theta, trials, rates=rates):
            assert trials.rewards.shape == (world.horizon, 4)
            return stepped(theta, policy_gradient(TaskPolicies(policy), theta, trials, PPO), rates)

        agent = AdaptingAgent(policy, start, adapt, world.horizon, generator)
        run_trials(world, agent, world.draw(4, generator), generator)
        moved = (agent.theta["action.bias"] != start["action.bias"]).any(-1)
        assert moved.tolist() == [changed] * 4
        agent.begin(torch.zeros(4, 1))
        assert torch.equal(agent.theta["action.bias"][0], start["action.bias"])
