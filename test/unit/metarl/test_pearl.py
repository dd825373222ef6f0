# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""PEARL: what it believes of a task, what its critics learn from, and when it guesses anew."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Independent, Normal, TransformedDistribution
from torch.distributions.transforms import TanhTransform

from ml3_ros.errors import ConfigError
from ml3_ros.metarl.learning.ppo import PpoConfig
from ml3_ros.metarl.learning.sac import LOG_STD, SoftActorCritic
from ml3_ros.metarl.learning.trials import run_trials, transitions
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.methods.pearl import LATENT, Belief, Pearl, PearlAgent, PearlLearner
from ml3_ros.metarl.worlds.point import PointWorld

PPO = PpoConfig(n_trials=16, lr=2e-3, discount=0.95)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def source(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def played():
    world, generator = PointWorld(), source()
    learner = PearlLearner(world, 2e-3, 0.95, generator)
    tasks = world.draw(16, generator)
    trials = run_trials(world, PearlAgent(learner, generator), tasks, generator)
    learner.keep(transitions(trials, 2))
    return learner, trials


def test_a_belief_is_the_product_of_gaussians_and_the_prior():
    belief, context = Belief(7), torch.randn(1, 3, 7)
    with torch.no_grad():
        mean, variance = belief(context)
    z = torch.linspace(-6.0, 6.0, 4001)
    for j in range(LATENT):
        each, raw = belief.net(context[0]).chunk(2, -1)
        spread = (torch.nn.functional.softplus(raw) + 1e-4).sqrt()
        logs = [Normal(each[i, j], spread[i, j]).log_prob(z) for i in range(3)]
        weights = (torch.stack(logs).sum(0) + Normal(0.0, 1.0).log_prob(z)).softmax(0)
        assert float(mean[0, j]) == pytest.approx(float((weights.detach() * z).sum()), abs=1e-3)
        second = (weights * (z - mean[0, j]).square()).sum()
        assert float(variance[0, j]) == pytest.approx(float(second.detach()), rel=1e-2)


def test_who_saw_nothing_believes_the_prior_and_order_is_nothing():
    belief, context = Belief(7), torch.randn(2, 9, 7)
    mean, variance = belief(context[:, :0])
    assert torch.equal(mean, torch.zeros(2, LATENT))
    assert torch.equal(variance, torch.ones(2, LATENT))
    for found, other in zip(belief(context), belief(context.flip(1)), strict=True):
        assert torch.allclose(found, other, atol=1e-6)


def test_transitions_stay_within_an_episode(played):
    _, trials = played
    found = transitions(trials, 2)
    assert found.shape == (16, 38, 7)
    now, action, _, after = found.split([2, 2, 1, 2], -1)
    assert torch.allclose(after, now + 0.1 * action, atol=1e-6)


def test_densities_are_those_of_a_squashed_gaussian():
    sac = SoftActorCritic(3, 2, 1e-3, 0.9, source())
    state = torch.randn(50, 3)
    action, density = sac.act(state, source(1))
    mean, raw = sac.actor(state).chunk(2, -1)
    low, high = LOG_STD
    std = (low + 0.5 * (high - low) * (1.0 + raw.tanh())).exp()
    chances = TransformedDistribution(Normal(mean, std), TanhTransform())
    expected = Independent(chances, 1).log_prob(action)
    assert torch.allclose(density, expected, atol=1e-3)


def test_an_actor_finds_what_pays():
    sac = SoftActorCritic(1, 1, 1e-2, 0.0, source())
    optimizer = torch.optim.Adam(sac.critics.parameters(), lr=1e-2)
    state = torch.rand(64, 1, generator=source())
    for _ in range(150):
        action = 2.0 * torch.rand(64, 1, generator=sac.source) - 1.0
        reward = -10.0 * (action - state + 0.5).square().squeeze(-1)
        optimizer.zero_grad()
        sac.critic_loss(state, action, reward, state).backward()
        optimizer.step()
        sac.improve_actor(state)
    action, _ = sac.act(state, source())
    assert (action - state + 0.5).abs().mean() < 0.2


def test_a_belief_learns_from_critics_by_the_true_derivative(played):
    learner, _ = played
    for part in (learner.belief, learner.sac.critics, learner.sac.actor, learner.sac._targets):
        part.double()
    context = learner._kept[:4, :8].double()
    now, action, reward, after = context.split(learner.sizes, -1)

    def loss(bias):
        mean = learner.belief(context)[0] + bias
        z = mean.unsqueeze(1).expand(-1, 8, -1)
        learner.sac.source.manual_seed(0)
        following = torch.cat([after, torch.zeros_like(z)], -1)
        state = torch.cat([now, z], -1)
        return learner.sac.critic_loss(state, action, reward.squeeze(-1), following)

    bias = torch.zeros(LATENT).double().requires_grad_()
    (slope,) = torch.autograd.grad(loss(bias), bias)
    for j in range(LATENT):
        moved = 1e-5 * torch.eye(LATENT).double()[j]
        with torch.no_grad():
            expected = float(loss(moved) - loss(-moved)) / 2e-5
        assert float(slope[j]) == pytest.approx(expected, rel=1e-4)


def test_a_step_moves_belief_actor_critics_and_their_targets(played, monkeypatch):
    learner, _ = played
    monkeypatch.setattr("ml3_ros.metarl.methods.pearl.INFORMATION", 0.0)  # critics alone teach it
    parts = [learner.belief, learner.sac.actor, learner.sac.critics, learner.sac._targets]
    before = [[p.detach().clone() for p in part.parameters()] for part in parts]
    learner.improve()
    for part, old in zip(parts, before, strict=True):
        assert not any(torch.equal(*pair) for pair in zip(part.parameters(), old, strict=True))


def test_the_task_is_guessed_at_the_begin_of_episodes_or_as_told(played):
    learner, _ = played
    world, generator = PointWorld(), source()
    for refresh, n_guesses in ((None, 2), (5, 8)):
        guesses, agent = [], PearlAgent(learner, source(3), refresh)
        agent.begin(torch.zeros(4, 1))
        guess = learner.guess

        def counted(context, source, guess=guess, guesses=guesses):
            guesses.append(context.shape[1])
            return guess(context, source)

        learner.guess = counted
        run_trials(world, agent, world.draw(4, generator), generator)
        learner.guess = guess
        assert len(guesses) == n_guesses
        assert guesses[0] == 0
        assert guesses[n_guesses // 2] == 19  # all that the first episode has shown


def test_old_trials_are_forgotten(played, monkeypatch):
    learner, _ = played
    monkeypatch.setattr("ml3_ros.metarl.methods.pearl.KEPT", 20)
    new = torch.ones(8, 38, 7)
    learner.keep(new)
    assert learner._kept.shape == (20, 38, 7)
    assert torch.equal(learner._kept[-8:], new)


def test_the_same_seed_learns_the_same():
    def learned():
        world = PointWorld()
        agent = Pearl()(world, Budget(steps=1, seed=0, ppo=PPO))
        return run_trials(world, agent, world.draw(8, source(9)), source(9)).rewards

    assert torch.equal(learned(), learned())


def test_discrete_actions_are_refused():
    world = PointWorld()
    world.discrete = True
    with pytest.raises(ConfigError, match="acts continuously"):
        Pearl()(world, Budget(steps=1, seed=0))


@pytest.mark.slow
def test_the_second_episode_is_for_the_task_that_the_first_one_showed():
    world = PointWorld()
    agent = Pearl()(world, Budget(steps=40_000, seed=0, ppo=PPO))
    trials = run_trials(world, agent, world.draw(100, source(9)), source(9))
    first, second = trials.returns(2).mean(1)
    assert second > first + 0.15
