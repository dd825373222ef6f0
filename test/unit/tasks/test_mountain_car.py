# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""MountainCar: the hill is too steep to drive up at once, and walls do not stop gradients."""

from __future__ import annotations

import math

import pytest
import torch

from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.mountain_car.curiosity import Coverage
from ml3_ros.experiments.mountain_car.task import (
    GOAL,
    RUN_UP,
    WAY_POINT,
    Knowledge,
    MountainCar,
    MountainCarFamily,
    car_policy,
    loss_spec,
    meta_training,
)
from ml3_ros.tasks.reaching.worlds import bounded


def drive(action):
    """Return the states (T + 1, 2) of an episode under action(t, state)."""
    world = MountainCar()
    states = [world.start(torch.Generator(), 1)[0]]
    for t in range(world.horizon):
        states.append(world.step(states[-1], torch.tensor([action(t, states[-1])])))
    return torch.stack(states)


def test_only_who_drives_away_first_arrives():
    limit = MountainCar().limits[0]
    assert float(drive(lambda t, s: limit)[-1, 0]) < 0.0
    assert float(drive(lambda t, s: 100.0)[-1, 0]) < 0.0  # a larger force is not to be had
    away_first = drive(lambda t, s: -limit if t < 10 else limit)
    assert float(away_first[-1, 0]) == GOAL[0]


def test_walls_hold_the_car_and_let_gradients_through():
    x = torch.tensor([-2.0, 0.1, 3.0], requires_grad=True)
    found = bounded(x, -1.0, 1.0)
    torch.testing.assert_close(found, torch.tensor([-1.0, 0.1, 1.0]))
    assert torch.equal(torch.autograd.grad(found.sum(), x)[0], torch.ones(3))
    states = drive(lambda t, s: 0.25 if float(s[1]) > 1e-3 else -0.25)
    assert float(states[:, 0].max()) <= 0.5 and float(states[:, 1].abs().max()) <= 1.5


@pytest.mark.parametrize("way_point", [True, False])
def test_the_way_point_is_known_to_the_task_loss_alone(way_point):
    family = MountainCarFamily(car_policy(), Knowledge(way_point=way_point))
    generator, tasks = torch.Generator().manual_seed(0), torch.zeros(3, dtype=torch.int64)
    for batch in (
        family.support(tasks, tasks, generator),
        family.query(tasks, tasks, generator)[0],
    ):
        assert set(batch) == {"start", "goal"}
        assert (batch["goal"] == torch.tensor(GOAL)).all()
    theta = family.init(tasks, generator)
    seen = family.optimizee.experience(theta, batch)
    assert set(seen) == {"state", "goal", "action"}
    target = family.query(tasks, tasks, generator)[1]["target"]
    first = torch.tensor(WAY_POINT if way_point else GOAL)
    assert (target[..., :RUN_UP, :] == first).all()
    assert (target[..., RUN_UP:, :] == torch.tensor(GOAL)).all()


def test_the_task_loss_is_the_distance_to_where_states_should_be():
    family = MountainCarFamily(car_policy(), Knowledge(way_point=True))
    generator, tasks = torch.Generator().manual_seed(0), torch.zeros(2, dtype=torch.int64)
    theta = family.init(tasks, generator)
    batch, extra = family.query(tasks, tasks, generator)
    states, _ = family.optimizee.rollout(theta, batch["start"], batch["goal"])
    for i in range(2):
        far = [
            float((s - torch.tensor(WAY_POINT if t < RUN_UP else GOAL)).norm())
            for t, s in enumerate(states[i, 0, 1:])
        ]
        expected = sum(far) / len(far)
        assert float(family.task_losses(theta, batch, extra)["task"][i]) == pytest.approx(expected)


@pytest.mark.parametrize("architecture", ["trajectory", "desired_action"])
def test_a_loss_for_the_car_can_be_meta_trained(architecture):
    family = MountainCarFamily(car_policy(), Knowledge(way_point=True))
    trainer = MetaTrainer(family, loss_spec(architecture), meta_training(2), (0,))
    before = trainer.seed_phi(0)
    step = trainer.step()
    assert torch.isfinite(step.task_loss).all()
    assert any(not torch.equal(before[k], p) for k, p in trainer.seed_phi(0).items())


def test_coverage_tells_how_much_an_episode_repeats_itself():
    reward = Coverage(scale=(1.0, 2.0), width=0.5, weight=3.0)
    same = torch.tensor([0.3, -0.4]).expand(7, 2)
    far = torch.arange(7.0).unsqueeze(-1) * torch.tensor([10.0, 0.0])
    found = reward.repetition(torch.stack([same, far]))
    torch.testing.assert_close(found, torch.tensor([3.0, 0.0]))
    # two pairs of states, half a kernel apart in the second element
    pairs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [9.0, 0.0], [9.0, 1.0]])
    alike = 1.0 + math.exp(-0.5)
    expected = 3.0 * math.log(alike) / math.log(4.0)
    assert float(reward.repetition(pairs)) == pytest.approx(expected, rel=1e-5)
    states = torch.randn(2, 5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(reward.repetition, states.requires_grad_())
    for wrong in ((1.0, 0.0), (1.0, math.nan)):
        with pytest.raises(ConfigError, match="> 0"):
            Coverage(scale=wrong)


def test_curiosity_and_the_end_of_episodes_are_added_to_the_task_loss():
    generator, tasks = torch.Generator().manual_seed(0), torch.zeros(2, dtype=torch.int64)
    reward = Coverage(scale=(0.3, 0.3))
    late = MountainCarFamily(car_policy(), Knowledge(late=3))
    curious = MountainCarFamily(car_policy(), Knowledge(late=3, coverage=reward))
    theta = late.init(tasks, generator)
    batch, extra = late.query(tasks, tasks, generator)
    states = late.optimizee.rollout(theta, batch["start"], batch["goal"])[0][:, 0, 1:]
    far = (states[:, -3:] - torch.tensor(GOAL)).norm(dim=-1).mean(-1)
    torch.testing.assert_close(late.task_losses(theta, batch, extra)["task"], far)
    both = far + reward.repetition(states)
    torch.testing.assert_close(curious.task_losses(theta, batch, extra)["task"], both)
