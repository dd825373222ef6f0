# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Episodes of the greedy policy of a loss, from which it learns more than once."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.core.losses.trajectory import DesiredActionLoss
from ml3_ros.experiments.model_free.family import GoalFamily
from ml3_ros.experiments.model_free.policy import (
    GaussianPolicy,
    GreedyPolicy,
    act,
    log_likelihoods,
)
from ml3_ros.experiments.model_free.recipes import setting
from ml3_ros.experiments.model_free.surrogate import CLIP, advantages, clipped_surrogate

N = 3


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def reaching():
    """Return (family, network, phi with leading dimension 1, query) of a small problem."""
    chosen = setting("reacher")
    environment = chosen.make(1)
    policy = GaussianPolicy(environment, (8,), log_std=-1.3)
    goals = chosen.goals(N, generator(), trained=True)
    tasks = GoalFamily(policy, goals, n_evaluated=2, n_limit=4, discount=0.9)
    network = DesiredActionLoss(
        environment.n_actions, {"observation": environment.n_observations}, hidden=(8,)
    )
    phi = {k: p.unsqueeze(0) for k, p in network.init(generator(1)).items()}
    everyone = torch.arange(N)
    query, _ = tasks.query(everyone, everyone, generator(2))
    return tasks, network, phi, query


def test_they_are_those_of_the_greedy_policy(reaching):
    tasks, network, phi, query = reaching
    found = tasks.fixed_point_episodes(network, phi, query)
    greedy = GreedyPolicy(tasks.optimizee.environment, network, -1.3)
    episodes = act(greedy, phi, *(query[f"limit.{k}"] for k in ("start", "goal", "noise")))
    rows = 4 * tasks.optimizee.environment.horizon
    assert {x.shape[:2] for x in found.values()} == {(N, rows)}
    seen = episodes.observations.flatten(-3, -2)
    torch.testing.assert_close(found["observation"], seen)
    torch.testing.assert_close(found["action"], episodes.actions.flatten(-3, -2))
    weights = advantages(episodes.rewards, episodes.observations, 0.9)
    torch.testing.assert_close(found["advantage"], weights.flatten(-2).unsqueeze(-1))
    likely = log_likelihoods(greedy, phi, seen, found["action"]).unsqueeze(-1)
    torch.testing.assert_close(found["log_likelihood"], likely)


def test_their_tasks_are_others_every_time(reaching):
    """Models keep theirs for many outer steps: a loss would forget all other tasks meanwhile."""
    tasks, *_ = reaching
    first = torch.zeros(N, dtype=torch.int64)
    goals = [
        tasks.query(first, first, generator(seed))[0]["limit.goal"][:, 0] for seed in range(6)
    ]
    assert len(torch.cat(goals).unique(dim=0)) == N


def test_the_first_step_on_all_rows_is_that_of_the_fixed_point_itself(reaching):
    """Nothing is clipped before the loss has changed: the gradients are the same."""
    tasks, network, phi, query = reaching
    learned = {k: p.clone().requires_grad_() for k, p in phi.items()}
    rows = tasks.fixed_point_episodes(network, phi, query)
    grads = []
    for batch in (query, rows):
        value = tasks.fixed_point_losses(network)(learned, batch, {})["task"]
        assert value.shape == (N,)
        names = [k for k in learned if k.startswith("net.")]
        found = torch.autograd.grad(value.sum(), [learned[k] for k in names])
        grads.append(dict(zip(names, found, strict=True)))
    assert grads[0]["net.weight_0"].abs().max() > 0.0
    for k, g in grads[0].items():
        torch.testing.assert_close(grads[1][k], g, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("moved", "weight", "counts"),
    [
        (1.5 * CLIP, 1.0, False),
        (1.5 * CLIP, -1.0, True),
        (0.0, 1.0, True),
        (0.0, -1.0, True),
        (-1.5 * CLIP, 1.0, True),
        (-1.5 * CLIP, -1.0, False),
    ],
)
def test_what_has_changed_enough_is_left_alone(moved, weight, counts):
    """By PPO's rule: enough is a ratio beyond 1 +- CLIP, in the direction of the weight."""
    before = torch.tensor([[-2.0]])
    today = (before + torch.log(torch.tensor(1.0 + moved))).requires_grad_()
    value = clipped_surrogate(today, before, torch.tensor([[weight]]))
    (gradient,) = torch.autograd.grad(value.sum(), today)
    assert float(gradient) == pytest.approx(-weight * (1.0 + moved) if counts else 0.0)
