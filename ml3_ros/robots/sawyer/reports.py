# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Newest reports of a Sawyer robot and their age, on which its driver decides.

Time comes in as an argument [s, any monotonic clock]; stamps of the robot only tell its states
apart, because its clock may be another one.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from ml3_ros.robots.base import Array, RigidBodyModel, joint_array
from ml3_ros.robots.sawyer.interface import EstopButton, EstopSource

STAMPS_KEPT = 1000  # states whose time of reception is known: 2 s at 500 Hz
GRAVITY_AGE = 0.1  # [s] up to which the robot's report of gravity is used


@dataclass(frozen=True, kw_only=True, slots=True)
class RobotView:
    """The robot's /robot/state; `ready` is false while the robot is disabled or homing."""

    enabled: bool = False
    ready: bool = False
    stopped: bool = False
    error: bool = False
    estop_button: int = EstopButton.UNPRESSED
    estop_source: int = EstopSource.NONE

    def fault(self) -> str | None:
        """Return why the robot must not be driven, or None."""
        if self.estop_button == EstopButton.PRESSED:
            return "the emergency stop is pressed"
        if self.stopped or self.estop_source != EstopSource.NONE:
            return f"the robot is stopped (source {int(self.estop_source)})"
        return "the robot reports an error" if self.error else None


class SawyerReports:
    """The newest of every report that the driver receives."""

    def __init__(self, model: RigidBodyModel) -> None:
        """Begin without any report."""
        self._model = model
        self.q = self.v = np.zeros(model.nv)
        self.view = RobotView()
        self.cuff = self.collision = False
        self.enabled_at = -math.inf
        self._joints_at = self._view_at = self._gravity_at = -math.inf
        self._received: deque[tuple[int, float]] = deque(maxlen=STAMPS_KEPT)
        self._gravity = np.zeros(model.nv)

    def on_joints(self, stamp: int, q: Array, v: Array, now: float) -> None:
        """Note the arm's state, stamped `stamp` [ns] by the robot.

        Raises:
            RobotError: It is not one finite number a joint; what was known stays.
        """
        n = self._model.nv
        self.q, self.v = joint_array(q, n, "the position"), joint_array(v, n, "the velocity")
        self._joints_at = now
        self._received.append((stamp, now))

    def on_gravity(self, tau: Array, now: float) -> None:
        """Note what the robot adds by itself [N m], (n,).

        Raises:
            RobotError: It is not one finite number a joint; what was known stays.
        """
        self._gravity, self._gravity_at = joint_array(tau, self._model.nv, "gravity"), now

    def on_robot(self, view: RobotView, now: float) -> None:
        """Note the robot's state on /robot/state."""
        if view.enabled and not self.view.enabled:
            self.enabled_at = now
        self.view, self._view_at = view, now

    @property
    def complete(self) -> bool:
        """Whether joint states and the robot's state have ever come."""
        return math.isfinite(self._joints_at) and math.isfinite(self._view_at)

    def age(self, now: float) -> float:
        """Return how old the newest joint state is [s]."""
        return now - self._joints_at

    def received(self, stamp: int) -> float:
        """Return when the state stamped `stamp` came; -inf: long ago, inf: not yet."""
        for known, at in reversed(self._received):
            if known == stamp:
                return at
        newest = self._received[-1][0] if self._received else 0
        return -math.inf if stamp <= newest else math.inf

    def added_by_robot(self, now: float) -> tuple[Array, str]:
        """Return the gravity torque [N m] that the robot adds now, and its source by name."""
        if now - self._gravity_at <= GRAVITY_AGE:
            return self._gravity, "robot"
        return self._model.nle(self.q, np.zeros_like(self.v)), "model"

    def fault(self) -> str | None:
        """Return why the robot must not be driven, or None."""
        if self.view.fault() is not None:
            return self.view.fault()
        if not self.view.enabled:
            return "the robot was disabled"
        if self.collision:
            return "the robot has detected a collision"
        return "the cuff is squeezed" if self.cuff else None
