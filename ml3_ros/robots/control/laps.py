# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Periodic excitation: repeats one motion, so that laps can be compared with each other."""

from __future__ import annotations

import math

import numpy as np

from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array
from ml3_ros.robots.control.trajectories import Excitation


class Laps:
    """The first piece of a periodic excitation, for ever: from rest at home into the laps.

    Attributes:
        home: Where it begins at rest [rad], (n,).
        limits: Of the joints.
        begins: When the first lap begins [s].
        period: Of a lap [s].
    """

    def __init__(self, motion: Excitation) -> None:
        """Repeat the first piece of `motion`.

        Raises:
            ConfigError: It has no period, or its pieces are shorter than blend and period.
        """
        config = motion.config
        if not 0.0 < config.period <= config.piece_seconds - config.blend_seconds:
            raise ConfigError(
                f"period is {config.period}: it must be > 0 and, after blend_seconds, fit into "
                "piece_seconds"
            )
        self.home, self.limits = motion.home, motion.limits
        self.begins, self.period = config.blend_seconds, config.period
        self._motion = motion

    def at(self, t: float) -> tuple[Array, Array, Array]:
        """Return q [rad], v [rad/s], a [rad/s^2], each (n,), at time t [s].

        Raises:
            ConfigError: t is not finite.
        """
        if not math.isfinite(t):
            raise ConfigError(f"t is {t} s: give one finite time")
        if t < self.begins:
            return self._motion.at(t)
        return self._motion.piece(1, self.begins + math.fmod(t - self.begins, self.period))

    def lap(self, t: float) -> int:
        """Return the number of the lap at time t [s]; -1 before the first."""
        return int(np.floor((t - self.begins) / self.period)) if t >= self.begins else -1

    def into(self, t: float) -> float:
        """Return how far into its lap time t is [s]; before the first, how long it will take."""
        return t - self.begins - max(self.lap(t), 0) * self.period
