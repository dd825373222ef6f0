# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Worlds with hidden tasks: what observations show, what rewards say, what tasks change."""

from __future__ import annotations

import math

import pytest
import torch

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.metarl.config import WORLDS
from ml3_ros.metarl.worlds.arms import Arms
from ml3_ros.metarl.worlds.calibration import OFFSET, CalibrationWorld
from ml3_ros.metarl.worlds.dynamics import DynamicsWorld
from ml3_ros.metarl.worlds.exploration import GOALS, ExplorationWorld
from ml3_ros.metarl.worlds.point import PointWorld


def source(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_keeps_its_promises(name):
    world = WORLDS[name]()
    tasks = world.draw(5, source())
    assert tasks.shape == (5, world.n_task)
    assert (tasks.abs() <= 1.0).all()
    for episode in range(world.episodes):
        seen = world.begin(tasks, source(1), episode)
        assert seen.shape == (5, world.n_observations)
        nothing = torch.zeros(5, dtype=int) if world.discrete else torch.zeros(5, world.n_actions)
        again, reward = world.step(nothing)
        assert again.shape == seen.shape
        assert reward.shape == (5,)
        assert seen.dtype == again.dtype == reward.dtype == torch.float32


@pytest.mark.parametrize("name", WORLDS)
def test_tasks_outside_lie_beyond_those_of_meta_training(name):
    world = WORLDS[name]()
    if not world.has_outside:
        assert torch.equal(world.draw(50, source(), outside=True), world.draw(50, source()))
        return
    outside = world.draw(50, source(), outside=True)
    assert (outside.abs() >= 1.0).all()


def test_an_episode_depends_on_its_source_alone():
    world = DynamicsWorld("reacher")
    tasks = world.draw(3, source())
    first = world.begin(tasks, source(4))
    moved, _ = world.step(torch.ones(3, 2))
    assert torch.equal(world.begin(tasks, source(4)), first)
    assert torch.equal(world.step(torch.ones(3, 2))[0], moved)


def test_a_point_is_paid_by_its_distance():
    world = PointWorld()
    world.begin(torch.zeros(1, 1), source())  # the goal is straight ahead, at (0, 1)
    _, reward = world.step(torch.tensor([[0.0, 5.0]]))  # an action counts up to 1
    assert reward.item() == pytest.approx(-0.9)
    sparse = PointWorld(sparse=True)
    sparse.begin(torch.zeros(1, 1), source())
    rewards = [sparse.step(torch.tensor([[0.0, 1.0]]))[1].item() for _ in range(10)]
    assert max(rewards[:7]) < 1e-5
    assert rewards[-1] == pytest.approx(1.0, abs=1e-5)


def test_a_payload_slows_the_hand_and_a_weak_motor_too():
    world = DynamicsWorld("reacher")
    tasks = torch.tensor([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [-1.0, -1.0, -1.0]])
    world.begin(tasks, source())
    world.arms.start(world.arms.near_home(1, source()).expand(3, -1))
    world._load()  # what begin set belongs to other copies
    for _ in range(5):
        world.step(torch.ones(3, 2))
    free, loaded, weak = world.arms.v[:, 0].abs()
    assert loaded < 0.8 * free
    assert float(weak) == pytest.approx(0.7 * float(free), rel=0.05)


def test_a_task_that_changes_midway_is_felt():
    world = DynamicsWorld("reacher", changes=True)
    tasks = torch.full((64, 3), -1.0)
    world.begin(tasks, source())
    before = world._tasks.clone()
    for _ in range(world.horizon):
        world.step(torch.zeros(64, 2))
    changed = (world._tasks != before).any(-1)
    assert 0.2 < changed.float().mean() < 0.8


def test_encoders_are_wrong_by_their_offsets_and_rewards_are_not():
    world = CalibrationWorld("reacher")
    right = world.begin(torch.zeros(1, 2), source())
    _, paid = world.step(torch.zeros(1, 2))
    wrong = world.begin(torch.ones(1, 2), source())
    _, paid_too = world.step(torch.zeros(1, 2))
    spread = world.arms.kind.spread
    assert torch.allclose(wrong[:, :2] - right[:, :2], torch.tensor(OFFSET / spread), atol=1e-5)
    assert torch.equal(paid, paid_too)


def test_a_reward_betrays_the_distance():
    arms = Arms("reacher")
    distance = torch.tensor([0.0, 0.01, 0.1, 0.3])
    action = torch.tensor([[0.5, -2.0]]).expand(4, -1)
    found = arms.distance(arms.reward(distance, action), action)
    assert torch.allclose(found, distance, atol=1e-5)


def test_a_sign_is_read_from_near_alone_and_exploring_pays_nothing():
    world = ExplorationWorld("sawyer")
    tasks = torch.eye(GOALS)
    assert not world.begin(tasks, source())[:, -GOALS - 1 :].any()
    near = world.arms.angles(world.sign.expand(GOALS, 3), world.arms.q)
    world.arms.start(near)
    seen, paid = world.step(torch.zeros(GOALS, 3))
    assert torch.equal(seen[:, -GOALS - 1 : -1], tasks)
    assert not paid.any()
    world.begin(tasks, source(), 1)
    _, paid = world.step(torch.zeros(GOALS, 3))
    assert (paid < 0.0).all()
    assert len({round(x, 4) for x in paid.tolist()}) == GOALS


def test_inverse_kinematics_arrives():
    arms = Arms("sawyer")
    q = arms.near_home(20, source())
    near = q + 0.1 * torch.randn(q.shape, generator=source(1))
    assert (arms.hand(arms.angles(arms.hand(q), near)) - arms.hand(q)).abs().max() < 1e-3


def test_the_jacobian_is_the_derivative_of_the_hand():
    arms, step = Arms("sawyer"), 1e-6
    q = arms.near_home(1, source())
    for joint in range(3):
        moved = torch.zeros(1, 3).double()
        moved[0, joint] = step
        slope = (arms.hand(q + moved) - arms.hand(q - moved)) / (2 * step)
        assert torch.allclose(arms.jacobian(q)[..., joint], slope, atol=1e-6)


def test_an_unknown_arm_and_a_step_before_an_episode_are_told():
    with pytest.raises(ConfigError, match=r"no arm 'ufo'.*reacher, sawyer"):
        Arms("ufo")
    with pytest.raises(ConfigError, match="call begin before step"):
        Arms("reacher").act(torch.zeros(1, 2), torch.ones(1))


def test_directions_outside_are_those_of_the_other_half():
    world = PointWorld()
    world.begin(world.draw(100, source(), outside=True), source())
    assert (world._goal[:, 1] <= 1e-6).all()
    assert math.isclose(float(world._goal.norm(dim=-1).mean()), 1.0, rel_tol=1e-5)
