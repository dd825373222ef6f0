# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Worlds: the closed forms are those of Pinocchio, and derivatives those of finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.reaching.worlds import PointMass, TwoLink


@pytest.fixture
def states():
    generator = torch.Generator().manual_seed(0)
    return 2.0 * torch.rand(20, 4, generator=generator, dtype=torch.float64) - 1.0


def test_two_links_are_the_reacher(states):
    world, model = TwoLink(), PinocchioModel(load_robot("reacher"))
    q, v = states.split(2, -1)
    m00, m01, m11 = world.inertia(q)
    ours = torch.stack([m00, m01, m01, m11], -1).reshape(-1, 2, 2).numpy()
    bias = world.bias(q, v).numpy()
    for i in range(len(q)):
        np.testing.assert_allclose(ours[i], model.M(q[i].numpy()), rtol=1e-9)
        expected = model.nle(q[i].numpy(), v[i].numpy())
        np.testing.assert_allclose(bias[i], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("world", [PointMass(), TwoLink()])
def test_a_step_is_smooth(world, states):
    action = 0.1 * states[:, 2:]
    assert torch.autograd.gradcheck(world.step, (states.requires_grad_(), action.requires_grad_()))


def test_a_mass_without_a_force_goes_straight_on(states):
    after = PointMass(period=0.5).step(states, torch.zeros(20, 2, dtype=torch.float64))
    torch.testing.assert_close(after[:, :2], states[:, :2] + 0.5 * states[:, 2:])
    torch.testing.assert_close(after[:, 2:], states[:, 2:])


def test_energy_of_free_links_stays(states):
    """Without damping and torque the kinetic energy is constant, up to the integrator."""
    world = TwoLink(damping=0.0, substeps=200)

    def energy(state):
        m00, m01, m11 = world.inertia(state[:, :2])
        a, b = state[:, 2:].unbind(-1)
        return 0.5 * (m00 * a**2 + 2.0 * m01 * a * b + m11 * b**2)

    state = states
    for _ in range(5):
        state = world.step(state, torch.zeros(20, 2, dtype=torch.float64))
    torch.testing.assert_close(energy(state), energy(states), rtol=1e-3, atol=1e-9)


def test_a_loss_sees_the_same_when_arm_and_goal_turn_together(states):
    world, angle = TwoLink(), 0.7
    goal = 0.2 * states[:, :2].flip(-1)
    turned = states.clone()
    turned[:, 0] += angle
    x, y = goal.unbind(-1)
    c, s = math.cos(angle), math.sin(angle)
    turned_goal = torch.stack([c * x - s * y, s * x + c * y], -1)
    seen, seen_turned = world.observe(states, goal), world.observe(turned, turned_goal)
    for name, scale in ((i.name, i.scale) for i in world.inputs):
        assert seen[name].shape == (20, len(scale))
        torch.testing.assert_close(seen[name], seen_turned[name])
    assert not torch.allclose(seen["error"], world.observe(states, turned_goal)["error"])


def test_a_loss_sees_the_same_when_mass_and_goal_move_together(states):
    world, goal = PointMass(), states[:, :2].flip(-1)
    moved = states + torch.tensor([3.0, -2.0, 0.0, 0.0], dtype=torch.float64)
    seen = world.observe(states, goal)
    torch.testing.assert_close(world.observe(moved, goal + moved[:1, :2] - states[:1, :2]), seen)
