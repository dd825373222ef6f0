# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Moments of a stream as tasks: what the learner sees, and what it is evaluated on."""

from __future__ import annotations

import pytest
import torch

from ml3_ros.core.linear_model import COEFFICIENTS
from ml3_ros.errors import ConfigError
from ml3_ros.learners.inverse_dynamics.reweighted_fit import reweighted_fit
from ml3_ros.tasks.payload.families import TARGET, LoadedFamily, MomentSampling
from ml3_ros.tasks.payload.recipes import PayloadRecipe, payload_loss_spec
from ml3_ros.tasks.payload.simulated import LOADED, UNLOADED


@pytest.fixture
def family(arms):
    return LoadedFamily(arms, MomentSampling(since=(0.2, 2.0)))


def batch_of(family, tasks):
    return family.support(tasks, torch.zeros_like(tasks), torch.Generator())


def test_a_window_ends_at_its_moment(family, arms):
    for since in (0.0, 0.4, 2.0):
        tasks = family.moments(since)
        last = arms.rows + round(since / arms.spacing)
        expected = arms.residual[:, last - arms.rows : last]
        torch.testing.assert_close(batch_of(family, tasks)[TARGET], expected)
        carried = LOADED if since else UNLOADED
        assert family.carried(tasks).tolist() == [carried] * len(arms)


def test_a_moment_that_was_not_recorded_is_rejected(family):
    with pytest.raises(ConfigError, match="beyond"):
        family.moments(3.0)


def test_moments_are_drawn_before_with_and_after_the_body(family, arms):
    tasks = family.sample(4000, torch.Generator().manual_seed(0))
    arm, seen = family._parts(tasks)
    assert set(arm.tolist()) == {0, 1, 2}
    ends = [arms.rows * k for k in (1, 2, 3)]
    share = [((seen > low) & (seen <= low + arms.rows)).float().mean() for low in (0, *ends[:2])]
    expected = torch.tensor([0.2, 0.65, 0.15])
    torch.testing.assert_close(torch.stack(share), expected, atol=0.03, rtol=0.0)
    since = (seen[(seen > ends[0]) & (seen <= ends[1])] - ends[0]) * arms.spacing
    assert since.min() > 0.19 and since.max() <= 2.0 and since.median() < 0.8  # even in the log
    assert (family.carried(tasks) == LOADED).float().mean() == pytest.approx(0.65, abs=0.03)


def test_errors_are_those_of_the_arm_as_it_is_then(family, arms):
    none = torch.zeros(len(arms), 10)
    for since, state in ((0.0, UNLOADED), (1.0, LOADED)):
        found = family.held_out_error(family.moments(since), none)
        free, spread = arms.held_free[:, state], arms.held_spread[:, state]
        torch.testing.assert_close(found, (free / spread.unsqueeze(1)).square().mean(1))


def test_the_task_loss_is_shaped_at_torque_without_contacts(family):
    tasks, generator = family.moments(1.0), torch.Generator().manual_seed(0)
    batch, extra = family.query(tasks, torch.zeros_like(tasks), generator)
    theta = {COEFFICIENTS: torch.zeros(len(tasks), 10)}
    exact = family.task_losses(theta, batch, extra | {"free": torch.zeros_like(extra["free"])})
    assert (exact["free"] < 1e-6).all() and (exact["task"] > 1e-3).all()


def test_nothing_that_a_learner_sees_is_extra_information(family, arms):
    seen = batch_of(family, family.moments(1.0))
    arms.held_free[:], before = arms.held_free + 1.0, arms.held_free.clone()
    again = batch_of(family, family.moments(1.0))
    arms.held_free[:] = before
    assert set(seen) == {TARGET, "v", "columns"}
    for name, value in seen.items():
        torch.testing.assert_close(value, again[name])


def test_a_loss_is_trained_and_begins_at_least_squares(family):
    trainer = PayloadRecipe(n_outer_steps=2, n_tasks=2).trainer(family, (0,))
    tasks, spec, phi = family.moments(1.0), trainer.spec, trainer.seed_phi(0)
    batch, lead = batch_of(family, tasks), (len(tasks),)
    fits = [
        reweighted_fit(spec, phi, family.optimizee, batch, lead=lead, passes=passes)
        for passes in (1, 3)
    ]
    torch.testing.assert_close(*fits)
    before = {k: p.clone() for k, p in trainer.seed_phi(0).items()}
    trainer.step()
    moved = {k for k, p in trainer.seed_phi(0).items() if not torch.equal(p, before[k])}
    assert "pull_strength" in moved and any(name.startswith("net.") for name in moved)
    assert trainer.spec == payload_loss_spec(7, family.arms.spacing)
