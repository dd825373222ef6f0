# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""PPO on one goal: it learns, counts its steps, and leaves global random numbers alone."""

from __future__ import annotations

import builtins
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("gymnasium")
pytest.importorskip("stable_baselines3")

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.model_free import ppo
from ml3_ros.experiments.model_free.copies import Goals, goal_copies
from ml3_ros.experiments.model_free.family import mean_return
from ml3_ros.experiments.model_free.policy import GaussianPolicy
from ml3_ros.experiments.model_free.ppo import PpoSettings, ppo_curve, trained
from ml3_ros.experiments.model_free.reacher_goal import ReacherGoal

GOAL = torch.tensor([0.1, 0.1])
SETTINGS = PpoSettings(learning_rate=1e-3, n_envs=4, episodes=1, n_mini_batches=4, gamma=0.9)


@pytest.fixture(scope="module")
def world():
    return ReacherGoal(1)


def cost_of(policy, goal=GOAL):
    start = policy.environment.start(torch.Generator().manual_seed(9), 1, 4)
    return lambda theta: -float(mean_return(policy, theta, start, goal[None]))


def test_it_learns_and_is_measured_at_the_right_times(world):
    policy = GaussianPolicy(world)
    marks = (0, 100, 200, 399, 400, 2400)
    curve = ppo_curve(policy, GOAL, SETTINGS, marks, cost_of(policy), seed=0)
    assert curve[0] == curve[1]  # the first update comes after 200 steps
    assert curve[1] != curve[2] == curve[3] != curve[4]
    assert curve[-1] < 0.8 * curve[0]
    again = ppo_curve(policy, GOAL, SETTINGS, marks[:4], cost_of(policy), seed=0)
    np.testing.assert_array_equal(again, curve[:4])


def test_global_generators_are_as_they_were(world):
    policy = GaussianPolicy(world)
    torch.manual_seed(3), np.random.seed(3), random.seed(3)  # noqa: NPY002
    expected = torch.rand(2), np.random.rand(2), random.random()  # noqa: NPY002
    torch.manual_seed(3), np.random.seed(3), random.seed(3)  # noqa: NPY002
    ppo_curve(policy, GOAL, SETTINGS, (0, 1), cost_of(policy), seed=0)
    found = torch.rand(2), np.random.rand(2), random.random()  # noqa: NPY002
    assert torch.equal(found[0], expected[0]) and (found[1] == expected[1]).all()
    assert found[2] == expected[2]


def test_the_measured_policy_is_the_one_that_is_trained(world):
    policy = GaussianPolicy(world, (8, 8))
    with ppo._own_randomness():
        model, _ = ppo._model(policy, Goals.one(GOAL), SETTINGS, 0)
    theta = ppo._mean_network(model)
    assert {k: p.shape[1:] for k, p in theta.items()} == {
        k: p.shape for k, p in policy.init(torch.Generator()).items()
    }
    seen = torch.randn(1, 5, world.n_observations)
    expected = model.policy.get_distribution(seen[0]).distribution.mean
    torch.testing.assert_close(policy.call(theta, {"observation": seen})[0], expected)


def test_what_diverges_is_infinite_from_then_on(world, monkeypatch):
    policy = GaussianPolicy(world)
    cost, costs = cost_of(policy), []

    def broken(theta):
        costs.append(cost(theta))
        if len(costs) == 2:
            raise ValueError("NaN in the policy")
        return costs[-1]

    curve = ppo_curve(policy, GOAL, SETTINGS, (0, 200, 400), broken, seed=0)
    assert np.isfinite(curve[0]) and np.isinf(curve[1:]).all()


def test_episodes_end_by_time_and_are_those_of_the_environment(world):
    vector = goal_copies(world, Goals.one(GOAL), 3, seed=1)
    seen = vector.reset()
    state = world.start(torch.Generator().manual_seed(1), 3)
    goal = GOAL.expand(3, -1)
    np.testing.assert_array_equal(seen, world.observe(state, goal).numpy())
    for t in range(world.horizon):
        action = np.full((3, 2), 0.3, np.float32)
        after = world.step(state, torch.from_numpy(action))
        seen, reward, done, infos = vector.step(action)
        expected = world.reward(state, torch.from_numpy(action), after, goal)
        np.testing.assert_array_equal(reward, expected.numpy())
        assert done.all() == (t == world.horizon - 1)
        state = after
    last = world.observe(state, goal).numpy()
    for i, info in enumerate(infos):
        np.testing.assert_array_equal(info["terminal_observation"], last[i])
        assert info["TimeLimit.truncated"]
    assert not np.array_equal(seen, last)  # a new episode has begun


def test_of_many_goals_each_copy_draws_one_with_its_turn(world):
    goals = Goals(torch.tensor([[0.1, 0.0], [0.0, 0.1]]), torch.tensor([0.5, -2.0]))
    vector, met = goal_copies(world, goals, 64, seed=1), set()
    for _ in range(2):
        vector.reset()
        state, goal = vector.get_attr("_state")[0], vector.get_attr("_goal")[0]
        places = [int(torch.equal(each, goals.places[1])) for each in goal]
        angles = state[:, 1] - goals.turns[places]
        assert angles.abs().max() <= 0.1 and len(set(places)) == 2
        met.add(tuple(places))
    assert len(met) == 2  # another draw for another episode


def test_it_goes_on_from_the_weights_of_an_earlier_training(world):
    policy, goals = GaussianPolicy(world, (8, 8)), Goals(GOAL[None], torch.zeros(1))
    cost = cost_of(policy)
    measured = trained(policy, goals, SETTINGS, (0, 400), lambda t: np.array([cost(t), 1.0]), 0)
    assert measured[0].shape == (2, 2)
    on = ppo_curve(policy, GOAL, SETTINGS, (0, 1), cost, seed=1, start=measured[1])
    assert on[0] == measured[0][-1, 0]


def test_a_step_size_may_fall_to_zero(world):
    policy = GaussianPolicy(world, (8, 8))
    with ppo._own_randomness():
        model, _ = ppo._model(policy, Goals.one(GOAL), replace(SETTINGS, decays=True), 0)
        plain, _ = ppo._model(policy, Goals.one(GOAL), SETTINGS, 0)
    assert [model.lr_schedule(left) for left in (1.0, 0.5, 0.0)] == [1e-3, 5e-4, 0.0]
    assert plain.lr_schedule(0.5) == 1e-3


def test_without_the_library_an_error_names_what_to_install(world, monkeypatch):
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name.startswith("stable_baselines3"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError, match=r"pip install stable-baselines3` \(extra ml3_ros\[rl\]"):
        ppo_curve(GaussianPolicy(world), GOAL, SETTINGS, (0, 1), lambda theta: 0.0, 0)
