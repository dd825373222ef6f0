# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies that act without a model: eq. (7) and (8), mini-batches, a loss that learns to help."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from ml3_ros.core.engine.engine import Engine
from ml3_ros.core.inner_loop import inner_step
from ml3_ros.core.inner_optimizers import Sgd
from ml3_ros.core.learner import Learner
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.core.losses.trajectory import DesiredActionLoss
from ml3_ros.core.outer.config import MetaTrainConfig
from ml3_ros.core.outer.trainer import MetaTrainer
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.model_free.family import GoalFamily, mean_return
from ml3_ros.experiments.model_free.policy import (
    GaussianPolicy,
    GreedyPolicy,
    act,
    log_likelihoods,
)
from ml3_ros.experiments.model_free.recipes import setting
from ml3_ros.experiments.model_free.surrogate import advantages, surrogate
from test.unit.tasks.slide import GOALS, Slide, family, generator


def test_the_task_loss_is_the_cost_with_the_gradient_of_the_surrogate():
    tasks = family(n_evaluated=6)
    which = torch.arange(3)
    theta = tasks.init(which, generator())
    theta = {k: p.requires_grad_() for k, p in theta.items()}
    batch, extra = tasks.query(which, which, generator(1))
    assert extra == {}
    value = tasks.task_losses(theta, batch, extra)["task"]
    episodes = act(tasks.optimizee, theta, batch["start"], batch["goal"], batch["noise"])
    torch.testing.assert_close(value, -episodes.rewards.sum(-1).mean(-1))
    likelihoods = log_likelihoods(
        tasks.optimizee, theta, episodes.observations.flatten(1, 2), episodes.actions.flatten(1, 2)
    ).view(3, 6, 4)
    weights = advantages(episodes.rewards, episodes.observations, tasks.discount)
    expected = surrogate(likelihoods, weights).sum() / 4.0
    for gradient, expected_gradient in zip(
        torch.autograd.grad(value.sum(), tuple(theta.values())),
        torch.autograd.grad(expected, tuple(theta.values())),
        strict=True,
    ):
        torch.testing.assert_close(gradient, expected_gradient)


def test_experience_is_all_that_was_done_in_the_given_order():
    tasks = family(n_episodes=3)
    which = torch.arange(2)
    theta = tasks.init(which, generator())
    batch = tasks.support(which, which, generator(1))
    seen = tasks.optimizee.experience(theta, batch)
    episodes = act(tasks.optimizee, theta, batch["start"], batch["goal"], batch["noise"])
    assert set(seen) == {"observation", "action", "reward"}
    assert seen["action"].shape == (2, 12, 1) and tasks.steps_per_update == 12
    for i in range(2):
        expected = episodes.actions[i].flatten(0, 1)[batch["order"][i]]
        assert torch.equal(seen["action"][i], expected)
    assert tasks.optimizee.experience(theta, seen) is seen


def test_an_inner_step_makes_one_update_on_each_mini_batch():
    tasks = family(n_episodes=3, n_mini_batches=4)
    policy, which = tasks.optimizee, torch.arange(2)
    theta = tasks.init(which, generator())
    batch = policy.experience(theta, tasks.support(which, which, generator(1)))
    parts = policy.mini_batches(batch)
    assert [part["action"].shape for part in parts] == [(2, 3, 1)] * 4
    torch.testing.assert_close(
        torch.cat([part["action"] for part in parts], 1), batch["action"], rtol=0, atol=0
    )

    def loss(phi, model, batch, count):
        return (model(batch) - batch["action"]).square().mean((-2, -1))

    rule = Sgd(0.1)
    learner = Learner(policy, SimpleNamespace(evaluate=loss), rule)
    done = inner_step(learner, theta, {}, batch, rule.init(theta, (2,)))
    policy.n_mini_batches = 1
    by_hand, state = theta, rule.init(theta, (2,))
    for part in parts:
        result = inner_step(learner, by_hand, {}, part, state)
        by_hand, state = result.theta, result.state
    assert all(torch.equal(p, by_hand[k]) for k, p in done.theta.items())
    assert (done.state["count"] == 4.0).all()


@pytest.mark.parametrize("architecture", ["desired_action", "likelihood"])
def test_meta_training_improves_what_a_loss_teaches(architecture):
    tasks = family(n_episodes=2, n_evaluated=16, n_mini_batches=2)
    spec = LossSpec(
        architecture=architecture,
        target=InputSpec(name="action", unit="", scale=(1.0,)),
        context=(InputSpec(name="observation", unit="", scale=(1.0,)),),
        options={"hidden": (16,)},
        inner_lr=0.2,
        clip_norm=1.0,
    )
    config = MetaTrainConfig(
        n_outer_steps=60,
        n_tasks=8,
        unroll=2,
        horizon=6,
        restart="staggered",
        outer_lr=1e-2,
        outer_every_step=True,
        log_task_loss=False,
    )
    trainer = MetaTrainer(tasks, spec, config, (0,), engine=Engine())
    losses = []
    while not trainer.done:
        losses.append(float(trainer.step().task_loss))
    assert sum(losses[-15:]) < 0.9 * sum(losses[:15])


def test_policies_are_evaluated_by_their_mean():
    policy = GaussianPolicy(Slide(), (8,), log_std=2.0)
    theta = {k: torch.zeros_like(p) for k, p in policy.init(generator(), (2,)).items()}
    start = torch.zeros(2, 3, 1, dtype=torch.float64)
    found = mean_return(policy, theta, start, torch.tensor([[1.0], [-0.5]]))
    torch.testing.assert_close(found, torch.tensor([-4.0, -2.0]))


def test_an_unknown_robot_is_rejected():
    with pytest.raises(ConfigError, match="reacher, ant"):
        setting("unicorn")


def test_turned_starts_are_part_of_a_task():
    tasks = GoalFamily(GaussianPolicy(Slide(), (3,)), GOALS, turns=2.0 * torch.ones(len(GOALS)))
    chosen = torch.tensor([0, 3])
    turned = tasks.support(chosen, chosen, generator(1))["start"]
    plain = family().support(chosen, chosen, generator(1))["start"]
    assert torch.equal(turned, -plain)


def test_the_fixed_point_is_the_return_of_the_greedy_policy():
    """Its gradient on phi is that of the surrogate, by the greedy policy of the loss."""
    tasks, chosen = family(n_evaluated=3), torch.arange(4)
    spec = LossSpec(
        architecture="desired_action",
        target=InputSpec(name="action", unit="", scale=(1.0,)),
        context=(InputSpec(name="observation", unit="", scale=(1.0,)),),
    )
    phi = {k: p.unsqueeze(0).requires_grad_() for k, p in spec.init_phi(generator()).items()}
    batch, extra = tasks.query(chosen, chosen, generator(1))
    found = tasks.fixed_point_losses(spec.network())(phi, batch, extra)["task"]
    greedy = GreedyPolicy(Slide(), spec.network(), tasks.optimizee.log_std)
    episodes = act(greedy, phi, batch["start"], batch["goal"], batch["noise"])
    torch.testing.assert_close(found, -episodes.rewards.sum(-1).mean(-1))
    moved = torch.autograd.grad(found.sum(), list(phi.values()), allow_unused=True)
    by_name = dict(zip(phi, moved, strict=True))
    assert by_name["net.weight_0"].abs().max() > 0.0
    assert by_name["step_net.weight_0"] is None  # the step size leads nowhere


def test_the_fixed_point_may_see_more_episodes():
    chosen, network = torch.arange(4), DesiredActionLoss(1, {"observation": 1})
    phi = {k: p.unsqueeze(0) for k, p in network.init(generator()).items()}
    tasks = family(n_evaluated=3, n_limit=20)
    batch, _ = tasks.query(chosen, chosen, generator(1))
    assert batch["start"].shape == (4, 3, 1) and batch["limit.start"].shape == (4, 20, 1)
    greedy = GreedyPolicy(Slide(), network, tasks.optimizee.log_std)
    episodes = act(greedy, phi, *(batch[f"limit.{k}"] for k in ("start", "goal", "noise")))
    found = tasks.fixed_point_losses(network)(phi, batch, {})["task"]
    torch.testing.assert_close(found, -episodes.rewards.sum(-1).mean(-1))


def test_a_greedy_policy_improves_by_its_fixed_point():
    tasks = family(n_evaluated=8)
    spec = LossSpec(
        architecture="desired_action",
        target=InputSpec(name="action", unit="", scale=(1.0,)),
        context=(InputSpec(name="observation", unit="", scale=(1.0,)),),
    )
    config = MetaTrainConfig(
        n_outer_steps=40, n_tasks=8, unroll=1, outer_lr=1e-2, log_task_loss=False, limit_weight=1e3
    )
    trainer = MetaTrainer(tasks, spec, config, (0,), engine=Engine())
    greedy = GreedyPolicy(Slide(), spec.network())
    start = Slide().start(generator(5), len(GOALS), 4)
    before, after = (
        mean_return(greedy, {k: p[:, 0] for k, p in trainer.phi.items()}, start, GOALS)
        for _ in _steps(trainer)
    )
    assert (after > before + 0.3).float().mean() >= 0.75


def _steps(trainer):
    yield
    while not trainer.done:
        trainer.step()
    yield
