# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An arm as a linear model: other masses and payload are coefficients; points of links move."""

from __future__ import annotations

import numpy as np
import pinocchio
import pytest

from ml3_ros.robots.linear.arm import PARAMETER_KINDS, LinearArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot


def motion(n, seed=0, samples=30):
    rng = np.random.default_rng(seed)
    return [rng.uniform(-1.0, 1.0, (samples, n)) for _ in range(3)]


@pytest.mark.parametrize("name", ["sawyer", "reacher"])
def test_another_arm_of_the_kind_is_a_vector_of_coefficients(name):
    description = load_robot(name)
    nominal = PinocchioModel(description)
    n = nominal.nv
    scale = tuple(np.linspace(0.8, 1.2, n))
    other = PinocchioModel(
        description, Perturbation(mass_scale=scale, payload=description.payload_limit)
    )
    arm = LinearArm(nominal)
    change = other.inertial_parameters() - nominal.inertial_parameters()
    coefficients = np.zeros(len(arm.spread))
    coefficients[: len(change)] = change / arm.spread[: len(change)]
    q, v, a = motion(n)
    found = arm.nominal(q, v, a) + arm.columns(q, v, a) @ coefficients
    np.testing.assert_allclose(found, other.rnea(q, v, a), atol=1e-9)
    # a typical arm of the kind is about 1 away in every coefficient, not 100
    assert np.abs(coefficients).max() < 5.0


def test_friction_has_columns_of_its_own():
    arm = LinearArm(PinocchioModel(load_robot("sawyer")))
    n = arm.n_joints
    q, v, a = motion(n)
    columns = arm.columns(q, v, a)
    assert columns.shape == (30, n, len(arm.kinds)) and len(arm.spread) == len(arm.kinds)
    viscous = np.flatnonzero(arm.kinds == PARAMETER_KINDS.index("viscous"))
    np.testing.assert_allclose(columns[:, range(n), viscous], v * arm.spread[viscous], rtol=1e-12)
    offset = np.flatnonzero(arm.kinds == PARAMETER_KINDS.index("offset"))
    off_diagonal = columns[:, :, offset] * (1.0 - np.eye(n))
    assert not off_diagonal.any()


def test_memory_is_two_more_columns_a_joint():
    model = PinocchioModel(load_robot("sawyer"))
    with_memory, without = LinearArm(model), LinearArm(model, memory=False)
    presliding = PARAMETER_KINDS.index("presliding")
    kept = with_memory.kinds != presliding
    assert (with_memory.kinds[kept] == without.kinds).all() and (~kept).sum() == 2 * model.nv
    q, v, a = motion(model.nv)
    np.testing.assert_array_equal(
        with_memory.columns(q, v, a)[..., kept], without.columns(q, v, a)
    )


@pytest.mark.parametrize("link", [0, 3, 6])
def test_the_velocity_of_a_point_is_that_of_its_positions(link):
    description = load_robot("sawyer")
    model, raw = PinocchioModel(description), description.model.copy()
    data, point = raw.createData(), np.array([0.1, -0.05, 0.2])
    (q, v, _), h = motion(7, samples=3), 1e-6

    def position(q):
        pinocchio.forwardKinematics(raw, data, q)
        return data.oMi[link + 1].act(point)

    found = np.einsum("tij,tj->ti", model.point_jacobian(q, link, point), v)
    expected = [
        (position(row + h * speed) - position(row - h * speed)) / (2.0 * h)
        for row, speed in zip(q, v, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-8)
