# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The task of an arm: checked wherever it comes from, and the same as in meta-training."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.quaternions import about_z, multiply, rotate
from ml3_ros.errors import ConfigError, DataError, LossFileError
from ml3_ros.learners.reaching.arm_task import KEY, task_of
from ml3_ros.learners.reaching.goals import GoalRanges
from ml3_ros.learners.reaching.observations import OBSERVATIONS
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.reaching.arm_recipes import ARMS, ReachRecipe

ARM = ARMS["reacher"]()
TASK = ARM.task


def a_loss(provenance, spec=None):
    spec = spec or ARM.spec()
    phi = spec.init_phi(torch.Generator().manual_seed(0))
    return LearnedLoss(spec=spec, phi=phi, provenance=provenance)


def test_a_loss_file_brings_its_task_along():
    loss = a_loss({KEY: TASK.to_dict()})
    assert task_of(LearnedLoss.from_bytes(loss.to_bytes())) == TASK
    assert json.loads(json.dumps(TASK.to_dict(), allow_nan=False))  # plain JSON


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"limits": [0.1]}, "limits must have 2 values"),
        ({"limits": [0.1, float("nan")]}, "limits must be a number"),
        ({"limits": [0.1, True]}, "limits must be a number"),
        ({"period": 0.0}, "period must be a number"),
        ({"period": 10**400}, "period must be a number"),
        ({"horizon": 10**9}, "horizon must be a whole number"),
        ({"horizon": 1.5}, "horizon must be a whole number"),
        ({"hidden": [10**9]}, "hidden must be a whole number"),
        ({"hidden": [float("nan")]}, "hidden must be a whole number"),
        ({"hidden": [8] * 9}, "9 layers"),
        ({"hidden": [4096] * 3}, "layer sizes"),
        ({"reach": [2.0, 1.0]}, "reach must be a range, but 2 is above 1"),
        ({"home": [0.0, float("inf")]}, "home must be a number"),
        ({"reach": [0.1]}, "reach must have 2 values"),
        ({"height": "ab"}, "height must be a list"),
        ({"scales": [[1.0]]}, "scales are those of states and goals"),
        ({"joints": ["a", "\ud800"]}, "line of text"),
        ({"observation": ["smell"]}, "no observation"),
        ({"observation": "smell"}, "no observation 'smell': use one of planar"),
        ({"surprise": 1}, "surprise"),
        ({"joints": None}, "is none"),
    ],
)
def test_a_damaged_task_is_rejected_with_a_sentence(change, sentence):
    with pytest.raises(LossFileError, match=sentence):
        task_of(a_loss({KEY: TASK.to_dict() | change}))


def test_a_limit_may_be_a_whole_number_that_no_tensor_of_them_holds():
    task = task_of(a_loss({KEY: TASK.to_dict() | {"limits": [10**19, 1]}}))
    assert torch.tensor(task.limits)[0] == 1e19


def test_a_loss_of_something_else_is_rejected():
    with pytest.raises(LossFileError, match="is not one for reaching"):
        task_of(a_loss({}))
    spec = ARM.spec()
    foreign = replace(spec, target=replace(spec.target, labels=("x", "y")))
    with pytest.raises(LossFileError, match=r"not the actions of \['joint0', 'joint1'\]"):
        task_of(a_loss({KEY: TASK.to_dict()}, foreign))
    blind = replace(spec, context=(*spec.context[:2], replace(spec.context[0], name="sound")))
    with pytest.raises(LossFileError, match=r"the loss needs .*sound"):
        task_of(a_loss({KEY: TASK.to_dict()}, blind))


def test_what_a_loss_sees_of_an_arm_is_what_it_saw_in_meta_training():
    arm = MujocoArm(load_robot("reacher"))
    world = ARM.world
    rng = np.random.default_rng(0)
    for _ in range(5):
        q, v, goal = rng.uniform(-2, 2, 2), rng.normal(size=2), rng.uniform(-0.2, 0.2, 2)
        hand = torch.tensor(arm.forward_kinematics(q)[:2, 3])
        state = torch.tensor(np.concatenate([q, v]))
        seen = OBSERVATIONS[TASK.observation][1](state, hand, torch.tensor(goal))
        trained = world.observe(state, torch.tensor(goal))
        assert list(seen) == [x.name for x in world.inputs]
        for name, values in trained.items():
            torch.testing.assert_close(seen[name], values, rtol=0.0, atol=1e-9)


def test_the_arm_of_meta_training_moves_as_the_simulated_one():
    arm = MujocoArm(load_robot("reacher"), ARM.perturbation)
    q = np.array(TASK.home)
    arm.reset(q)
    state = torch.tensor(np.concatenate([q, np.zeros(2)]))
    for k in range(TASK.horizon):
        tau = 0.9 * np.array(TASK.limits) * np.array([np.sin(0.2 * k), np.cos(0.3 * k)])
        arm.step(tau, TASK.period)
        state = ARM.world.step(state, torch.tensor(tau))
    q = arm.state().q
    there = arm.forward_kinematics(q)[:2, 3]
    assert np.linalg.norm(there - arm.forward_kinematics(np.array(TASK.home))[:2, 3]) > 0.02
    assert np.linalg.norm(ARM.world.position(state).numpy() - there) < 0.005


def test_goals_and_starts_out_of_range_are_rejected():
    pose = np.array([0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    TASK.check_goal(pose)
    with pytest.raises(DataError, match="out of reach"):
        TASK.check_goal(3.0 * pose)
    TASK.check_start(np.array(TASK.home) + TASK.spread, 0.01)
    with pytest.raises(DataError, match=r"joint1 is at 1\.320 rad"):
        TASK.check_start(np.array(TASK.home) + np.array([0.0, 0.12]), 0.01)
    with pytest.raises(DataError, match="rad"):
        TASK.check_start(np.array([np.nan, 0.0]), 0.01)


def test_goals_are_drawn_within_their_ranges_and_turn_with_their_direction():
    down = (1.0, 0.0, 0.0, 0.0)
    ranges = GoalRanges(
        radius=(0.08, 0.18), angle=(-1.0, 2.0), height=(0.1, 0.3), orientation=down
    )
    goals = ranges.draw(100, 3)
    radius, angle = np.hypot(*goals[:, :2].T), np.arctan2(goals[:, 1], goals[:, 0])
    pairs = ((radius, ranges.radius), (angle, ranges.angle), (goals[:, 2], ranges.height))
    for values, (low, high) in pairs:
        assert low <= values.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < values.max() <= high
    hand = Rotation.from_quat(goals[:, 3:])
    np.testing.assert_allclose(hand.apply([0, 0, 1]), [[0, 0, -1]] * 100, atol=1e-12)
    x = hand.apply([1, 0, 0])
    np.testing.assert_allclose(np.arctan2(x[:, 1], x[:, 0]), angle, atol=1e-12)
    np.testing.assert_array_equal(goals, ranges.draw(100, 3))


def test_invalid_recipes_are_rejected():
    with pytest.raises(ConfigError, match="no arm 'r2d2'"):
        ReachRecipe(robot="r2d2")
    with pytest.raises(ConfigError, match="n_goals"):
        ReachRecipe(n_goals=0)


def test_what_a_loss_sees_of_an_upright_arm_turns_with_it():
    arm, task = ARMS["sawyer"](), ARMS["sawyer"]().task
    state = torch.tensor([*task.home, *([0.1] * 7)], dtype=torch.float64)
    goal = arm.goals(1, torch.Generator().manual_seed(0))[0].double()
    seen = arm.world.observe(state, goal)
    assert list(seen) == [x.name for x in arm.world.inputs]
    assert all(len(seen[x.name]) == len(x.scale) for x in arm.world.inputs)
    angle = torch.tensor(0.7, dtype=torch.float64)
    turned = state.clone()
    turned[0] += angle
    turn = about_z(angle)
    there = torch.cat([rotate(turn, goal[:3]), multiply(turn, goal[3:])])
    for name, x in arm.world.observe(turned, there).items():
        torch.testing.assert_close(x, seen[name], rtol=0.0, atol=1e-6)
    hand = arm.world.position(state)
    at_goal = arm.world.observe(state, hand)
    assert at_goal["error"].abs().max() < 1e-9 and at_goal["turn"].abs().max() < 1e-9
    assert seen["error"].norm().item() == pytest.approx((goal - hand)[:3].norm().item())
