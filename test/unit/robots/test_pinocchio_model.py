# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The rigid-body model in Pinocchio: batches, the regressor, payload torques, rejections."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import RobotError
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel


def test_a_batch_is_its_rows(arm, states):
    model = PinocchioModel(arm)
    q, v, a = states(arm, 5)
    rows = range(5)
    np.testing.assert_array_equal(model.M(q), [model.M(q[i]) for i in rows])
    np.testing.assert_array_equal(model.nle(q, v), [model.nle(q[i], v[i]) for i in rows])
    np.testing.assert_array_equal(
        model.rnea(q, v, a), [model.rnea(q[i], v[i], a[i]) for i in rows]
    )
    np.testing.assert_array_equal(
        model.regressor(q, v, a), [model.regressor(q[i], v[i], a[i]) for i in rows]
    )
    np.testing.assert_array_equal(
        model.forward_kinematics(q), [model.forward_kinematics(q[i]) for i in rows]
    )
    assert model.M(q[:0]).shape == (0, arm.nv, arm.nv)


def test_results_are_not_overwritten_by_the_next_call(arm, states):
    model = PinocchioModel(arm)
    q, v, a = states(arm, 2)
    for function, arguments in (
        (model.M, (q,)),
        (model.nle, (q, v)),
        (model.rnea, (q, v, a)),
        (model.regressor, (q, v, a)),
        (model.forward_kinematics, (q,)),
    ):
        first = function(*(x[0] for x in arguments))
        kept = first.copy()
        function(*(x[1] for x in arguments))
        np.testing.assert_array_equal(first, kept)


def test_inverse_dynamics_is_inertia_times_acceleration_plus_the_rest(arm, states):
    model = PinocchioModel(arm)
    q, v, a = states(arm, 100)
    tau = np.einsum("bij,bj->bi", model.M(q), a) + model.nle(q, v)
    np.testing.assert_allclose(model.rnea(q, v, a), tau, rtol=1e-9, atol=1e-9)


def test_the_regressor_times_the_parameters_is_inverse_dynamics(arm, states):
    perturbation = Perturbation.sample(arm, np.random.default_rng(0))
    model = PinocchioModel(arm, perturbation)
    q, v, a = states(arm, 100)
    parameters = model.inertial_parameters()
    armature = arm.nv if arm.name == "reacher" else 0
    assert parameters.shape == (10 * arm.nv + armature,)
    tau = model.regressor(q, v, a) @ parameters
    np.testing.assert_allclose(tau, model.rnea(q, v, a), rtol=1e-9, atol=1e-9)


def test_payload_torque_is_what_one_more_kilogram_adds(arm, states):
    q, v, a = states(arm, 50)
    loaded = PinocchioModel(arm, Perturbation(payload=1.0))
    expected = loaded.rnea(q, v, a) - PinocchioModel(arm).rnea(q, v, a)
    torque = PinocchioModel(arm).payload_torque(q, v, a)
    np.testing.assert_allclose(torque, expected, rtol=1e-9, atol=1e-9)


def test_the_tool_is_where_a_payload_is_put(sawyer):
    plain = PinocchioModel(sawyer)
    loaded = PinocchioModel(sawyer, Perturbation(payload=2.0))
    gained = (loaded.inertial_parameters() - plain.inertial_parameters())[60:64]
    np.testing.assert_allclose(gained, [2.0, *(2.0 * plain.tool_position)], atol=1e-12)


def test_wrong_shapes_are_rejected(sawyer):
    model = PinocchioModel(sawyer)
    good = np.zeros((4, 7))
    for q, v in (
        (np.zeros(6), np.zeros(6)),
        (good, np.zeros(7)),
        (good, np.zeros((3, 7))),
        (np.zeros((2, 4, 7)), np.zeros((2, 4, 7))),
    ):
        with pytest.raises(RobotError, match="has shape"):
            model.nle(q, v)
    with pytest.raises(RobotError, match="mass_scale has 3 values for 7 joints"):
        PinocchioModel(sawyer, Perturbation(mass_scale=(1.0, 1.0, 1.0)))


def test_momentum_changes_by_the_drift_without_torque(arm, states):
    model, h = PinocchioModel(arm), 1e-6
    for q, v in zip(*states(arm, 5)[:2], strict=True):
        change = (model.M(q + h * v) - model.M(q - h * v)) @ v / (2.0 * h)
        expected = change - model.nle(q, v)
        np.testing.assert_allclose(model.momentum_drift(q, v), expected, rtol=1e-5, atol=1e-6)
        assert np.abs(change).max() > 1e-4


def test_other_inertial_parameters_make_another_arm(arm, states):
    rng = np.random.default_rng(2)
    model = PinocchioModel(arm)
    other = model.inertial_parameters()
    other = other * rng.uniform(0.7, 1.4, other.size)
    model.set_inertial_parameters(other)
    np.testing.assert_allclose(model.inertial_parameters(), other, rtol=1e-9, atol=1e-12)
    q, v, a = states(arm, 10)
    expected = PinocchioModel(arm).regressor(q, v, a) @ other
    np.testing.assert_allclose(model.rnea(q, v, a), expected, rtol=1e-9, atol=1e-9)
    by_M = np.einsum("bij,bj->bi", model.M(q), a) + model.nle(q, v)
    np.testing.assert_allclose(by_M, expected, rtol=1e-9, atol=1e-9)


def test_momentum_needs_no_bodies(sawyer, states):
    """A fit has found a link of negative mass, heavier than all beyond it."""
    model = PinocchioModel(sawyer)
    other = model.inertial_parameters()
    other[40:44] = -2.0 * other[50::10].sum() * np.array([1.0, 0.1, -0.1, 0.2])
    regressor = PinocchioModel(sawyer).regressor
    q, v, _ = states(sawyer, 10)
    still = np.zeros_like(v)
    expected = (regressor(q, still, v) - regressor(q, still, still)) @ other
    model.set_inertial_parameters(other)
    np.testing.assert_allclose(model.momentum(q, v), expected, atol=1e-9)
    assert np.abs(model.momentum_drift(q, v)).max() < 1e3


@pytest.mark.parametrize("mass", [0.0, 1e-17, -1e-17])
def test_a_link_without_mass_divides_nothing_by_zero(sawyer, states, mass):
    model = PinocchioModel(sawyer)
    other = model.inertial_parameters()
    other[40] = mass  # its first moments stay
    q, v, a = states(sawyer, 10)
    expected = model.regressor(q, v, a) @ other
    model.set_inertial_parameters(other)
    np.testing.assert_allclose(model.rnea(q, v, a), expected, atol=0.05)
    assert np.abs(PinocchioModel(sawyer).rnea(q, v, a) - expected).max() > 0.2


@pytest.mark.parametrize("wrong", [np.ones(3), np.nan])
def test_parameters_that_are_no_arms_are_rejected(sawyer, wrong):
    model = PinocchioModel(sawyer)
    with pytest.raises(RobotError, match="parameters"):
        model.set_inertial_parameters(wrong * np.ones(70) if np.ndim(wrong) == 0 else wrong)
    before = PinocchioModel(sawyer).inertial_parameters()
    np.testing.assert_array_equal(model.inertial_parameters(), before)
