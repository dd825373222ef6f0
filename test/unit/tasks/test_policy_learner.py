# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies that learn from episodes of an arm, and the plan of a run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ml3_ros.core.inner_loop import inner_step
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.networks import BoundModel
from ml3_ros.errors import ConfigError, DataError, LossFileError
from ml3_ros.learners.reaching.arm_task import KEY
from ml3_ros.learners.reaching.episodes import NANO, Episode, Recorder
from ml3_ros.learners.reaching.policy import Policy
from ml3_ros.learners.reaching.policy_learner import LossLearner, RandomSearch
from ml3_ros.learners.reaching.run import ReachRun
from ml3_ros.tasks.reaching.arm_recipes import ARMS
from test.unit.tasks.failing_loss import FailingLoss

ARM = ARMS["reacher"]()
TASK = ARM.task
GOAL = np.array([0.1, 0.05])
POSE = np.array([0.1, 0.05, 0.0, 0.0, 0.0, 0.0, 1.0])


@pytest.fixture
def loss():
    spec = ARM.spec()
    phi = spec.init_phi(torch.Generator().manual_seed(3))
    return LearnedLoss(spec=spec, phi=phi, provenance={KEY: TASK.to_dict()})


def episode_of(learner, goal=GOAL):
    """Return an episode in the world of meta-training, recorded as on an arm."""
    state = torch.tensor([*TASK.home, 0.0, 0.0], dtype=torch.float64)
    recorder = Recorder(TASK, goal, 0, 1.0)
    for _ in range(TASK.horizon):
        action = learner.act(state.numpy(), goal)
        recorder.add(state.numpy(), ARM.world.position(state).numpy(), action)
        state = ARM.world.step(state, torch.tensor(action))
    assert recorder.at_end()
    return recorder.finish(ARM.world.position(state).numpy())


def test_an_update_on_the_arm_is_that_of_meta_training(loss):
    learner = LossLearner(TASK, loss)
    learner.begin(5)
    before = dict(learner.theta)
    value = learner.update(episode_of(learner))
    policy = Policy(ARM.world, TASK.hidden, scales=TASK.scales)
    same = loss.learner(policy)
    start = torch.tensor([[*TASK.home, 0.0, 0.0]])
    batch = {"start": start, "goal": torch.tensor(GOAL[None], dtype=torch.float32)}
    state = same.inner_optimizer.init(before)
    expected = inner_step(same, before, loss.phi, batch, state)
    assert value == pytest.approx(float(expected.meta_loss_value), rel=1e-4)
    for name, p in expected.theta.items():
        torch.testing.assert_close(learner.theta[name], p, rtol=1e-3, atol=1e-5)
    assert any(not torch.equal(before[name], p) for name, p in learner.theta.items())


def test_repeated_updates_descend_on_the_loss_of_an_episode(loss):
    learner = LossLearner(TASK, loss)
    learner.begin(1)
    episode = episode_of(learner)
    values = [learner.update(episode) for _ in range(30)]
    assert values[-1] < 0.8 * values[0]


def test_torques_are_those_of_the_policy_and_never_beyond_its_limits(loss):
    learner = LossLearner(TASK, loss)
    learner.begin(0)
    state = np.array([0.1, 0.2, 3.0, -4.0])
    batch = {"state": torch.tensor(state[None]).float(), "goal": torch.tensor(GOAL[None]).float()}
    expected = BoundModel(learner.policy, learner.theta)(batch)[0]
    np.testing.assert_allclose(learner.act(state, GOAL), expected.detach().numpy())
    learner.theta["net.bias_2"] = torch.tensor([1e4, -1e4])
    np.testing.assert_allclose(
        learner.act(state, GOAL), TASK.limits * np.array([1, -1]), rtol=1e-6
    )
    learner.theta["net.bias_2"] = torch.tensor([float("nan"), 0.0])
    with pytest.raises(DataError, match="not finite: no torque is sent"):
        learner.act(state, GOAL)


def test_an_update_that_is_not_finite_leaves_the_policy_as_it_was(loss):
    learner = LossLearner(TASK, loss)
    learner.begin(0)
    episode = episode_of(learner)
    before = dict(learner.theta)
    broken = Episode(episode.state * np.nan, *(getattr(episode, name) for name in (
        "action", "hand", "goal", "distance")))  # fmt: skip
    with pytest.raises(DataError, match="update that is not finite"):
        learner.update(broken)
    assert all(torch.equal(learner.theta[name], p) for name, p in before.items())


def test_a_loss_that_cannot_train_the_policy_is_not_used(loss):
    wrong = FailingLoss.like(loss, good=0)
    sentence = (
        r"the loss of the method ml3_reach cannot train this network \(RuntimeError: the size"
    )
    with pytest.raises(LossFileError, match=sentence):
        LossLearner(TASK, wrong)


def test_a_policy_whose_update_fails_acts_on_and_the_others_learn(loss):
    failing = LossLearner(TASK, FailingLoss.like(loss, good=2))  # the trial, and one update
    run = ReachRun(
        TASK, {"ml3_reach": failing, "random_search": RandomSearch(TASK)},
        updates=3, n_goals=2, seed=0,
    )  # fmt: skip
    thetas = []
    for _ in range(2):
        run.add_goal(POSE)
    while run.prepare():
        thetas.append(dict(run.learner.theta))
        run.finish(episode_of(run.learner, run.goal), 1.0)
    assert [(o.goal, o.method, o.number) for o in run.outcomes] == [
        (g, m, k) for g in range(2) for m in ("ml3_reach", "random_search") for k in range(4)
    ]  # a report lacks nothing
    ended = [bool(o.ended) for o in run.outcomes]
    assert ended == [False, True, True, True, *[False] * 4, *[True] * 4, *[False] * 4]
    assert "RuntimeError: the size of tensor" in run.ended[0, "ml3_reach"]
    assert [np.isfinite(o.value) for o in run.outcomes[:4]] == [True, False, False, False]
    assert not torch.equal(thetas[1]["net.bias_0"], thetas[0]["net.bias_0"])
    assert torch.equal(thetas[3]["net.bias_0"], thetas[1]["net.bias_0"])
    assert not torch.equal(thetas[8]["net.bias_0"], thetas[3]["net.bias_0"])  # a fresh one
    assert not run.all_ended
    alone = ReachRun(TASK, {"ml3_reach": failing}, updates=1, n_goals=1, seed=0)
    alone.add_goal(POSE)
    while alone.prepare():
        alone.finish(episode_of(alone.learner, alone.goal), 1.0)
    assert alone.done and alone.all_ended


def test_equal_seeds_begin_alike_whoever_learns(loss):
    learners = [LossLearner(TASK, loss), RandomSearch(TASK)]
    actions = []
    for learner in learners:
        learner.begin(7)
        actions.append(learner.act(np.ones(4), GOAL))
    np.testing.assert_array_equal(*actions)
    learners[0].begin(8)
    assert not np.array_equal(learners[0].act(np.ones(4), GOAL), actions[0])


def test_random_search_keeps_what_was_better():
    search = RandomSearch(TASK)
    search.begin(0)
    episode = episode_of(search)

    def ended(far):
        return Episode(
            episode.state, episode.action, episode.hand, GOAL, np.full(TASK.horizon + 1, far)
        )

    search.update(ended(0.10))
    better = search.theta
    search.update(ended(0.05))
    assert search.theta is not better  # the next try
    search.update(ended(0.07))
    search.settle()
    assert search.theta is better


def test_an_action_is_due_once_a_period_whatever_the_rate():
    for rate in (100, 125, 1000):
        recorder, due = Recorder(TASK, GOAL, 0, 0.05), []
        for k in range(rate):
            if recorder.due(k * NANO // rate):
                due.append(k / rate)
                recorder.add(np.zeros(4), np.zeros(2), np.zeros(2))
        np.testing.assert_allclose(np.diff(due), TASK.period, atol=1e-9)
        assert due[0] == 0.0


@pytest.mark.parametrize("stamp", [NANO, -1])
def test_a_joint_state_that_is_late_or_early_breaks_an_episode_off(stamp):
    recorder = Recorder(TASK, GOAL, 0, 0.05)
    with pytest.raises(DataError, match="it is broken off"):
        recorder.due(stamp)


def a_run(loss, **plan):
    learners = {"ml3_reach": LossLearner(TASK, loss), "random_search": RandomSearch(TASK)}
    return ReachRun(TASK, learners, **({"updates": 2, "n_goals": 2, "seed": 0} | plan))


def test_every_goal_gets_a_fresh_policy_of_every_method_and_a_test(loss):
    run = a_run(loss)
    assert not run.prepare() and not run.done  # no goal yet
    for x in (0.1, 0.12):
        run.add_goal(POSE * [x / 0.1, 1, 1, 1, 1, 1, 1])
    seen = []
    while run.prepare():
        seen.append(run.fresh)
        run.finish(episode_of(run.learner, run.goal), 1.0)
    assert run.done
    table = [(o.goal, o.method, o.number) for o in run.outcomes]
    assert table == [
        (g, m, k) for g in range(2) for m in ("ml3_reach", "random_search") for k in range(3)
    ]
    assert seen == [True, False, False] * 4
    assert [np.isnan(o.value) for o in run.outcomes] == [False, False, True] * 4
    firsts = [o.episode.action[0] for o in run.outcomes if o.number == 0]
    np.testing.assert_array_equal(firsts[0], firsts[1])
    assert not np.array_equal(firsts[0], firsts[2])
    np.testing.assert_allclose(run.outcomes[-1].episode.goal, [0.12, 0.05])


def test_an_episode_that_was_broken_off_is_simply_made_again(loss):
    run = a_run(loss)
    run.add_goal(POSE)
    run.prepare()
    theta = run.learner.theta
    assert run.prepare() and run.fresh
    assert run.learner.theta is theta


def test_goals_out_of_reach_are_not_taken(loss):
    run = a_run(loss)
    with pytest.raises(DataError, match="out of reach"):
        run.add_goal(10.0 * POSE)
    assert not run.prepare()
    with pytest.raises(ConfigError, match="no method"):
        ReachRun(TASK, {}, updates=1, n_goals=1, seed=0)
