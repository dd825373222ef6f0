# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The physical model on a stream: its columns, its prior, its confidence and its pace."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.data.filters import FilteredSample
from ml3_ros.data.presliding import Strain, hysteresis
from ml3_ros.errors import ConfigError, DataError
from ml3_ros.identification.live.fits import LeastSquares, RobustLeastSquares, make_fit
from ml3_ros.identification.live.physical_model import PhysicalModel, PhysicalModelConfig
from ml3_ros.identification.live.structure import Structure
from ml3_ros.robots.perturbation import Perturbation, friction_torque
from ml3_ros.robots.pinocchio_model import PinocchioModel

MEMORY = (0.003, 0.02)


@pytest.fixture
def model(sawyer):
    config = PhysicalModelConfig(fit="least_squares", displacements=MEMORY)
    return PhysicalModel(PinocchioModel(sawyer), sawyer.home, config)


def samples(sawyer, count, seed=0, step=0.05):
    """Return random states of a Sawyer with friction and a payload, with its torque."""
    rng = np.random.default_rng(seed)
    changed = Perturbation(payload=2.0, viscous=1.5, coulomb=0.4)
    arm = PinocchioModel(sawyer, changed)
    for k in range(count):
        q = sawyer.home + 0.5 * rng.normal(size=7)
        v, a = rng.normal(size=(2, 7))
        tau = arm.rnea(q, v, a) + friction_torque(changed, v)
        yield FilteredSample(k * step, q, v, a, tau)


def test_strain_on_a_stream_is_the_hysteresis_of_the_whole(sawyer):
    q = np.cumsum(0.002 * np.random.default_rng(0).normal(size=(50, 3)), axis=0)
    strain = Strain(np.array(MEMORY))
    streamed = np.stack([strain(x) for x in q])
    np.testing.assert_allclose(streamed, hysteresis(q, np.array(MEMORY)), atol=1e-12)
    assert np.abs(streamed).max() == 1.0
    with pytest.raises(DataError, match="displacements must be > 0"):
        Strain(np.array([0.0]))


def test_it_begins_as_the_arm_is_described(sawyer, model):
    arm, (sample,) = PinocchioModel(sawyer), samples(sawyer, 1)
    row = model.row(sample.q, sample.v, sample.a)
    expected = arm.rnea(sample.q, sample.v, sample.a)
    np.testing.assert_allclose(row @ model.learned.parameters, expected, atol=1e-9)
    np.testing.assert_allclose(model.inertial_parameters, arm.inertial_parameters())
    np.testing.assert_array_equal(model.friction(sample.v, np.ones((7, 2))), np.zeros(7))


def test_rigid_body_and_friction_add_up_to_the_row(sawyer, model):
    rng = np.random.default_rng(1)
    parameters = model.learned.parameters * rng.uniform(0.8, 1.2, len(model.learned.parameters))
    parameters[-35:] = rng.normal(size=35)  # friction
    object.__setattr__(model.learned, "parameters", parameters)
    strain, arm = Strain(np.array(MEMORY)), PinocchioModel(sawyer)
    arm.set_inertial_parameters(model.inertial_parameters)
    for sample in samples(sawyer, 3):
        row = model.row(sample.q, sample.v, sample.a)
        friction = model.friction(sample.v, strain(sample.q))
        expected = arm.rnea(sample.q, sample.v, sample.a) + friction
        np.testing.assert_allclose(row @ parameters, expected, atol=1e-9)
        assert np.abs(friction).min() > 1e-3


def test_it_learns_a_payload_and_friction_and_grows_sure(sawyer, model):
    unsure = None
    for sample in samples(sawyer, 200):
        if model.take(sample):
            model.update()
        unsure = model.spread if unsure is None else unsure
    row = model.row(sample.q, sample.v, sample.a)
    error = row @ model.learned.parameters - sample.tau
    assert np.abs(error).max() < 0.05
    assert (model.spread < 0.2 * unsure).all()
    still, moving = model.deviation(np.zeros(7)), model.deviation(np.ones(7))
    np.testing.assert_allclose(still**2 - moving**2, 0.4**2, rtol=0.3)  # dry friction


def test_rows_are_thinned_and_updates_come_at_their_pace(sawyer):
    config = PhysicalModelConfig(fit="least_squares", row_period=0.1, update_period=0.5)
    model = PhysicalModel(PinocchioModel(sawyer), sawyer.home, config)
    updates, sizes = [], []
    update = model.fit.update
    model.fit.update = lambda t, *rows: (sizes.append(len(t)), update(t, *rows))
    for sample in samples(sawyer, 151, step=0.01):
        if model.take(sample):
            updates.append(sample.t)
            before = model.learned
            model.update()
            assert model.learned is not before
    np.testing.assert_allclose(updates, [0.5, 1.0, 1.5])
    assert sizes == [6, 5, 5]


def test_all_fits_agree_where_nothing_touches_the_arm(sawyer):
    found = []
    for fit in ("least_squares", "robust", "learned"):
        model = PhysicalModel(PinocchioModel(sawyer), sawyer.home, PhysicalModelConfig(fit=fit))
        for sample in samples(sawyer, 60):
            if model.take(sample):
                model.update()
        row = model.row(sample.q, sample.v, sample.a)
        found.append(row @ model.learned.parameters)
        np.testing.assert_allclose(
            model.fit.precision, model.fit.precision.T, atol=1e-6 * model.fit.precision.max()
        )
    np.testing.assert_allclose(found[1], found[0], atol=0.05)
    # a learned loss still doubts friction that no arm of a kind has
    np.testing.assert_allclose(found[2], found[0], atol=0.5)


def test_precision_is_the_inverse_covariance_of_the_parameters():
    rng = np.random.default_rng(0)
    noise, ridge = np.array([0.5, 2.0]), np.array([1.0, 4.0, 9.0])
    regressor = rng.normal(size=(20, 2, 3))
    fit = LeastSquares(np.zeros(3), ridge, noise)
    fit.update(np.arange(20.0), regressor, rng.normal(size=(20, 2)), np.zeros((20, 2)))
    rows = regressor / noise[:, None]
    expected = np.einsum("bnp,bnq->pq", rows, rows) + np.diag(ridge)
    np.testing.assert_allclose(fit.precision, expected, rtol=1e-9)
    robust = RobustLeastSquares(np.zeros(3), ridge, noise)
    np.testing.assert_allclose(robust.precision, np.diag(ridge), atol=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"row_period": 0.0},
        {"row_period": 1.0},
        {"update_period": np.inf},
        {"doubt": 0.0},
        {"displacements": (0.01, -1.0)},
    ],
)
def test_settings_that_cannot_run_are_rejected(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        PhysicalModelConfig(**wrong)


def test_an_unknown_fit_is_rejected(sawyer):
    structure = Structure.of(PinocchioModel(sawyer), sawyer.home, 1.0, 0)
    with pytest.raises(ConfigError, match="use least_squares, robust or learned"):
        make_fit("huber", structure)
