# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recording compressed to second moments by joint and group, from which every fit is made.

A fit by weighted least squares needs no rows once sums of products of its columns and of the
measured effort are known; sums of groups add up, so leaving a group out costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import DataError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over rows of products of (regressor Y_j, columns F_j, effort), joint by joint.

    `sums[j]` is (p + k_j + 1, p + k_j + 1), weighted; `weight` (n,) is the sum of the weights and
    `power` (n,) that of weights times the effort's squared distance from its weighted mean.
    """

    p: int
    sums: tuple[Array, ...]
    weight: Array
    power: Array

    @staticmethod
    def of(regressor: Array, columns: list[Array], effort: Array, weights: Array) -> Moments:
        """Return the moments of rows.

        Args:
            regressor: Y (R, n, p).
            columns: For each joint (R, k_j).
            effort: (R, n).
            weights: Of each row and joint [-], (R, n), >= 0.
        """
        rows, n, p = regressor.shape
        if effort.shape != (rows, n) or weights.shape != (rows, n) or len(columns) != n:
            raise DataError(
                f"regressor {regressor.shape}, effort {effort.shape} and weights {weights.shape} "
                "do not fit: give one row and joint of each"
            )
        sums = []
        for j in range(n):
            x = np.column_stack([regressor[:, j], columns[j], effort[:, j]])
            sums.append((x * weights[:, j, None]).T @ x)
        weight = weights.sum(axis=0)
        mean = (weights * effort).sum(axis=0) / np.maximum(weight, 1e-300)
        return Moments(p, tuple(sums), weight, (weights * (effort - mean) ** 2).sum(axis=0))

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both sets of rows; `power` stays within each set."""
        sums = tuple(x + y for x, y in zip(self.sums, other.sums, strict=True))
        return Moments(self.p, sums, self.weight + other.weight, self.power + other.power)

    def keep(self, chosen: list[NDArray[np.intp]]) -> Moments:
        """Return the moments with columns `chosen` of each joint alone."""
        sums = []
        for x, columns in zip(self.sums, chosen, strict=True):
            index = np.concatenate([np.arange(self.p), self.p + columns, [len(x) - 1]])
            sums.append(x[np.ix_(index, index)])
        return Moments(self.p, tuple(sums), self.weight, self.power)

    def squares(self, joint: int, weights: Array) -> float:
        """Return the sum of squares that weights (p + k_j,) leave of the effort of a joint."""
        x = np.append(weights, -1.0)
        return float(max(x @ self.sums[joint] @ x, 0.0))
