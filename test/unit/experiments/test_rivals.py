# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Rivals that learn from the robots of meta-training: pretrained, MAML, and how they are tuned."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.core.inner_loop import unroll
from ml3_ros.core.types import with_lead
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.rivals.bracketed import bracketed
from ml3_ros.experiments.rivals.maml import MamlConfig, meta_learn_start
from ml3_ros.experiments.rivals.pretrained import PretrainConfig, pretrain
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error

SHORT = PretrainConfig(n_steps=150, batch_size=64)
INERTIA = (("inertia", 1.0),)


def mean_task_loss(family, theta, term="task"):
    """Return the mean log task loss over the robots of models (seeds, *shape), by seed."""
    n, tasks = len(family.recordings), torch.arange(len(family.recordings))
    query, extra = family.query(tasks, torch.zeros_like(tasks), torch.Generator().manual_seed(9))
    spread = {k: p.unsqueeze(1).expand(len(p), n, *p.shape[1:]) for k, p in theta.items()}
    return family.task_losses(spread, query, extra)[term].log().mean(-1)


def random_start(family, seeds):
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return family.init(torch.zeros(len(seeds), dtype=torch.int64), generators)


def test_a_pretrained_network_suits_all_robots(family):
    trained = pretrain(family, (0, 1), SHORT)
    better = mean_task_loss(family, trained) - mean_task_loss(family, random_start(family, (0, 1)))
    assert torch.all(better < math.log(0.2))
    assert not any(p.requires_grad for p in trained.values())


def test_it_is_pretrained_on_what_the_weights_say(family):
    on_torque, on_inertia = pretrain(family, (0,), SHORT), pretrain(family, (0,), SHORT, INERTIA)
    errors = [float(mean_task_loss(family, x, "inertia")) for x in (on_torque, on_inertia)]
    assert errors[1] < errors[0]


def test_a_seed_is_pretrained_alone_as_in_company(family):
    short = replace(SHORT, n_steps=5)
    together, alone = pretrain(family, (3, 4), short), pretrain(family, (4,), short)
    for name, p in alone.items():
        torch.testing.assert_close(together[name][1:], p, rtol=1e-4, atol=1e-5)


def maml_objective(family, learner, start, config, seed):
    """Return what MAML descends on in its first step, for one start without leading dimension."""
    generator, lead = [torch.Generator().manual_seed(seed)], (1, config.n_tasks)
    tasks = family.sample(config.n_tasks, generator)
    ages = [torch.full_like(tasks, age) for age in range(config.unroll)]
    batches = [with_lead(family.support(tasks, age, generator), lead) for age in ages]
    query, extra = (with_lead(x, lead) for x in family.query(tasks, ages[-1], generator))
    theta = {k: p.expand(*lead, *p.shape).clone() for k, p in start.items()}
    state = learner.inner_optimizer.init(theta, lead)
    steps = unroll(learner, theta, {}, batches, state)
    losses = [family.task_losses(each.theta, query, extra)["task"].log() for each in steps]
    return float(torch.stack(losses).mean())


def test_maml_descends_on_the_error_after_its_steps(family):
    """Adam's first step has the size of outer_lr, against the sign of the gradient."""
    net = family.optimizee
    learner = squared_error(net.units, net.target, "sgd", 0.03, 3.0).learner(net)
    begin = pretrain(family, (0,), SHORT)
    config = MamlConfig(n_outer_steps=1, n_tasks=2, unroll=4, outer_lr=1e-3)
    moved = meta_learn_start(family, learner, begin, (7,), config)
    own = {k: p[0] for k, p in begin.items()}
    name, h, checked = f"inertia_net.bias_{len(net.hidden)}", 3e-3, 0
    for i in range(own[name].shape[-1]):
        values = []
        for step in (-h, h):
            shifted = own[name].clone()
            shifted[i] += step
            there = {**own, name: shifted}
            values.append(maml_objective(family, learner, there, config, 7))
        slope = (values[1] - values[0]) / (2.0 * h)
        change = float(moved[name][0, i] - own[name][i])
        if abs(slope) > 1e-2:
            assert change == pytest.approx(-math.copysign(1e-3, slope), rel=1e-2)
            checked += 1
    assert checked >= 2


def test_a_meta_learned_start_is_better_after_steps_than_where_it_began(family):
    net = family.optimizee
    learner = squared_error(net.units, net.target, "sgd", 0.03, 3.0).learner(net)
    begin = random_start(family, (0,))
    config = MamlConfig(n_outer_steps=25, n_tasks=2, unroll=3, outer_lr=1e-2)
    found = meta_learn_start(family, learner, begin, (0,), config)
    before, after = (
        maml_objective(family, learner, {k: p[0] for k, p in x.items()}, config, 11)
        for x in (begin, found)
    )
    assert after < before + math.log(0.5)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [(PretrainConfig, {"n_steps": 0}), (MamlConfig, {"unroll": -1}), (MamlConfig, {"n_tasks": 0})],
)
def test_sizes_that_are_too_small_are_rejected(kind, wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        kind(**wrong)


def distance_to(*best):
    """Return a score with its minimum at `best` in each cell."""
    return lambda x: np.square(np.log(x) - np.log(np.array(best)))


def test_the_best_candidate_is_inside_the_grid_wherever_the_search_began():
    found = bracketed(distance_to(1e-3, 1.0, 50.0), (0.5, 1.0, 2.0))
    assert found[1] == 1.0
    np.testing.assert_allclose(np.log(found), np.log((1e-3, 1.0, 50.0)), atol=math.log(2.0))


def test_a_single_candidate_is_no_grid():
    assert bracketed(distance_to(3.0), (3.0,)) == 3.0
    assert float(bracketed(distance_to(30.0), (3.0,))[0]) > 3.0


def test_where_an_edge_gains_nothing_the_search_ends():
    asked = []

    def score(x):
        asked.append(x)
        return np.array([x if x > 1e-3 else 1e-3])  # the smaller the better, down to a floor

    assert float(bracketed(score, (0.01, 0.1))[0]) <= 1e-3
    assert min(asked) > 1e-5


def test_what_failed_is_never_chosen():
    def score(x):
        return np.array([math.nan if x > 0.5 else -x, math.inf])

    assert bracketed(score, (0.1, 0.3, 0.5, 1.0))[0] == 0.5


def test_a_search_without_an_end_is_an_error():
    with pytest.raises(ConfigError, match="at an edge: begin with another grid"):
        bracketed(lambda x: np.array([np.log(x)]), (0.1, 1.0))
