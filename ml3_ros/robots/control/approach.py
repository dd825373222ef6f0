# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Approach: a smooth way from any pose to the start of a motion, then that motion."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.base import Array, JointLimits, joint_array
from ml3_ros.robots.control.trajectories import quintic

SPEED_SHARE = 0.3  # of the velocity limits, at most, on the way
_STEEPEST = 15.0 / 8.0  # the largest slope of the quintic step


class Motion(Protocol):
    """What can be led to: `Excitation`, `Laps`."""

    home: Array
    limits: JointLimits

    def at(self, t: float) -> tuple[Array, Array, Array]:
        """Return q [rad], v [rad/s], a [rad/s^2], each (n,), at time t [s]; at home at 0."""
        ...


class Approach:
    """A smooth way from a pose at rest to a motion's home, followed by the motion.

    Attributes:
        start: Where the arm is led from [rad], (n,).
        seconds: How long the way takes; the motion's time 0 comes then [s].
    """

    def __init__(self, start: ArrayLike, motion: Motion, shortest: float) -> None:
        """Plan the way; it takes `shortest` [s] or, to be slow enough, longer.

        Raises:
            ConfigError: `shortest` is not finite and >= 0, or a joint must not move at all.
            RobotError: `start` is not finite, too far, or for another number of joints.
        """
        if not 0.0 <= shortest < math.inf:
            raise ConfigError(f"the shortest way takes {shortest} s: it must be finite and >= 0")
        if not (motion.limits.velocity > 0.0).all():
            raise ConfigError(
                f"velocity limits are {motion.limits.velocity.tolist()}: they must be > 0"
            )
        self.start = joint_array(start, len(motion.home), "the pose of the arm")
        self._motion, self._way = motion, motion.home - self.start
        needed = _STEEPEST * np.abs(self._way) / (SPEED_SHARE * motion.limits.velocity)
        self.seconds = max(shortest, float(needed.max()))
        if not math.isfinite(self.seconds):
            raise RobotError(f"the arm is at {self.start.tolist()}: no way leads home from there")

    def at(self, t: float) -> tuple[Array, Array, Array]:
        """Return q [rad], v [rad/s], a [rad/s^2], each (n,), at `t` [s] after the beginning.

        Raises:
            ConfigError: `t` is not finite.
        """
        if not math.isfinite(t):
            raise ConfigError(f"the time on the way is {t} s: it must be finite")
        if t >= self.seconds or self.seconds == 0.0:
            return self._motion.at(t - self.seconds)
        s, ds, dds = quintic(np.array([t / self.seconds]))[:, 0]
        v = ds * self._way / self.seconds
        a = dds * self._way / self.seconds / self.seconds  # a long way's square may be infinite
        return self.start + s * self._way, v, a
