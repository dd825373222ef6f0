# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sums of sines, one a joint: the pieces that random motions of an arm are made of."""

from typing import NamedTuple

import numpy as np

from ml3_ros.robots.base import Array


class Sines(NamedTuple):
    """q(x) = centre + sum_s amplitude_s sin(omega_s x + phase_s), x [s] from a piece's start.

    centre is (..., n), the others (..., n, S).
    """

    centre: Array
    amplitude: Array
    omega: Array
    phase: Array

    def at(self, x: Array) -> Array:
        """Return q, v, a stacked, (3, T, n), at times x (T,)."""
        angle = self.omega * x[:, None, None] + self.phase
        wave = self.amplitude * np.sin(angle)
        q = self.centre + wave.sum(-1)
        v = (self.amplitude * self.omega * np.cos(angle)).sum(-1)
        return np.stack((q, v, -(self.omega**2 * wave).sum(-1)))
