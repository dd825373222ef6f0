# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ML3 as a row of meta-reinforcement learning: descent on a learned loss of each episode."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ml3_ros.metarl.learning.ppo import PpoConfig
from ml3_ros.metarl.learning.task_policies import spread
from ml3_ros.metarl.learning.trials import PolicyAgent, run_trials
from ml3_ros.metarl.methods.maml import _improve, episodes_of
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.methods.ml3 import LossParameters, Ml3
from ml3_ros.metarl.policies.policy import Policy
from ml3_ros.metarl.worlds.point import PointWorld

PPO = PpoConfig(n_trials=16, lr=2e-3, discount=0.95, n_epochs=4)
KINDS = [Ml3(), Ml3(rewards=False), Ml3(architecture="mlp"), Ml3(n_steps=2)]


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def parameters(method, world):
    return LossParameters(method, world, Policy(world), PPO, source())


def played(world, n=3):
    generator = source()
    return run_trials(
        world, PolicyAgent(Policy(world), generator), world.draw(n, source()), generator
    )


def double(trials):
    names = ("observation", "action", "reward", "first", "task")
    seen = type(trials.seen)(*(getattr(trials.seen, k).double() for k in names))
    return type(trials)(seen, trials.actions.double(), trials.rewards.double())


@pytest.mark.parametrize("method", KINDS)
def test_the_gradient_on_the_loss_through_its_step_is_that_of_finite_differences(method):
    world = PointWorld()
    learned = parameters(method, world).double()
    first, second = episodes_of(double(played(world)), 2)
    name, phi = next((k, p) for k, p in learned.phi.items() if "weight_1" in k)

    def after():
        theta = learned.step(spread(learned.start, 3), first, create_graph=True)
        chances, _ = learned.policies.look(theta, second.seen)
        return chances.log_prob(second.actions).mean()

    (slope,) = torch.autograd.grad(after(), phi)
    for i in range(3):
        ends = []
        for sign in (1.0, -1.0):
            with torch.no_grad():
                phi[i, 0] += sign * 1e-5
            ends.append(float(after().detach()))
            with torch.no_grad():
                phi[i, 0] -= sign * 1e-5
        expected = (ends[0] - ends[1]) / 2e-5
        assert float(slope[i, 0]) == pytest.approx(expected, rel=1e-3, abs=1e-9), name


@pytest.mark.parametrize("rewards", [True, False])
def test_a_loss_is_told_rewards_or_not(rewards):
    world = PointWorld()
    learned, trials = parameters(Ml3(rewards=rewards), world), played(world)
    (part, _) = episodes_of(trials, 2)
    values = [
        learned.value(spread(learned.start, 3), replace(part, rewards=r)).detach()
        for r in (part.rewards, part.rewards.flip(0))
    ]
    assert values[0].shape == (3,)
    assert torch.equal(*values) is not rewards


def test_a_step_descends_on_the_loss_of_each_task():
    world = PointWorld()
    learned = parameters(Ml3(), world)
    with torch.no_grad():
        for rate in learned.rates.values():
            rate.fill_(0.01)
    part, _ = episodes_of(played(world), 2)
    theta = spread(learned.start, 3)
    assert (learned.value(learned.step(theta, part), part) < learned.value(theta, part)).all()


def test_loss_start_and_steps_are_learned_from_what_acts_after_them():
    world, generator = PointWorld(), source()
    learned = parameters(Ml3(), world)
    optimizer = torch.optim.Adam(learned.parameters(), lr=1e-2)
    agent = learned.agent(world.horizon, generator)
    trials = run_trials(world, agent, world.draw(16, generator), generator)
    learns = {k: p for k, p in learned.named_parameters() if p.requires_grad}
    before = {k: p.detach().clone() for k, p in learns.items()}
    _improve(learned, optimizer, trials, 2)
    moved = {k for k, p in learns.items() if not torch.equal(p, before[k])}
    # a loss of means says nothing of how much to explore
    assert moved == set(before) - {"rates.log_std"}


def test_actions_by_index_are_rows_of_chances():
    world = PointWorld()
    world.discrete = True
    learned, trials = parameters(Ml3(), world), played(PointWorld())
    trials = replace(trials, actions=trials.actions[..., 0] > 0.0)
    value = learned.value(spread(learned.start, 3), trials)
    assert value.isfinite().all()
    assert (learned.step(spread(learned.start, 3), trials)["action.bias"] != 0.0).any()


def test_the_same_seed_learns_the_same():
    def learned():
        world = PointWorld()
        agent = Ml3()(world, Budget(steps=1, seed=0, ppo=PPO))
        return run_trials(world, agent, world.draw(8, source(9)), source(9)).rewards

    assert torch.equal(learned(), learned())


@pytest.mark.slow
def test_the_second_episode_is_better_after_descent_on_the_loss():
    world = PointWorld()
    ppo = replace(PPO, n_epochs=8, n_parts=8)
    agent = Ml3()(world, Budget(steps=150_000, seed=0, ppo=ppo))
    trials = run_trials(world, agent, world.draw(200, source(9)), source(9))
    first, second = trials.returns(2).mean(1)
    assert first > -0.85
    assert second > first + 0.01
