"""From wherever an arm is to where a motion begins, then the motion."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from ml3_ros.robots.base import Array, JointLimits, joint_array
from ml3_ros.robots.trajectories import quintic

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
            RobotError: `start` is not finite, or for another number of joints.
        """
        self.start = joint_array(start, len(motion.home), "the pose of the arm")
        self._motion, self._way = motion, motion.home - self.start
        needed = _STEEPEST * np.abs(self._way) / (SPEED_SHARE * motion.limits.velocity)
        self.seconds = max(shortest, float(needed.max()))

    def at(self, t: float) -> tuple[Array, Array, Array]:
        """Return q [rad], v [rad/s], a [rad/s^2], each (n,), at `t` [s] after the beginning."""
        if t >= self.seconds:
            return self._motion.at(t - self.seconds)
        s, ds, dds = quintic(np.array([t / self.seconds]))[:, 0]
        v, a = ds / self.seconds * self._way, dds / self.seconds**2 * self._way
        return self.start + s * self._way, v, a
