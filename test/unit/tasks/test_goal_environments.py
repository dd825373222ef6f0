# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ReacherGoal and AntGoal: rewards, observations that turn with the robot, starts and goals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

pytest.importorskip("gymnasium")

from ml3_ros.experiments.model_free import reacher_goal
from ml3_ros.experiments.model_free.ant_goal import AntGoal
from ml3_ros.experiments.model_free.environment import sector, turned
from ml3_ros.experiments.model_free.reacher_goal import ReacherGoal
from ml3_ros.experiments.model_free.recipes import SETTINGS


@pytest.fixture(params=[ReacherGoal, AntGoal])
def world(request):
    return request.param(1)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def moved(world, n=5):
    """Return states (n, n_states) a few random actions after the start, and those actions."""
    source = generator()
    state = world.start(source, n)
    for _ in range(3):
        action = torch.randn(n, world.n_actions, generator=source)
        state = world.step(state, action)
    return state, action


def test_sizes_are_as_promised(world):
    state, action = moved(world)
    goal = torch.ones(5, world.n_goals)
    seen = world.observe(state, goal)
    assert seen.shape == (5, world.n_observations) and seen.dtype == torch.float32
    assert world.reward(state, action, world.step(state, action), goal).shape == (5,)
    assert world.start(generator(), 2, 3).shape == (2, 3, state.shape[-1])
    assert world.period == pytest.approx(0.02 if isinstance(world, ReacherGoal) else 0.05)


def test_actions_beyond_one_are_clipped(world):
    state, _ = moved(world)
    large = torch.full((5, world.n_actions), 3.0)
    torch.testing.assert_close(world.step(state, large), world.step(state, large.clamp(-1, 1)))
    goal = torch.zeros(5, 2)
    expected = world.reward(state, large / 3.0, state, goal)
    torch.testing.assert_close(world.reward(state, large, state, goal), expected)


def test_many_leading_dimensions_are_one_batch(world):
    state, action = moved(world, 6)
    folded = world.step(state.view(2, 3, -1), action.view(2, 3, -1))
    torch.testing.assert_close(folded.view(6, -1), world.step(state, action), rtol=0, atol=0)


def test_starts_differ_and_are_reproducible(world):
    first, again = world.start(generator(), 4), world.start(generator(), 4)
    assert torch.equal(first, again)
    assert (first[0] != first[1]).any()


def test_the_reacher_is_paid_for_the_distance_of_mujocos_fingertip():
    mujoco = pytest.importorskip("mujoco")
    world = ReacherGoal(1)
    state, action = moved(world)
    after = world.step(state, action)
    goal = torch.tensor([[0.1, -0.05]]).expand(5, -1)
    model = world.simulation.model
    for i in range(5):
        data = mujoco.MjData(model)
        data.qpos[:] = after[i, 1:5].numpy()
        mujoco.mj_forward(model, data)
        tip = data.body("fingertip").xpos[:2]
        far = np.linalg.norm(tip - goal[i].numpy())
        effort = float(action[i].clamp(-1, 1).square().sum())
        expected = -reacher_goal.DISTANCE * far - reacher_goal.EFFORT * effort
        assert float(world.reward(state, action, after, goal)[i]) == pytest.approx(
            expected, abs=1e-5
        )


def test_the_ant_is_paid_for_coming_nearer():
    world, still = AntGoal(1), torch.zeros(1, 8)
    state = world.start(generator(), 1)
    after = state.clone()
    after[..., 1] += 0.3
    goal = torch.tensor([[2.0, 0.0]])
    gained = float(world.distance(state, goal) - world.distance(after, goal))
    assert gained == pytest.approx(0.3, abs=0.01)
    assert float(world.reward(state, still, after, goal)) == pytest.approx(10.0 * gained, abs=1e-4)
    tired = world.reward(state, still + 0.5, after, goal)
    assert float(tired) == pytest.approx(10.0 * gained - 0.02 * 8 * 0.25, abs=1e-4)


@pytest.mark.parametrize("angle", [0.7, 2.5, -1.3])
def test_observations_turn_with_robot_and_goal(world, angle):
    state, _ = moved(world)
    goal = torch.tensor([[0.15, 0.05]]).expand(5, -1)
    seen = world.observe(state, goal)
    back = torch.full((5,), -angle)
    turned_state, turned_goal = state.clone(), turned(goal, back)
    if isinstance(world, ReacherGoal):
        turned_state[:, 1] += angle
    else:
        turned_state[:, 1:3] = turned(state[:, 1:3], back.double())
        turned_state[:, 16:18] = turned(state[:, 16:18], back.double())
        turned_state[:, 4:8] = quaternion_product(angle, state[:, 4:8])
    torch.testing.assert_close(
        world.observe(turned_state, turned_goal), seen, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("angle", [0.7, 2.5, -1.3])
def test_a_robot_that_is_turned_sees_goals_turned_the_other_way(world, angle):
    state = world.start(generator(), 5)
    at_rest = slice(5, None) if isinstance(world, ReacherGoal) else slice(16, None)
    state[:, at_rest] = 0.0
    place = torch.zeros(5, 2) if isinstance(world, ReacherGoal) else state[:, 1:3].float()
    way = torch.tensor([[0.15, 0.05]]).expand(5, -1)
    angles = torch.full((5,), angle)
    torch.testing.assert_close(
        world.observe(world.turn(state, angles), place + turned(way, -angles)),
        world.observe(state, place + way),
        rtol=1e-4,
        atol=1e-5,
    )


def quaternion_product(angle, quat):
    """Return quaternions (n, 4) wxyz after a turn by `angle` about the vertical."""
    c, s = math.cos(angle / 2), math.sin(angle / 2)
    w, x, y, z = quat.unbind(-1)
    return torch.stack([c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w], dim=-1)


@pytest.mark.parametrize("name", SETTINGS)
def test_goals_lie_in_their_half_ring(name):
    chosen = SETTINGS[name]
    for trained in (True, False):
        goals = chosen.goals(200, generator(1), trained=trained)
        radius = goals.norm(dim=-1)
        low, high = chosen.radii
        assert float(radius.min()) >= low - 1e-6 and float(radius.max()) <= high + 1e-6
        assert ((goals[:, 0] > 0.0) == trained).all()
        assert torch.equal(goals, chosen.goals(200, generator(1), trained=trained))


def test_a_sector_is_half_a_ring():
    goals = sector(500, generator(), (1.0, 2.0), math.pi / 2)
    assert (goals[:, 1] > 0.0).all() and float(goals[:, 0].min()) < -0.5
