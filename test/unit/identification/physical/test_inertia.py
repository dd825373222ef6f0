# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ten parameters, pseudo-inertia and log-Cholesky parameters tell the same of a body."""

from __future__ import annotations

import numpy as np
import pinocchio
import pytest

from ml3_ros.errors import DataError
from ml3_ros.identification.physical.consistent import _solved
from ml3_ros.identification.physical.inertia import (
    centre_and_tensor,
    from_log_cholesky,
    is_physical,
    nearest_physical,
    pseudo_inertia,
    ten_parameters,
    to_log_cholesky,
)
from ml3_ros.identification.physical.prior import divergence


def points(seed=0, count=6):
    """Return masses [kg] and places [m] of a body of points."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.1, 1.0, count), rng.normal(scale=0.2, size=(count, 3))


def of_points(masses, places):
    """Return the ten parameters by their definition."""
    tensor = sum(
        m * (p @ p * np.eye(3) - np.outer(p, p)) for m, p in zip(masses, places, strict=True)
    )
    moments = [tensor[i, j] for i, j in ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))]
    return np.array([masses.sum(), *(masses @ places), *moments])


def test_the_pseudo_inertia_is_the_second_moment_of_the_mass():
    masses, places = points()
    extended = np.column_stack([places, np.ones(len(places))])
    expected = (extended * masses[:, None]).T @ extended
    assert np.allclose(pseudo_inertia(of_points(masses, places)), expected, atol=1e-14)
    assert np.allclose(ten_parameters(expected), of_points(masses, places), atol=1e-14)


def test_the_order_of_parameters_is_that_of_pinocchio():
    parameters = of_points(*points())
    mass, centre, tensor = centre_and_tensor(parameters)
    assert np.allclose(pinocchio.Inertia(mass, centre, tensor).toDynamicParameters(), parameters)


@pytest.mark.parametrize("seed", range(3))
def test_log_cholesky_parameters_go_there_and_back(seed):
    parameters = of_points(*points(seed))
    assert np.allclose(from_log_cholesky(to_log_cholesky(parameters)), parameters, rtol=1e-10)


def test_any_ten_numbers_are_a_body():
    rng = np.random.default_rng(1)
    for _ in range(50):
        assert is_physical(from_log_cholesky(rng.normal(size=10)))


def test_the_triangle_inequality_and_the_mass_are_checked():
    # principal moments 1, 1, 3: no mass distribution has them
    flat = np.array([1.0, 0, 0, 0, 1.0, 0, 1.0, 0, 0, 3.0])
    negative = np.array([-1.0, 0, 0, 0, 1.0, 0, 1.0, 0, 0, 1.0])
    fine = np.array([1.0, 0, 0, 0, 1.0, 0, 1.0, 0, 0, 1.9])
    assert is_physical(np.array([flat, negative, fine])).tolist() == [False, False, True]
    with pytest.raises(DataError, match="of no body"):
        to_log_cholesky(flat)


def test_a_nominal_link_that_cannot_exist_becomes_one_near_it():
    flat = np.array([2.0, 0.2, 0, 0, 1.0, 0, 1.0, 0, 0, 2.5])
    nothing = np.zeros(10)
    fine = of_points(*points())
    repaired = nearest_physical(np.array([flat, nothing, fine]))
    assert is_physical(repaired).all()
    assert np.allclose(repaired[0, :4], flat[:4]) and np.allclose(
        repaired[0, 4:], flat[4:], atol=0.6
    )
    assert np.array_equal(repaired[2], fine)


def test_the_divergence_has_the_derivatives_that_it_says():
    rng = np.random.default_rng(2)
    nominal = np.array([of_points(*points(s)) for s in (3, 4)])
    links = np.array([of_points(*points(s)) for s in (5, 6)])
    here, step = divergence(links, nominal), 1e-6
    assert divergence(nominal, nominal).value == pytest.approx(0.0, abs=1e-12)
    assert here.value > 0.0
    way = rng.normal(size=(2, 10)) * 1e-2
    up, down = (divergence(links + s * step * way, nominal) for s in (1.0, -1.0))
    slope = (up.value - down.value) / (2.0 * step)
    assert here.gradient @ way.ravel() == pytest.approx(slope, rel=1e-6)
    bend = (up.gradient - down.gradient).reshape(2, 10) / (2.0 * step)
    assert np.allclose(np.einsum("ikl,il->ik", here.hessian, way), bend, rtol=1e-5, atol=1e-6)
    assert divergence(-links, nominal) is None


def test_a_step_along_what_nothing_determines_is_none():
    hessian = np.diag([4.0, 1e-20, 0.0])
    step = _solved(hessian, np.array([8.0, 3e-20, 0.0]))
    np.testing.assert_allclose(step, [2.0, 3.0, 0.0])
