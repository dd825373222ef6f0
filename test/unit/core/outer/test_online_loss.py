# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A loss that goes on learning: down the task loss through the last update, and nowhere else."""

from __future__ import annotations

import torch

from ml3_ros.core.inner_loop import inner_step
from ml3_ros.core.outer.online import OnlineLoss, Update


def task_loss_of(family, batch):
    return lambda theta: family.task_losses(theta, batch, {})["task"].mean()


def problem(family, make_spec, random_phi):
    """Return a learner, its phi, and an update with what came later."""
    spec = make_spec("structured")
    learner, phi = spec.learner(family.optimizee), random_phi(spec)
    generator = torch.Generator().manual_seed(0)
    tasks = torch.tensor([2])
    theta = {k: p[0] for k, p in family.init(tasks, generator).items()}
    batch, later = (
        {k: x[0] for k, x in family.support(tasks, tasks, generator).items()} for _ in range(2)
    )
    update = Update(theta, learner.inner_optimizer.init(theta), batch)
    return learner, phi, update, task_loss_of(family, later)


def after(learner, phi, update, task_loss):
    """Return the task loss after the update, had it been made under phi."""
    step = inner_step(learner, update.theta, phi, update.batch, update.state)
    return float(task_loss(step.theta))


def test_phi_learns_so_that_the_update_would_have_been_better(family, make_spec, random_phi):
    learner, phi, update, task_loss = problem(family, make_spec, random_phi)
    first = {k: p.clone() for k, p in phi.items()}
    online = OnlineLoss(phi, tuple(phi), 1e-2)
    online.last = update
    for _ in range(10):
        online.learn(learner, task_loss)
    assert after(learner, online.phi, update, task_loss) < after(learner, phi, update, task_loss)
    # who holds the file's phi still does
    assert all(torch.equal(p, first[k]) for k, p in phi.items())


def test_without_an_update_nothing_is_learned(family, make_spec, random_phi):
    learner, phi, _, task_loss = problem(family, make_spec, random_phi)
    online = OnlineLoss(phi, tuple(phi), 1e-2)
    online.learn(learner, task_loss)
    assert online.phi is phi


def test_what_is_given_stays_and_so_does_all_at_a_gradient_that_is_not_finite(
    family, make_spec, random_phi
):
    learner, phi, update, task_loss = problem(family, make_spec, random_phi)
    online = OnlineLoss(phi, ("log_scale",), 1e-2)
    online.last = update
    online.learn(learner, task_loss)
    changed = {k for k, p in phi.items() if not torch.equal(p, online.phi[k])}
    assert changed == {"log_scale"}
    before = online.phi
    online.learn(learner, lambda theta: task_loss(theta) * float("nan"))
    assert online.phi is before
