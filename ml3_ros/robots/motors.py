# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Motors of a simulated arm: follow torque commands late, within limits, without a jump."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from ml3_ros.errors import RobotError
from ml3_ros.robots.base import Array, joint_array

_SAME = 1e-9  # times that are closer are equal [s]


class _Command(NamedTuple):
    begin: float  # when the motors begin to follow it [s]
    seconds: float  # that they take [s]
    tau: Array  # [N m], (n,)


class Motors:
    """Go over to each command at a constant rate within its period, once its delay is over.

    So torque and acceleration never jump, and what is measured of them at an instant belongs
    together: a centred filter sees as much of the torque before as of that after. Of a torque that
    is held from one measurement to the next, it is the one before that is measured, half a period
    late.

    Attributes:
        saturated: Where the command that is followed was beyond the effort limit, (n,).
    """

    def __init__(self, tau: Array, effort: Array, delay: float) -> None:
        """Give a torque until the first command is followed.

        Args:
            tau: The torque [N m], (n,).
            effort: Largest torques [N m], (n,).
            delay: From a command until the motors begin to follow it [s].

        Raises:
            RobotError: The torque is not one finite number a joint.
        """
        tau = joint_array(tau, len(effort), "the torque of the motors")
        self._effort, self._delay = effort, delay
        self._waiting: deque[_Command] = deque()
        self._begin, self._seconds = 0.0, 1.0
        self._before = self._after = np.clip(tau, -effort, effort)
        self.saturated = self._after != tau

    def command(self, t: float, tau: Array, seconds: float) -> None:
        """Follow tau [N m] (n,), commanded at t [s] for a period of so many seconds.

        Raises:
            RobotError: tau is not one finite number a joint, or a time has no meaning; what was
                commanded before is followed on.
        """
        tau = joint_array(tau, len(self._effort), "the commanded torque")
        if not (math.isfinite(t) and 0.0 < seconds < math.inf):
            raise RobotError(
                f"a torque is commanded at {t} s for {seconds} s: both must be finite, the "
                "latter > 0 s"
            )
        self._waiting.append(_Command(t + self._delay, seconds, tau))

    def torque(self, t: float) -> Array:
        """Return the torque at t [s], which must not run backwards [N m], (n,)."""
        while self._waiting and self._waiting[0].begin < t - _SAME:
            command = self._waiting.popleft()
            self._before = self._at(command.begin)
            self._after = np.clip(command.tau, -self._effort, self._effort)
            self._begin, self._seconds = command.begin, command.seconds
            self.saturated = self._after != command.tau
        return self._at(t)

    def _at(self, t: float) -> Array:
        passed = t - self._begin
        if passed <= self._seconds - _SAME:
            return self._before + passed / self._seconds * (self._after - self._before)
        return self._after
