# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rivals of model-free losses: worlds of goals, meta-test, and an experiment end to end."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("gymnasium")
pytest.importorskip("stable_baselines3")

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.free_rivals import methods, run
from ml3_ros.experiments.free_rivals.config import GOAL_PPO, MAML, RL2, FreeRivalsConfig
from ml3_ros.experiments.free_rivals.figure import figure
from ml3_ros.experiments.free_rivals.goal_world import GoalWorld, WeakMotors
from ml3_ros.experiments.free_rivals.meta_test import adapted_costs, remembering_costs
from ml3_ros.experiments.free_rivals.output import EXPERIMENTS, metrics, table
from ml3_ros.experiments.model_free.config import MAIN
from ml3_ros.experiments.model_free.copies import Goals
from ml3_ros.experiments.model_free.ppo import PpoSettings
from ml3_ros.experiments.model_free.reacher_goal import ReacherGoal
from ml3_ros.experiments.model_free.run import Evaluator
from ml3_ros.experiments.runner.sweep import run_experiment
from ml3_ros.experiments.runner.workers import Outcome
from ml3_ros.metarl.learning.ppo import PpoConfig
from ml3_ros.metarl.learning.task_policies import (
    AdaptingAgent,
    TaskPolicies,
    policy_gradient,
    stepped,
)
from ml3_ros.metarl.policies.policy import Policy

GOALS = Goals(torch.tensor([[0.1, 0.05], [-0.1, 0.05]]), torch.tensor([0.5, -1.0]))
TINY = FreeRivalsConfig(
    seeds=1,
    n_goals=2,
    outer_steps=1,
    share=0.25,
    budget=100,
    tuning_steps=100,
    validation_goals=2,
    episodes=2,
)


@pytest.fixture(scope="module")
def reacher():
    return ReacherGoal(1)


@pytest.fixture
def world(reacher):
    return GoalWorld(reacher, GOALS, 2)


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_world_of_goals_is_the_environment_turned(world, reacher):
    tasks = world.draw(20, source())
    assert {tuple(t) for t in tasks.tolist()} == {tuple(t) for t in world.tasks.tolist()}
    seen = world.begin(tasks, source(3))
    state = reacher.turn(reacher.start(source(3), 20), tasks[:, 2])
    assert torch.equal(seen, reacher.observe(state, tasks[:, :2]))
    action = torch.full((20, 2), 0.4)
    seen, reward = world.step(action)
    after = reacher.step(state, action)
    assert torch.equal(seen, reacher.observe(after, tasks[:, :2]))
    assert torch.equal(reward, reacher.reward(state, action, after, tasks[:, :2]))
    assert torch.equal(world.draw(9, source(), outside=True), world.draw(9, source()))


def test_weak_motors_give_a_share_of_what_they_can(reacher):
    weak, state = WeakMotors(reacher, 0.5), reacher.start(source(), 3)
    beyond = torch.full((3, 2), 4.0)
    assert torch.equal(weak.step(state, beyond), reacher.step(state, torch.full((3, 2), 0.5)))
    after = weak.step(state, beyond)
    goal = GOALS.places[:1].expand(3, -1)
    paid = weak.reward(state, beyond, after, goal)
    assert torch.equal(paid, reacher.reward(state, beyond, after, goal))


def policy_of(world, kind):
    torch.manual_seed(0)
    policy = Policy(world, kind)
    with torch.no_grad():
        policy.action.weight *= 100.0  # it acts by what it sees from the start
    return policy


def test_maml_is_measured_by_its_mean_after_each_step(world, reacher):
    policy, evaluator = policy_of(world, "none"), Evaluator(reacher, GOALS.places, 0)
    start = {k: p.detach() for k, p in policy.named_parameters()}

    def costs(rate, episodes):
        def adapt(theta, trials):
            grads = policy_gradient(TaskPolicies(policy), theta, trials, PpoConfig())
            return stepped(theta, grads, {k: torch.tensor(rate) for k in start})

        agent = AdaptingAgent(policy, start, adapt, world.horizon, source())
        return adapted_costs(agent, evaluator, episodes, seed=1)

    still = costs(0.0, (0, 2))
    np.testing.assert_array_equal(still[:, 0], still[:, 1])
    moved = costs(0.3, (0, 1, 2))
    np.testing.assert_array_equal(moved[:, 0], still[:, 0])
    assert (moved[:, 1] != moved[:, 0]).all() and (moved[:, 2] != moved[:, 1]).all()
    np.testing.assert_allclose(costs(0.3, (0, 2))[:, 1], moved[:, 2], rtol=1e-5)
    # the same by hand: actions are the mean, starts those of the evaluator
    state, goal = evaluator.starts()[0], GOALS.places[:1].expand(8, -1)
    total = torch.zeros(8)
    with torch.no_grad():
        for _ in range(world.horizon):
            seen = reacher.observe(state, goal)
            action = policy.action(policy.memory(seen[None], [])[0])[0]
            after = reacher.step(state, action)
            total += reacher.reward(state, action, after, goal)
            state = after
    np.testing.assert_allclose(still[0, 0], -float(total.mean()), rtol=1e-5)


def test_rl2_is_measured_with_what_it_remembers_and_forgets_the_measurement(world, reacher):
    policy, evaluator = policy_of(world, "gru"), Evaluator(reacher, GOALS.places, 0)
    every = remembering_costs(policy, evaluator, (0, 1, 2), seed=1)
    assert every.shape == (2, 3) and (every[:, 0] != every[:, 1]).all()
    np.testing.assert_allclose(
        remembering_costs(policy, evaluator, (0, 2), seed=1), every[:, [0, 2]], rtol=1e-5
    )
    plain = policy_of(world, "none")  # nothing is remembered, so nothing changes
    same = remembering_costs(plain, evaluator, (0, 1), seed=1)
    np.testing.assert_array_equal(same[:, 0], same[:, 1])


def test_fine_tuning_begins_where_goal_conditioned_ppo_ended(reacher):
    given = methods.MetaTraining(TINY, reacher, GOALS, 200, 0)
    evaluator = Evaluator(reacher, GOALS.places, 0)
    settings = PpoSettings(n_envs=2, episodes=1, n_mini_batches=2, learning_rate=1e-2)
    before, weights = methods.goal_ppo(given, settings, evaluator)
    assert before.shape == (2, 2) and (before[:, 0] != before[:, 1]).all()
    after = methods.fine_tuned(TINY, settings, weights, evaluator, 0)
    assert after.shape == (2, len(TINY.x))
    np.testing.assert_allclose(after[:, 0], before[:, -1], rtol=1e-6)


class Here:
    """A backend that runs seeds in this process."""

    def run(self, jobs, report):
        for job in jobs:
            arrays = job.run_seed(job.config, job.seed, job.shared, job.scratch, job.engine)
            yield job.seed, Outcome(arrays, revision="here")


def test_a_whole_run_leaves_metrics_losses_and_a_figure(tmp_path, monkeypatch):
    few = PpoSettings(n_envs=2, episodes=1, n_epochs=1, n_mini_batches=1)
    quick = PpoConfig(n_trials=2, n_parts=1, n_epochs=1)
    monkeypatch.setattr(run, "LAYERS", (1, 2))
    monkeypatch.setattr("ml3_ros.experiments.model_free.run.TEST_EPISODES", 1)
    for name, grid in (("PRETRAINING", (few,)), ("FINE_TUNING", (few, replace(few, gamma=0.9)))):
        monkeypatch.setattr(run, name, grid)
    monkeypatch.setattr(run, "META_LEARNING", (quick,))
    kept = dict(
        zip(run.GRIDS, (run.PRETRAINING, run.FINE_TUNING, (quick,), (quick,)), strict=True)
    )
    for name, grid in kept.items():
        monkeypatch.setitem(run.GRIDS, name, grid)
    experiment, lines = EXPERIMENTS["reacher_free_rivals"], []
    paths = run_experiment(
        "reacher_free_rivals", experiment, TINY, tmp_path, backend=Here(), report=lines.append
    )
    assert all(path.stat().st_size > 1000 for path in paths)
    content = json.loads((tmp_path / "metrics.json").read_text())
    names = (MAIN, GOAL_PPO, MAML, RL2)
    expected = {name + suffix for name in names for suffix in ("", "@elsewhere", "@motors")}
    expected |= {f"hidden_layers_{n}@architectures" for n in (1, 2)} | {f"{GOAL_PPO}@pretraining"}
    assert set(content["methods"]) == expected
    head = content["headline"]
    assert head["meta_training_steps"] == 8800 and head["rival_steps"] == 2200
    assert content["methods"][f"{GOAL_PPO}@pretraining"]["x"] == [0, 2200]
    assert content["methods"][RL2]["x"] == [0]  # the next evaluation is after the trial
    assert (tmp_path / f"losses/{MAIN}/seed_0.safetensors").exists()
    assert any("weak motors" in text for text in lines)


def test_numbers_count_steps_from_a_fresh_policy_and_wins_without_a_step(tmp_path):
    def cost(*values):
        return np.array([[values, values]], float)

    curve = {
        MAIN: cost(100, 50, 30, 30, 30),
        GOAL_PPO: cost(25, 20, 20, 20, 20),
        MAML: cost(90),
        RL2: cost(37),
    }
    arrays = {f"cost/{k}": c[0] for k, c in curve.items()}
    arrays |= {f"motors/{k}": c[0] for k, c in curve.items()}
    arrays |= {f"minutes/{k}": np.array(1.0) for k in curve}
    arrays |= {"layers/2": curve[MAIN][0], "wanted": np.ones(2), "motors_wanted": np.ones(2)}
    config = FreeRivalsConfig(seeds=1, n_goals=2, budget=150, share=1.0)
    assert config.pretraining_x(1_760_000)[3:5] == (100_000, 200_000)
    lucky = [100.0, 60.0, 20.0, 40.0, 30.0, 29.0, 29.0, 28.0]
    arrays["pretraining"] = np.array([lucky] * 2)
    shared = {f"choice/{name}": np.array(0) for name in run.GRIDS}
    head = metrics(config, {0: arrays}, shared).headline
    assert config.x == (0, 100, 115, 132, 150)
    # 80 % of the way from 100 to 20 is 36: RL squared is at 37
    assert head[f"{GOAL_PPO}/steps"] == 0.0 and head[f"{MAIN}/steps"] == 115.0
    assert head[f"{RL2}/steps"] == np.inf and head[f"{RL2}/mean_steps"] == 150.0
    assert head[f"{GOAL_PPO}/ahead"] == 1.0 and head[f"{RL2}/ahead"] == 0.0
    assert head[f"{GOAL_PPO}/steps_as_good"] == 200_000.0
    # without the loss there is nothing to count from, and its numbers stand elsewhere
    few = {k: v for k, v in arrays.items() if GOAL_PPO in k or k == "pretraining"}
    few.pop(f"motors/{GOAL_PPO}")
    alone = replace(config, loss=False, rivals=(GOAL_PPO,))
    head = metrics(alone, {0: few}, shared).headline
    assert head[f"{GOAL_PPO}/first_cost"] == 25.0 and head[f"{GOAL_PPO}/last_cost"] == 20.0
    assert not any(MAIN in key or "/steps" in key or "motors" in key for key in head)
    assert len(figure(alone, {0: few}, 1_760_000, tmp_path)) == 2
    assert "weak motors" not in table({0: few})


@pytest.mark.parametrize(
    "wrong",
    [
        {"share": 0.0},
        {"strength": 1.5},
        {"episodes": 1},
        {"tuning_steps": 0},
        {"world": "unicorn"},
    ],
)
def test_configurations_that_do_not_fit_are_rejected(wrong):
    with pytest.raises(ConfigError):
        replace(TINY, **wrong)
