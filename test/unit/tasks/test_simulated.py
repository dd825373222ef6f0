# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulated recordings obey the robot's equation of motion, and are measured as on a robot."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml3_ros.data.filters import savgol_acceleration
from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.experiments.inverse_dynamics import config as invdyn
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.inverse_dynamics import populations
from ml3_ros.tasks.inverse_dynamics import train as train_loss
from ml3_ros.tasks.inverse_dynamics.simulated import SimulationConfig, simulate

SIGNALS = ("q", "v", "a", "tau", "inertia", "nle")
population = functools.cache(populations.population)
working_population = functools.cache(populations.working_population)


@pytest.fixture(scope="module")
def exact(exact_config):
    return simulate(exact_config, 2, seed=1)


def test_equal_seeds_give_equal_recordings(reacher_config, recordings):
    again = simulate(reacher_config, 3, seed=0)
    other = simulate(reacher_config, 3, seed=1)
    for name in SIGNALS:
        assert torch.equal(getattr(again, name), getattr(recordings, name))
    assert not torch.equal(other.q, recordings.q)


def test_a_robot_does_not_depend_on_how_many_there_are(reacher_config, recordings):
    alone = simulate(reacher_config, 1, seed=0)
    for name in SIGNALS:
        assert torch.equal(getattr(alone, name)[0], getattr(recordings, name)[0])


def test_sizes(reacher_config, recordings):
    assert recordings.q.shape == (3, 600, 2)
    assert recordings.inertia.shape == (3, 600, 2, 2)
    assert recordings.n_support == 400
    assert {getattr(recordings, name).dtype for name in SIGNALS} == {torch.float32}


def test_signals_obey_the_model_of_the_robot(exact):
    """Without noise, friction and changes: M and nle are Pinocchio's, tau = M a + nle."""
    model = PinocchioModel(load_robot("reacher"))
    for i in range(2):
        q, v = exact.q[i].double().numpy(), exact.v[i].double().numpy()
        np.testing.assert_allclose(exact.inertia[i], model.M(q), rtol=1e-5)
        np.testing.assert_allclose(exact.nle[i], model.nle(q, v), rtol=1e-3, atol=1e-6)
    left = (exact.tau - exact.nle).double().unsqueeze(-1)
    a = torch.linalg.solve(exact.inertia.double(), left).squeeze(-1)
    dt = 0.02
    from_positions = exact.q.double().diff(n=2, dim=1) / dt**2
    # a second difference is as good as dt^2 times the fourth derivative
    assert float((a[:, 1:-1] - from_positions).abs().max()) < 0.02 * float(a.abs().max())


def test_accelerations_are_filtered_from_measured_velocities(exact, exact_config):
    left = (exact.tau - exact.nle).double().unsqueeze(-1)
    exact_a = torch.linalg.solve(exact.inertia.double(), left).squeeze(-1)
    assert float((exact.a - exact_a).std()) > 1e-3  # a filter is not exact
    assert float((exact.a - exact_a).std()) < 0.1 * float(exact_a.std())
    noisy = simulate(replace(exact_config, velocity_noise=0.1), 2, seed=1)
    assert torch.equal(noisy.q, exact.q)
    assert torch.equal(noisy.tau, exact.tau)
    for i in range(2):
        expected = savgol_acceleration(noisy.v[i].double().numpy(), 0.02)
        inside = slice(10, -10)  # the ends were filtered with samples beyond them
        np.testing.assert_allclose(noisy.a[i][inside], expected[inside], atol=1e-3)


def test_noise_has_the_configured_size(exact, exact_config):
    noisy = simulate(replace(exact_config, velocity_noise=0.05, torque_noise_share=0.1), 2, seed=1)
    assert float((noisy.v - exact.v).std()) == pytest.approx(0.05, rel=0.1)
    share = (noisy.tau - exact.tau).std(1) / exact.tau.std(1)
    torch.testing.assert_close(share, torch.full((2, 2), 0.1), rtol=0.15, atol=0.0)


def test_the_prior_includes_masses_payload_and_friction(reacher_config):
    quiet = replace(reacher_config, velocity_noise=0.0, torque_noise_share=0.0)
    found = simulate(quiet, 3, seed=4)
    model = PinocchioModel(load_robot("reacher"))
    for i in range(3):
        q, v = found.q[i].double().numpy(), found.v[i].double().numpy()
        assert np.abs(found.inertia[i].numpy() / model.M(q) - 1.0).max() > 0.02
        friction = found.nle[i].numpy() - model.nle(q, v)
        assert np.corrcoef(friction[:, 0], np.sign(v[:, 0]))[0, 1] > 0.5
    a = torch.linalg.solve(
        found.inertia.double(), (found.tau - found.nle).double().unsqueeze(-1)
    ).squeeze(-1)
    assert float((a - found.a).std()) < 0.1 * float(a.std())


@pytest.mark.parametrize("name", ["rate", "support_seconds", "held_out_seconds"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_configurations_out_of_range_are_rejected(name, value):
    with pytest.raises(ConfigError, match=name):
        SimulationConfig(**{name: value})


def test_an_unknown_robot_is_rejected(reacher_config):
    with pytest.raises(RobotError):
        simulate(replace(reacher_config, robot="no_such_arm"), 1, seed=0)


def test_the_pools_of_an_experiment_share_no_seed():
    seeds = (invdyn.TRAIN_SEED, invdyn.VALIDATION_SEED, invdyn.TEST_SEED)
    assert len(set(seeds)) == 3
    own = {train_loss.SIMULATION_SEED, populations.UNIT_SEED}
    assert not own & {invdyn.VALIDATION_SEED, invdyn.TEST_SEED}


@pytest.mark.parametrize("nle", ["given", "learned"])
def test_test_robots_are_not_those_of_training(nle):
    """All recordings begin at home, so M there distinguishes the robots."""
    kind = population("reacher", nle)
    short = {"support_seconds": 1.0, "held_out_seconds": 1.0}

    def masses(config, n, seed):
        return simulate(replace(config, **short), n, seed).inertia[:, 0].flatten(1)

    train = masses(kind.train, 8, invdyn.TRAIN_SEED)
    perturbed = masses(kind.tests["perturbed"], 8, invdyn.TEST_SEED)
    nominal = masses(kind.tests["nominal"], 2, invdyn.TEST_SEED)
    distances = torch.cdist(train.double(), perturbed.double()) / train.norm(dim=-1).mean()
    assert float(distances.min()) > 1e-4
    assert float(torch.pdist(train.double()).min()) > 0.0
    assert torch.equal(nominal[0], nominal[1])
    home = PinocchioModel(load_robot("reacher")).M(load_robot("reacher").home)
    np.testing.assert_allclose(nominal[0].reshape(2, 2), home, rtol=1e-5)


@pytest.mark.parametrize("nle", ["given", "learned"])
def test_the_units_of_a_population_fit_its_robots(nle):
    kind = population("reacher", nle)
    assert kind.units.joint_names == load_robot("reacher").names
    data = simulate(kind.train, 4, seed=9)
    target = data.tau if nle == "learned" else data.tau - data.nle
    for scale, x in (
        (kind.units.velocity, data.v),
        (kind.units.acceleration, data.a),
        (kind.units.effort, target),
    ):
        ratio = x.std((0, 1)) / torch.tensor(scale)
        assert torch.all((ratio > 0.4) & (ratio < 2.5))


BRIEF = {"support_seconds": 21.0, "held_out_seconds": 11.0}


@pytest.fixture(scope="module")
def at_work():
    """Two robots that learn at work, with other work and with free motion held out."""
    tests = working_population("reacher").tests
    kinds = ("own_motion", "new_motion")
    return [simulate(replace(tests[kind], **BRIEF), 2, seed=5) for kind in kinds]


def test_what_is_held_out_changes_neither_the_robot_nor_what_it_learns_from(at_work):
    own, new = at_work
    n = own.n_support
    for name in SIGNALS:
        assert torch.equal(getattr(own, name)[:, :n], getattr(new, name)[:, :n])
        assert not torch.equal(getattr(own, name)[:, n:], getattr(new, name)[:, n:])
    for each in at_work:
        assert each.q.shape == (2, 1600, 2)
        assert each.n_support == 1050
    masses = torch.linalg.eigvalsh(own.inertia[:, 0]) / torch.linalg.eigvalsh(new.inertia[:, 0])
    torch.testing.assert_close(masses, torch.ones(2, 2))


def test_work_shows_less_of_an_arm_than_free_motion(at_work):
    conditions = []
    for each in at_work:
        a = each.a[0, each.n_support :].double()
        a = a / a.std(0)
        conditions.append(float(torch.linalg.cond(a.mT @ a)))
    assert conditions[0] > 200.0
    assert conditions[1] < 10.0


def test_noise_at_work_is_a_share_of_what_accelerates_the_arm(at_work):
    config = working_population("reacher").tests["new_motion"]
    quiet = simulate(replace(config, **BRIEF, inertial_noise_share=0.0), 2, 5)
    new = at_work[1]
    n = new.n_support
    noise = new.tau - quiet.tau
    inertial = (quiet.tau - quiet.nle)[:, :n].std(1)
    for part in (noise[:, :n], noise[:, n:]):  # one sensor, whatever the motion
        torch.testing.assert_close(part.std(1), 0.05 * inertial, rtol=0.15, atol=0.0)
