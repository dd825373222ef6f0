# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learned dynamics: they become those of the world, where policies go."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.tasks.reaching.dynamics import Dynamics, DynamicsTrainer
from ml3_ros.tasks.reaching.recipes import SETTINGS


@pytest.mark.parametrize("name", ["point_mass", "reacher"])
def test_episodes_in_the_model_end_where_those_in_the_world_do(name):
    setting = SETTINGS[name]
    world, policy = setting.world, setting.policy()
    generator = torch.Generator().manual_seed(0)
    learner = DynamicsTrainer(Dynamics(world, setting.scales[0], (32, 32)), generator)
    goals = setting.goals(60, generator, trained=True)
    thetas = {k: 3.0 * p for k, p in policy.init(generator, (60,)).items()}
    start, goal = world.start(generator, 60, 1), goals.unsqueeze(1)
    learner.practise(policy, thetas, {"start": start, "goal": goal}, noise=1.0)
    learner.fit(1000)
    model = learner.dynamics.bound(learner.params)
    (true, _), (imagined, _) = (
        policy.rollout(thetas, start, goal, dynamics) for dynamics in (world, model)
    )
    moved = (world.position(true[..., -1, :]) - world.position(start)).norm(dim=-1)
    error = (world.position(true) - world.position(imagined))[..., -1, :].norm(dim=-1)
    assert float(error.mean()) < 0.15 * float(moved.mean())
    speed = imagined[..., 1:, world.n_states // 2 :]
    stepped = imagined[..., :-1, : world.n_states // 2] + world.period * speed
    torch.testing.assert_close(imagined[..., 1:, : world.n_states // 2], stepped)


def test_only_the_newest_transitions_are_remembered():
    setting = SETTINGS["point_mass"]
    generator = torch.Generator().manual_seed(0)
    dynamics = Dynamics(setting.world, setting.scales[0], (8,))
    learner = DynamicsTrainer(dynamics, generator, capacity=50)
    policy = setting.policy()
    goals = setting.goals(2, generator, trained=True).unsqueeze(1)
    start = setting.world.start(generator, 2, 1)
    for size in (0.0, 1.0):
        theta = {k: size * p for k, p in policy.init(generator, (2,)).items()}
        learner.practise(policy, theta, {"start": start, "goal": goals}, noise=0.0)
    assert learner._memory.shape == (50, 10)
    assert (learner._memory[:, 4:6] != 0.0).all()  # the policies at zero are forgotten


def test_models_of_leading_dimensions_are_those_of_each():
    setting = SETTINGS["reacher"]
    dynamics = Dynamics(setting.world, setting.scales[0], (8,))
    generator = torch.Generator().manual_seed(0)
    params = dynamics.init(generator, (3,))
    state = torch.randn(3, 5, 4, generator=generator)
    action = 0.01 * torch.randn(3, 5, 2, generator=generator)
    together = dynamics.bound(params).step(state, action)
    for i in range(3):
        alone = dynamics.bound({k: p[i] for k, p in params.items()})
        torch.testing.assert_close(together[i], alone.step(state[i], action[i]))
