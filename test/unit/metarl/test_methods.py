# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Methods of meta-reinforcement learning: each does what its paper says that it does."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.errors import ConfigError
from ml3_ros.metarl.learning.ppo import PpoConfig
from ml3_ros.metarl.learning.trials import PolicyAgent, run_trials
from ml3_ros.metarl.methods.classical import ArmAgent, Classical
from ml3_ros.metarl.methods.curiosity import PredictionError
from ml3_ros.metarl.methods.dream import CODE, Dream, TaskDecoder
from ml3_ros.metarl.methods.maml import Maml, MetaParameters, _improve, episodes_of
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.methods.multitask import MultiTask
from ml3_ros.metarl.methods.policies import RL2
from ml3_ros.metarl.policies.policy import Policy
from ml3_ros.metarl.worlds.calibration import CalibrationWorld
from ml3_ros.metarl.worlds.dynamics import DynamicsWorld
from ml3_ros.metarl.worlds.exploration import ExplorationWorld
from ml3_ros.metarl.worlds.point import PointWorld

PPO = PpoConfig(n_trials=16, lr=2e-3, discount=0.95, n_epochs=4)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def returns(world, agent, n=32, **words):
    """Return the mean reward of each episode (episodes,) on new tasks."""
    tasks = world.draw(n, source(9))
    return run_trials(world, agent, tasks, source(9), **words).returns(world.episodes).mean(1)


def budget(steps):
    return Budget(steps=steps, seed=0, ppo=PPO)


def test_execution_uses_what_exploration_told():
    first, second = returns(PointWorld(), Dream()(PointWorld(), budget(15_000)), 100)
    assert second > first + 0.02


@pytest.mark.slow
def test_a_second_episode_is_better_where_the_first_one_is_remembered():
    first, second = returns(PointWorld(), RL2(PointWorld(), budget(120_000)), 100)
    assert second > first + 0.02


@pytest.mark.parametrize("method", [RL2, MultiTask(), Maml(), Dream()])
def test_the_same_seed_learns_the_same(method):
    found = [returns(PointWorld(), method(PointWorld(), budget(1))) for _ in range(2)]
    assert torch.equal(*found)


def test_a_start_and_its_steps_are_learned_from_what_acts_after_them():
    world, generator = PointWorld(), source()
    learned = MetaParameters(Policy(world), PPO)
    optimizer = torch.optim.Adam(learned.parameters(), lr=1e-2)
    agent = learned.agent(world.horizon, generator)
    trials = run_trials(world, agent, world.draw(16, generator), generator)
    before = {k: p.detach().clone() for k, p in learned.named_parameters()}
    _improve(learned, optimizer, trials, 2)
    moved = {k for k, p in learned.named_parameters() if not torch.equal(p, before[k])}
    assert moved == set(before)
    parts = episodes_of(trials, 2)
    assert torch.equal(torch.cat([part.rewards for part in parts]), trials.rewards)


def test_what_was_expected_is_no_surprise_the_second_time():
    world, generator = PointWorld(), source()
    agent = PolicyAgent(Policy(world), generator)
    trials = run_trials(world, agent, world.draw(8, generator), generator)
    surprise = PredictionError(world)
    for _ in range(150):
        found = surprise(trials)
    assert found.shape == trials.rewards.shape
    assert float(found.mean()) == pytest.approx(1.0, abs=0.05)
    # a world that answers otherwise than before surprises most where it does
    odd = trials.seen.observation.clone()
    odd[10, 3] += 1.0
    changed = type(trials)(
        type(trials.seen)(
            odd, *(getattr(trials.seen, k) for k in ("action", "reward", "first", "task"))
        ),
        trials.actions,
        trials.rewards,
    )
    assert divmod(int(surprise(changed).argmax()), 8) in {(9, 3), (10, 3)}


def test_an_explorer_is_paid_for_all_that_its_episode_tells():
    world, generator = PointWorld(), source()
    decoder = TaskDecoder(world)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=1e-3)
    agent = PolicyAgent(Policy(world), generator)
    trials = run_trials(world, agent, world.draw(6, generator), generator, episodes=(0,))
    code = torch.randn(6, CODE)
    with torch.no_grad():
        wrong = (decoder(trials.seen.all(), [])[0] - code).square().sum(-1)
    paid = decoder.learn(trials, code, optimizer, PPO)
    assert torch.allclose(paid.sum(0), wrong[0] - wrong[-1], atol=1e-4)
    with torch.no_grad():
        later = (decoder(trials.seen.all(), [])[0] - code).square().sum(-1)
    assert later.mean() < wrong.mean()


class AsDescribed(ArmAgent):
    """Computed torque of the arm as described, for what is seen."""

    def act(self, seen):
        q, v = self.sensed(seen)
        way = self.arms.reach * seen.observation[:, 2 * self.arms.nv :].double()
        return self.action(self.torque(q, v, self.aimed(seen, q, self.arms.hand(q) + way)))


@pytest.mark.parametrize("kind", ["reacher", "sawyer"])
def test_a_load_is_found_and_the_goal_is_reached_under_it(kind):
    world = DynamicsWorld(kind)
    plain, found = (
        returns(world, agent, 8)
        for agent in (AsDescribed(world.arms), Classical()(world, budget(0)))
    )
    assert (found > plain + 0.05).all()


def test_offsets_are_found_from_rewards():
    world = CalibrationWorld("reacher")
    plain, found = (
        returns(world, agent, 16)
        for agent in (AsDescribed(world.arms), Classical()(world, budget(0)))
    )
    assert (found > plain + 0.05).all()


def test_a_script_looks_first_and_goes_there_then():
    world = ExplorationWorld("sawyer")
    explored, went = returns(world, Classical()(world, budget(0)), 8)
    assert explored == 0.0
    assert went > -0.3


def test_classical_methods_say_where_they_have_nothing_to_say():
    with pytest.raises(ConfigError, match="no classical method"):
        Classical()(PointWorld(), budget(0))
