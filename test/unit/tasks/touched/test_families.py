# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Task families of touched arms: extra information stays out of reach, losses learn to weigh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.core.inner_loop import adapt
from ml3_ros.core.linear_model import LinearModel
from ml3_ros.errors import ConfigError
from ml3_ros.learners.inverse_dynamics.reweighted_fit import PASSES, fit_weights, reweighted_fit
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.touched.before import Before
from ml3_ros.tasks.touched.contacts import ContactConfig
from ml3_ros.tasks.touched.families import RunSampling, TouchedFamily
from ml3_ros.tasks.touched.recipes import TouchedRecipe, units_of
from ml3_ros.tasks.touched.simulated import simulate_touched

NAMES = load_robot("sawyer").names
MODELS = ("physical", "network_on_model", "network")


def before_of(model, arms):
    """Return what is known before a model learns; no fit, so that tests are quick."""
    if model == "physical":
        return Before.described(arms)
    if model == "network":
        return Before.nothing(arms)
    return Before(torque=arms.nominal, trust=torch.zeros_like(arms.tau))


def family_of(model, arms, linear):
    recipe, before = TouchedRecipe(model=model), before_of(model, arms)
    units = units_of(arms, before, NAMES)
    optimizee = recipe.optimizee(units, "sawyer", linear)
    return recipe, units, TouchedFamily(optimizee, arms, before, recipe.sampling())


@pytest.mark.parametrize("model", MODELS)
def test_nothing_at_meta_test_sees_the_extra_information(model, arms, linear):
    """Torque without contacts and when they last are NaN or wrong: the models stay the same."""
    blind = replace(
        arms,
        free=torch.full_like(arms.free, torch.nan),
        touched=~arms.touched,
        spread=torch.full_like(arms.spread, torch.nan),
    )
    tasks = torch.arange(len(arms))
    found = []
    for known in (arms, blind):
        recipe, units, family = family_of(model, known, linear)
        spec = recipe.loss_spec(units, family.optimizee)
        generator = torch.Generator().manual_seed(0)
        learner = spec.learner(family.optimizee)
        phi = {k: p.unsqueeze(0) for k, p in spec.init_phi(torch.Generator()).items()}
        theta = family.init(tasks, generator)
        batches = [family.support(tasks, 0 * tasks, generator) for _ in range(2)]
        assert "free" not in batches[0] and "touched" not in batches[0]
        found.append(adapt(learner, theta, phi, batches, lead=(len(arms),)).theta)
    for k, p in found[0].items():
        assert p.isfinite().all()
        torch.testing.assert_close(p, found[1][k])
    _, extra = family_of(model, arms, linear)[2].query(tasks, 0 * tasks, torch.Generator())
    assert extra["free"].isfinite().all()


@pytest.mark.parametrize("model", MODELS)
def test_an_outer_step_moves_phi(model, arms, linear):
    recipe, units, family = family_of(model, arms, linear)
    trainer = replace(recipe, n_outer_steps=2, n_tasks=2).trainer(family, units, (0, 1))
    first = trainer.seed_phi(0)
    step = trainer.step()
    assert step.task_loss.isfinite().all() and not step.diverged.any()
    assert any(not torch.equal(p, first[k]) for k, p in trainer.seed_phi(0).items())
    assert any(not torch.equal(p, trainer.seed_phi(1)[k]) for k, p in trainer.seed_phi(0).items())


@pytest.mark.parametrize("model", MODELS[1:])
def test_networks_learn_step_sizes_with_their_weights_or_alone(model, arms, linear):
    recipe, units, family = family_of(model, arms, linear)
    weighted = recipe.loss_spec(units, family.optimizee)
    alone = replace(recipe, weighted=False).loss_spec(units, family.optimizee)
    assert (weighted.architecture, alone.architecture) == ("weighted", "squared_error")
    assert alone.context == () and alone.target == weighted.target
    for spec in (weighted, alone):
        assert set(spec.roles) == set(family.optimizee.roles().values())
        assert recipe.meta_training().horizon == spec.knots[-1]  # they are trained to their end
    trainer = replace(recipe, weighted=False, n_tasks=2).trainer(family, units, (0,))
    trainer.step()
    assert trainer.seed_phi(0)["step_sizes"].any()
    with pytest.raises(ConfigError, match="no step sizes"):
        TouchedRecipe(model="physical", weighted=False)


def test_a_learned_loss_sees_through_contacts(config, linear):
    """Trained on 8 arms for 12 outer steps, on others: a fraction of ordinary least squares."""
    contacts = ContactConfig(kind="leading", share=(0.3, 0.4))
    touched = replace(config, contacts=contacts)
    recipe, units, family = family_of("physical", simulate_touched(touched, 8, seed=1), linear)
    trainer = replace(recipe, n_outer_steps=12, n_tasks=4).trainer(family, units, (0,))
    fresh = trainer.seed_phi(0)
    while not trainer.done:
        trainer.step()
    arms = simulate_touched(touched, 4, seed=2)
    tested = TouchedFamily(family.optimizee, arms, Before.described(arms), recipe.sampling())
    tasks = torch.arange(len(arms))
    batch = tested.support(tasks, 0 * tasks, torch.Generator())
    errors = []
    for phi in (fresh, trainer.seed_phi(0)):
        fitted = reweighted_fit(trainer.spec, phi, family.optimizee, batch, lead=(4,))
        errors.append(tested.held_out_error({"coefficients": fitted}).mean(-1).log().mean().exp())
    assert errors[1] < 0.5 * errors[0]


def test_a_fit_tells_how_far_it_believed_each_sample(arms, linear):
    recipe, units, _ = family_of("physical", arms, linear)
    model = LinearModel(7, tuple(linear.kinds.tolist()))
    spec = recipe.loss_spec(units, model)
    phi = spec.init_phi(torch.Generator())
    phi["net.weight_2"] += 0.3 * torch.randn(phi["net.weight_2"].shape)
    before = Before.fitted(arms, spec, phi, model, stride=2)
    assert before.trust is not None and before.trust.shape == arms.tau.shape
    assert not before.trust[:, arms.n_support :].any()  # of held-out samples nothing is known
    learned = before.trust[:, : arms.n_support]
    np.testing.assert_allclose(learned.flatten(1).quantile(0.9, 1), 0.0, atol=1e-5)
    # every sample has a weight of its own, not that of its neighbour in the fit
    some = slice(1, arms.n_support, 2)
    rest = (arms.tau - arms.nominal)[:, some]
    batch = {"tau": rest, "v": arms.v[:, some], "columns": arms.columns[:, some].flatten(-2)}
    half = slice(0, arms.n_support, 2)
    fit = {
        "tau": (arms.tau - arms.nominal)[:, half],
        "v": arms.v[:, half],
        "columns": arms.columns[:, half].flatten(-2),
    }
    fitted = reweighted_fit(spec, phi, model, fit, lead=(len(arms),), passes=PASSES)
    expected = fit_weights(spec, phi, model, fitted, batch).log()
    shift = (expected - learned[:, 1::2]).flatten(1)
    torch.testing.assert_close(shift, shift[:, :1].expand_as(shift), atol=1e-4, rtol=0.0)
    torch.testing.assert_close(
        before.torque, arms.nominal + (arms.columns @ fitted[:, None, :, None]).squeeze(-1)
    )


def test_runs_follow_each_other_at_equal_distances():
    sampling = RunSampling(n_runs=3, length=5, stride=4)
    drawn = sampling.draw(2, 40, torch.Generator().manual_seed(0))
    assert drawn.shape == (2, 15) and drawn.min() >= 0 and drawn.max() < 40
    assert (drawn.unflatten(1, (3, 5)).diff(dim=-1) == 4).all()
    with pytest.raises(ConfigError, match="record longer"):
        sampling.draw(2, 16, torch.Generator())
    with pytest.raises(ConfigError, match="length"):
        RunSampling(length=0)


def test_a_stream_ends_at_any_time_for_all_arms_alike():
    sampling, generator = RunSampling(n_runs=0, stride=2, shortest=50), torch.Generator()
    drawn = [sampling.draw(3, 1000, generator) for _ in range(200)]
    lengths = np.array([x.shape[1] for x in drawn])
    for x in drawn[:5]:
        assert x.shape[0] == 3 and (x == 2 * torch.arange(x.shape[1])).all()
    assert lengths.min() >= 25 and lengths.max() <= 500
    # short ones as often as long ones: the middle is the geometric one
    assert 0.7 < np.median(lengths) / np.sqrt(25.0 * 500.0) < 1.4
    with pytest.raises(ConfigError, match="one run alone"):
        RunSampling(n_runs=2, shortest=50)
