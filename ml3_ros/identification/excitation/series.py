# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fourier series of joint motion that begin and end at rest in a given pose.

    q(t) = start + sum_k c_k (cos(k w t) - 1) + s_k sin(k w t),  w = 2 pi / seconds

with sum_k k s_k = 0 (no speed at the ends) and sum_k k^2 c_k = 0 (no acceleration there). The
whole motion is one period, so nothing in it repeats. Both conditions are linear: a motion is a
vector of free coefficients x (n, F), and q, v, a are linear in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import null_space

from ml3_ros.errors import ConfigError

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FourierSeries:
    """Motions of one period of `seconds` [s] from `start` [rad] (n,), up to `highest` [Hz].

    Raises:
        ConfigError: Fewer than three harmonics fit below the highest frequency.
    """

    start: Array
    seconds: float
    highest: float

    def __post_init__(self) -> None:
        """Reject motions too short for their frequencies."""
        if self.harmonics < 3:
            raise ConfigError(
                f"{self.seconds:g} s of motion up to {self.highest:g} Hz are no series: give at "
                f"least {3.0 / self.highest:.3g} s"
            )

    @property
    def harmonics(self) -> int:
        """Number of harmonics."""
        return int(np.floor(self.highest * self.seconds + 1e-9))

    def basis(self, t: Array) -> tuple[Array, Array, Array]:
        """Return matrices (T, F) that make q - start, v and a of free coefficients (F,).

        Coefficients are scaled so that each adds about as much acceleration as another.
        """
        k = np.arange(1, self.harmonics + 1)
        omega = 2.0 * np.pi / self.seconds * k
        angle = omega * t[:, None]
        sine, cosine = np.sin(angle), np.cos(angle)
        q = np.hstack([sine, cosine - 1.0])
        v = np.hstack([omega * cosine, -omega * sine])
        a = np.hstack([-(omega**2) * sine, -(omega**2) * cosine])
        free = self._free()
        return q @ free, v @ free, a @ free

    def _free(self) -> Array:
        """Return coefficients (2 K, F) of motions with neither speed nor acceleration at t = 0."""
        k = np.arange(1, self.harmonics + 1)
        size = np.tile(1.0 / k, 2)  # of the coefficient of each harmonic, as its amplitude
        at_rest = np.zeros((2, 2 * len(k)))
        at_rest[0, : len(k)] = k
        at_rest[1, len(k) :] = k**2
        return np.asarray(size[:, None] * null_space(at_rest * size))

    def path(self, coefficients: Array, t: Array) -> tuple[Array, Array, Array]:
        """Return q [rad], v, a (T, n) of free coefficients (n, F) at times t [s] (T,)."""
        q, v, a = (matrix @ coefficients.T for matrix in self.basis(t))
        return self.start + q, v, a
