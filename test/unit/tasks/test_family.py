# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Batches never look ahead, and what only meta-training may know reaches no learner."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.errors import ConfigError
from ml3_ros.experiments.inverse_dynamics.curves import learning_curves
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.sampling import SamplingConfig, nmse
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.tasks.inverse_dynamics.family import InverseDynamicsFamily
from ml3_ros.tasks.inverse_dynamics.recipes import Recipe

STREAM = SamplingConfig(batch_size=12, query_size=20, steps_per_window=3, window=8, newest=5)
IID = SamplingConfig(batch_size=12, query_size=20)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def family_of(recordings, sampling=STREAM, nle="learned", units=None):
    units = units or Units(
        joint_names=("j0", "j1"), velocity=(1, 2), acceleration=(3, 4), effort=(5, 0.5)
    )
    return InverseDynamicsFamily(
        InverseDynamicsNet(units, nle=nle, hidden=(8,)), recordings, sampling
    )


def without_prior(recordings):
    """Return the recordings with NaN for all that only a model knows."""
    nan = {k: torch.full_like(getattr(recordings, k), torch.nan) for k in ("inertia", "nle")}
    return replace(recordings, **nan)


@pytest.mark.parametrize("steps_per_window", [1, 3])
def test_a_stream_never_looks_ahead_and_brings_the_newest(steps_per_window):
    sampling = replace(STREAM, steps_per_window=steps_per_window)
    seen = torch.tensor([8, 16, 400])
    rows = torch.stack([sampling.draw(seen, generator(i)) for i in range(200)])
    assert rows.shape == (200, 3, 12)
    assert int(rows.min()) == 0
    for k, count in enumerate(seen.tolist()):
        assert int(rows[:, k].max()) == count - 1
        newest = set(range(count - 5, count))
        assert all(newest <= set(row.tolist()) for row in rows[:, k])
        older = rows[:, k, :7].float() / count  # the rest is uniform over all that came
        assert abs(float(older.mean()) - 0.5 * (count - 1) / count) < 0.03
        assert len(rows[:, k, :7].unique()) > 0.9 * count


def test_without_a_stream_batches_are_uniform():
    rows = torch.stack([IID.draw(torch.tensor([50]), generator(i)) for i in range(200)])
    counts = torch.bincount(rows.flatten(), minlength=50)
    assert len(counts) == 50
    assert torch.all((counts > 20) & (counts < 80))  # 48 expected


def test_a_short_memory_draws_from_the_newest_samples_only():
    sampling = SamplingConfig(batch_size=32, steps_per_window=1, newest=4, memory=10)
    rows = sampling.draw(torch.tensor([200_000, 6]).repeat(50), generator(0))
    old = rows[::2]
    assert set(old.flatten().tolist()) == set(range(199_990, 200_000))
    assert set(rows[1::2].flatten().tolist()) == set(range(6))


def test_equal_generators_draw_equal_batches():
    seen = torch.tensor([20, 30])
    assert torch.equal(STREAM.draw(seen, generator(3)), STREAM.draw(seen, generator(3)))
    assert not torch.equal(STREAM.draw(seen, generator(3)), STREAM.draw(seen, generator(4)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"newest": 0},
        {"newest": 9},
        {"batch_size": 4},
        {"batch_size": 0, "newest": 0},
        {"query_size": 0},
        {"steps_per_window": -1},
        {"window": 0},
        {"memory": -1},
    ],
)
def test_samplings_out_of_range_are_rejected(wrong):
    with pytest.raises(ConfigError, match="must be"):
        SamplingConfig(**wrong)


def test_support_follows_the_age_and_stays_out_of_what_is_held_out(numbered):
    family = family_of(numbered)
    tasks = torch.tensor([0, 1, 1, 0])
    ages = torch.tensor([0, 2, 3, 10_000])
    sizes = torch.tensor([8, 8, 16, 40])
    for i in range(50):
        samples = family.support(tasks, ages, generator(i))["q"][..., 0] - 1000.0 * tasks[:, None]
        assert torch.equal(samples.amax(-1), sizes - 1.0)
        assert float(samples.min()) >= 0.0


def test_query_of_a_stream_is_what_has_come_so_far(numbered):
    tasks, ages = torch.tensor([0, 1]), torch.tensor([0, 3])
    rows = [family_of(numbered).query(tasks, ages, generator(i))[0]["q"] for i in range(50)]
    samples = torch.stack(rows)[..., 0] - 1000.0 * tasks[:, None]
    assert samples.shape == (50, 2, 20)
    assert torch.equal(samples.amax((0, 2)), torch.tensor([7.0, 15.0]))


@pytest.mark.parametrize("sampling", [IID, replace(STREAM, evaluated_on="held_out")])
def test_query_is_held_out_without_a_stream_or_on_request(numbered, sampling):
    tasks, ages = torch.tensor([0, 1]), torch.tensor([0, 3])
    rows = [
        family_of(numbered, sampling).query(tasks, ages, generator(i))[0]["q"] for i in range(50)
    ]
    samples = torch.stack(rows)[..., 0] - 1000.0 * tasks[:, None]
    assert torch.equal(samples.unique(), torch.arange(40.0, 60.0))


@pytest.mark.parametrize("sampling", [STREAM, IID])
def test_extra_information_belongs_to_the_samples_of_the_query(numbered, sampling):
    tasks, ages = torch.tensor([1, 0]), torch.tensor([5, 8])
    batch, extra = family_of(numbered, sampling).query(tasks, ages, generator())
    assert torch.equal(extra["nle"], batch["q"] / 2.0)
    assert torch.equal(extra["inertia"][..., 1], batch["q"])


def test_held_out_is_all_the_rest(numbered):
    held_out = family_of(numbered).held_out(torch.tensor([1, 0]))
    expected = torch.stack((torch.arange(1040.0, 1060.0), torch.arange(40.0, 60.0)))
    for x in held_out.values():
        assert torch.equal(x, expected.unsqueeze(-1).expand(-1, -1, 2))


def test_models_start_at_the_first_torques(numbered):
    family = family_of(numbered)
    theta = family.init(torch.tensor([0, 1]), generator())
    q = torch.zeros(2, 1, 2)
    found = family.optimizee.nle(theta, q, q)[:, 0]
    effort = torch.tensor(family.optimizee.units.effort)
    expected = torch.tensor([[3.5, 3.5], [1003.5, 1003.5]])  # the mean of the first window
    assert torch.all((found - expected).abs() < effort)


def test_what_a_learner_sees_has_no_key_for_extra_information(numbered):
    tasks, ages = torch.tensor([0, 1]), torch.tensor([0, 5])
    learned, given = family_of(numbered), family_of(numbered, nle="given")
    for batch in (learned.support(tasks, ages, generator()), learned.held_out(tasks)):
        assert set(batch) == {"q", "v", "a", "tau"}
    for batch in (given.support(tasks, ages, generator()), given.held_out(tasks)):
        assert set(batch) == {"q", "v", "a", "tau", "tau_inertial"}


@pytest.mark.parametrize("sampling", [STREAM, IID])
def test_at_meta_test_the_prior_can_be_anything(recordings, units, sampling):
    """With NaN for M and F, every batch and every learning curve is the same to the bit."""
    spec = Recipe(nle="learned").loss_spec(units, "reacher")
    phi = spec.network().init(generator())
    found = []
    for known in (recordings, without_prior(recordings)):
        family = family_of(known, sampling, units=units)
        tasks = torch.arange(len(known))
        batches = [family.support(tasks, tasks + age, generator(age)) for age in (0, 7, 90)]
        curves = learning_curves(family, spec, [phi], (0, 5, 20), seeds=(0, 1))
        found.append((batches, curves))
    for before, after in zip(found[0][0], found[1][0], strict=True):
        assert all(torch.equal(x, after[k]) for k, x in before.items())
    np.testing.assert_array_equal(found[0][1], found[1][1])
    assert np.isfinite(found[0][1]).all()


def test_with_f_given_the_inertia_can_be_anything(recordings, units_of):
    units = units_of(recordings, "given")
    loss = squared_error(units, "tau_inertial", "sgd", 0.1)
    curves = []
    for inertia in (recordings.inertia, torch.full_like(recordings.inertia, torch.nan)):
        family = family_of(replace(recordings, inertia=inertia), IID, "given", units)
        curves.append(learning_curves(family, loss.spec, [{}], (0, 20), seeds=(0,)))
    np.testing.assert_array_equal(curves[0], curves[1])
    assert np.isfinite(curves[0]).all()


@pytest.mark.parametrize("nle", ["given", "learned"])
def test_at_meta_train_the_prior_changes_what_is_learned(recordings, units_of, nle):
    phis = []
    for use_prior, scale in ((True, 1.0), (True, 1.5), (False, 1.0), (False, 1.5)):
        known = replace(recordings, inertia=scale * recordings.inertia)
        recipe = Recipe(nle=nle, use_prior=use_prior, n_outer_steps=2, n_tasks=2)
        trainer = recipe.trainer(known, units_of(recordings, nle), "reacher", (0,))
        for _ in range(2):
            trainer.step()
        phis.append(torch.cat([p.flatten() for p in trainer.seed_phi(0).values()]))
    shaped, shaped_by_other, unshaped, unshaped_too = phis
    assert not torch.equal(shaped, unshaped)
    assert not torch.equal(shaped, shaped_by_other)
    assert torch.equal(unshaped, unshaped_too)


def with_errors(net, theta, batch, size):
    """Return batch and extra from which the model is off by `size` in the robot's units."""
    effort, acceleration = (torch.tensor(x) for x in (net.units.effort, net.units.acceleration))
    truth = {
        "inertia": net.inertia(theta, batch["q"]) + size * effort[:, None] / acceleration,
        "nle": net.nle(theta, batch["q"], batch["v"]) + size * effort,
    }
    return {**batch, "tau": net.call(theta, batch) + size * effort}, truth


def test_task_losses_are_squares_in_the_robots_units(float64, numbered):
    doubles = {k: getattr(numbered, k).double() for k in ("q", "v", "a", "tau", "inertia", "nle")}
    family = family_of(replace(numbered, **doubles))
    theta = family.init(torch.tensor([0, 1]), generator())
    batch, _ = family.query(torch.tensor([0, 1]), torch.tensor([0, 5]), generator())
    for size, expected in ((0.0, 0.0), (1.0, 1.0), (-3.0, 9.0)):
        terms = family.task_losses(theta, *with_errors(family.optimizee, theta, batch, size))
        assert set(terms) == {"task", "inertia", "nle"}
        for value in terms.values():
            torch.testing.assert_close(
                value, torch.full((2,), expected, dtype=torch.float64), rtol=1e-6, atol=1e-6
            )
    assert set(family.task_losses(theta, batch, {})) == {"task"}


def test_every_joint_and_sample_counts_in_the_task_losses(float64, numbered):
    family = family_of(replace(numbered, q=numbered.q.double()))
    theta = family.init(torch.tensor([0]), generator())
    batch, _ = family.query(torch.tensor([0]), torch.tensor([0]), generator())
    batch = {k: x.double() for k, x in batch.items()}
    exact, truth = with_errors(family.optimizee, theta, batch, 1.0)
    expected = family.task_losses(theta, exact, truth)
    for sample in (0, 19):
        for joint in (0, 1):
            changed = {**exact, "tau": exact["tau"].clone()}
            changed["tau"][0, sample, joint] *= 3.0
            other = {k: x.clone() for k, x in truth.items()}
            other["nle"][0, sample, joint] *= 3.0
            other["inertia"][0, sample, joint, 1 - joint] *= 3.0
            found = family.task_losses(theta, changed, other)
            assert all(float((found[k] - value).abs()) > 1e-3 for k, value in expected.items())


def test_with_f_given_the_target_is_what_is_left_of_the_torque(numbered):
    family = family_of(numbered, nle="given")
    theta = family.init(torch.tensor([0, 1]), generator())
    batch, extra = family.query(torch.tensor([0, 1]), torch.tensor([0, 5]), generator())
    prediction = family.optimizee.call(theta, batch)
    terms = family.task_losses(theta, {**batch, "tau_inertial": prediction}, extra)
    assert set(terms) == {"task", "inertia"}
    assert float(terms["task"].max()) < 1e-6


def test_invalid_families_are_rejected(numbered):
    with pytest.raises(ConfigError, match="needs recordings with nle"):
        family_of(replace(numbered, nle=None), nle="given")
    with pytest.raises(ConfigError, match=r"7 samples to learn from.*window of 8"):
        family_of(replace(numbered, n_support=7))
    units = family_of(numbered).optimizee.units
    for nle, lacking in (("learned", "inertia"), ("learned", "nle"), ("given", "inertia")):
        known = replace(numbered, **{lacking: None})
        with pytest.raises(ConfigError, match="needs the inertia prior"):
            Recipe(nle=nle).trainer(known, units, "reacher", (0,))
        if lacking == "inertia":
            Recipe(nle=nle, use_prior=False).trainer(known, units, "reacher", (0,))


@pytest.mark.parametrize("nle", ["given", "learned"])
@pytest.mark.parametrize("wrong", [{"inner_lr": 0.0}, {"horizon": 0}, {"steps_per_window": 0}])
def test_zeros_in_a_recipe_are_rejected(numbered, nle, wrong):
    units = family_of(numbered).optimizee.units
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Recipe(nle=nle, **wrong).trainer(numbered, units, "reacher", (0,))


def test_nmse_is_one_for_the_mean_and_zero_for_the_truth():
    target = torch.randn(2, 500, 3, generator=generator()) * torch.tensor([0.1, 1.0, 50.0]) + 7.0
    mean = target.mean(1, keepdim=True).expand_as(target)
    torch.testing.assert_close(nmse(mean, target), torch.ones(2, 3), rtol=1e-4, atol=0.0)
    assert not nmse(target, target).any()
    half = mean + 0.5 * (target - mean)
    torch.testing.assert_close(nmse(half, target), torch.full((2, 3), 0.25), rtol=1e-4, atol=0.0)
