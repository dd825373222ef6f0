# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Base parameters: the combinations of an arm's parameters that its torques can show at all.

Columns of the regressor that are combinations of others add nothing to a torque, and only sums of
their parameters can be known (Gautier 1991). Columns are taken link by link from the base, and one
that follows from those before is dropped, its parameter joining theirs. So a base parameter bears
the name of the first parameter in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr, solve_triangular

from ml3_ros.identification.confidence.parameters import (
    Parameter,
    parameters_of,
    torque_columns,
)
from ml3_ros.identification.models.least_squares import HasRegressor

Array = NDArray[np.float64]
DEPENDENT = 1e-8  # what is left of a unit column that follows from others
ROUNDING = 1e-10  # share of the largest part of a combination below which there is none
_STATES = 20  # random ones for each parameter of a joint


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BaseParameters:
    """Which columns of the regressor are independent, and what their parameters stand for.

    `columns` (b,) are places in `torque_columns`; `combination` (b, p) makes base parameters of
    all of them, so that Y w = Y[:, columns] (combination w); `parameters` (b,) are their names.
    """

    columns: NDArray[np.intp]
    combination: Array
    parameters: tuple[Parameter, ...]

    def of(self, values: Array) -> Array:
        """Return base parameters (b,) of all parameters (p,)."""
        return np.asarray(self.combination @ values)

    def sizes(self, sizes: Array) -> Array:
        """Return the size (b,) of each combination of parameters of `sizes` (p,)."""
        return np.asarray(np.sqrt(np.square(self.combination * sizes).sum(axis=1)))

    def regressor(self, model: HasRegressor, q: Array, v: Array, a: Array) -> Array:
        """Return the base regressor (R, n, b) of states (R, n)."""
        return torque_columns(model, q, v, a)[..., self.columns]


def base_parameters(model: HasRegressor, seed: int = 0) -> BaseParameters:
    """Return the base parameters of an arm, found from random states.

    Args:
        model: Of the arm, with its gravity and joint types.
        seed: Of the states; others give the same columns.
    """
    n = model.nv
    names = parameters_of(n)
    rng = np.random.default_rng(seed)
    shape = (_STATES * len(names) // n, n)
    q = rng.uniform(-np.pi, np.pi, shape)
    stacked = torque_columns(model, q, 3.0 * rng.normal(size=shape), 9.0 * rng.normal(size=shape))
    (triangle,) = qr(stacked.reshape(-1, len(names)), mode="r")
    triangle = triangle[: len(names)]
    independent = _independent(triangle)
    basis = triangle[:, independent]
    q_factor, r_factor = np.linalg.qr(basis)
    combination = solve_triangular(r_factor, q_factor.T @ triangle)
    combination[np.abs(combination) < ROUNDING * np.abs(combination).max()] = 0.0
    return BaseParameters(
        columns=np.array(independent),
        combination=combination,
        parameters=tuple(names[k] for k in independent),
    )


def _independent(matrix: Array) -> list[int]:
    """Return the columns that do not follow from those before, by Gram-Schmidt done twice."""
    basis = np.zeros((matrix.shape[0], 0))
    found = []
    scale = np.linalg.norm(matrix, axis=0)
    for k, column in enumerate(matrix.T):
        if scale[k] <= DEPENDENT * scale.max():
            continue
        left = column / scale[k]
        for _ in range(2):
            left = left - basis @ (basis.T @ left)
        norm = float(np.linalg.norm(left))
        if norm > DEPENDENT:
            basis = np.column_stack([basis, left / norm])
            found.append(k)
    return found
