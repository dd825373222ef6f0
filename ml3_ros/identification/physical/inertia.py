# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Inertia of a link as ten parameters, as pseudo-inertia and as log-Cholesky parameters.

Ten parameters are m, m c (3), then Ixx Ixy Iyy Ixz Iyz Izz about the origin of the link's joint
[kg, kg m, kg m^2], as Pinocchio orders them. The pseudo-inertia

    P = [[S, h], [h^T, m]],  S = 1/2 tr(I) 1 - I,  h = m c

is linear in them and positive definite exactly where a distribution of positive mass has these
parameters: the mass is positive, and the principal moments obey the triangle inequality (Wensing,
Kim and Slotine 2018). Its log-Cholesky parameters may be any ten numbers (Rucker and Wensing
2022).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import DataError

Array = NDArray[np.float64]
N = 10  # parameters of a link
SMALLEST = 1e-5  # mass of a link that a nominal model leaves without one [kg]
ROUND = 1e-3  # least second moment of a nominal link, as a share of its largest
BALL = 5e-3  # ... and as the radius of a ball of its mass [m]


def _basis() -> Array:
    """Return E (10, 4, 4) with P = sum_k phi_k E_k."""
    basis = np.zeros((N, 4, 4))
    basis[0, 3, 3] = 1.0
    for axis in range(3):
        basis[1 + axis, axis, 3] = basis[1 + axis, 3, axis] = 1.0
    entries = [(0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2)]
    for k, (i, j) in enumerate(entries, start=4):
        tensor = np.zeros((3, 3))
        tensor[i, j] = tensor[j, i] = 1.0
        basis[k, :3, :3] = 0.5 * np.trace(tensor) * np.eye(3) - tensor
    return basis


BASIS = _basis()


def pseudo_inertia(parameters: Array) -> Array:
    """Return P (..., 4, 4) [kg m^2, kg m, kg] of ten parameters (..., 10)."""
    return np.asarray(np.tensordot(parameters, BASIS, axes=1))


def ten_parameters(pseudo: Array) -> Array:
    """Return the ten parameters (..., 10) of pseudo-inertias (..., 4, 4)."""
    second = pseudo[..., :3, :3]
    trace = np.trace(second, axis1=-2, axis2=-1)[..., None, None]
    tensor = trace * np.eye(3) - second
    moments = [tensor[..., i, j] for i, j in ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))]
    return np.concatenate(
        [pseudo[..., 3, 3:], pseudo[..., :3, 3], np.stack(moments, axis=-1)], axis=-1
    )


def from_log_cholesky(theta: Array) -> Array:
    """Return the ten parameters (10,) of log-Cholesky parameters (10,), which may be any numbers.

    P = U U^T with U = e^alpha [[e^d1, s12, s13, t1], [0, e^d2, s23, t2], [0, 0, e^d3, t3],
    [0, 0, 0, 1]] and theta = (alpha, d1, d2, d3, s12, s23, s13, t1, t2, t3) [-, or log kg and m].
    """
    alpha, d1, d2, d3, s12, s23, s13, t1, t2, t3 = theta
    upper = np.exp(alpha) * np.array(
        [
            [np.exp(d1), s12, s13, t1],
            [0.0, np.exp(d2), s23, t2],
            [0.0, 0.0, np.exp(d3), t3],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )
    return ten_parameters(upper @ upper.T)


def to_log_cholesky(parameters: Array) -> Array:
    """Return the log-Cholesky parameters (10,) of ten parameters (10,).

    Raises:
        DataError: No body has these parameters.
    """
    flip = pseudo_inertia(parameters)[::-1, ::-1]
    try:
        upper = np.linalg.cholesky(flip)[::-1, ::-1]
    except np.linalg.LinAlgError:
        raise DataError(
            "these inertial parameters are of no body: the mass must be > 0, and no principal "
            "moment larger than the sum of the other two"
        ) from None
    scale = upper[3, 3]
    unit = upper / scale
    return np.array(
        [
            np.log(scale),
            *np.log(np.diag(unit)[:3]),
            unit[0, 1],
            unit[1, 2],
            unit[0, 2],
            *unit[:3, 3],
        ]
    )


def is_physical(parameters: Array) -> NDArray[np.bool_]:
    """Return whether a body can have each of the ten parameters (..., 10), of shape (...)."""
    return np.asarray(np.linalg.eigvalsh(pseudo_inertia(parameters))[..., 0] > 0.0)


def nearest_physical(parameters: Array) -> Array:
    """Return parameters (n, 10) of bodies, near those of a nominal model that may be of none.

    Second moments about the centre of mass that are too small are raised to a share ROUND of the
    largest and to those of a ball of radius BALL, and a link without mass gets SMALLEST: a pull
    towards a nominal link needs one that can exist. Links that can exist stay as they are.
    """
    links = np.array(parameters, dtype=float)
    for link, fine in zip(links, is_physical(links), strict=True):
        if fine:
            continue
        mass = max(float(link[0]), SMALLEST)
        centre = link[1:4] / mass
        pseudo = pseudo_inertia(link)
        values, vectors = np.linalg.eigh(pseudo[:3, :3] - mass * np.outer(centre, centre))
        values = np.maximum(values, max(ROUND * values[-1], mass * BALL**2))
        pseudo[:3, :3] = (vectors * values) @ vectors.T + mass * np.outer(centre, centre)
        pseudo[3, 3] = mass
        link[:] = ten_parameters(pseudo)
    return links


def centre_and_tensor(parameters: Array) -> tuple[float, Array, Array]:
    """Return mass [kg], centre of mass [m] (3,) and inertia about it [kg m^2] (3, 3), of (10,)."""
    mass, centre = float(parameters[0]), parameters[1:4] / parameters[0]
    xx, xy, yy, xz, yz, zz = parameters[4:]
    about_origin = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    shift = mass * (centre @ centre * np.eye(3) - np.outer(centre, centre))
    return mass, centre, about_origin - shift
