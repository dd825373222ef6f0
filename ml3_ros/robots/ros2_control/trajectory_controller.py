# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Emulated joint_trajectory_controller: leads the arm along points, and holds it at their end."""

from __future__ import annotations

import numpy as np

from ml3_ros.robots.base import Array, RigidBodyModel
from ml3_ros.robots.ros2_control.presets import Gravity
from ml3_ros.robots.ros2_control.trajectory import Points

# (M + ROTOR limits) (KP e + KD de/dt), and an integral, against dry friction.
KP, KD = 900.0, 60.0  # [1/s^2], [1/s]
ROTOR = 3e-4  # what light joints are stiffer by than their inertia asks for [s^2]
INTEGRAL = 1.5  # effort limits for an error of 1 rad that lasts for 1 s [1/(rad s)]
LARGEST_INTEGRAL = 0.3  # share of the effort limits
LONGEST_S = 0.05  # between two calls, for the integral


class TrajectoryControl:
    """Follows points with a stiff servo; a new trajectory takes the place of the last at once.

    By itself it knows the arm, as drives do that take positions. One that adds efforts is as on an
    interface of efforts: feedback, and what the points bring.
    """

    def __init__(self, model: RigidBodyModel, gravity: Gravity, *, adds_effort: bool) -> None:
        """Begin without a trajectory.

        Args:
            model: The arm as described.
            gravity: Who holds the arm up.
            adds_effort: Whether the efforts of points take the place of its own model.
        """
        self._model, self._gravity, self._adds = model, gravity, adds_effort
        self._points: Points | None = None
        self._begins = self._last = 0.0
        self._before: tuple[Points | None, float] = None, 0.0
        self._hold = np.zeros(model.nv)
        self._integral = np.zeros(model.nv)

    def activate(self, q: Array, t: float) -> None:
        """Hold the arm at q [rad], (n,)."""
        self.hold(q)
        self._last, self._integral = t, np.zeros_like(q)

    def follow(self, points: Points, begins: float) -> None:
        """Follow a trajectory whose times count from `begins` [s]; until then the last one."""
        self._before = self._points, self._begins
        self._points, self._begins = points, begins

    def hold(self, q: Array) -> None:
        """Forget the trajectory and hold the arm at q [rad], (n,)."""
        self._points, self._hold, self._before = None, q.copy(), (None, 0.0)

    def done(self, t: float) -> bool:
        """Return whether the trajectory has ended by time t [s]."""
        return self._points is None or t >= self._begins + self._points.t[-1]

    def _reference(self, t: float) -> tuple[Array, Array, Array, Array]:
        points, begins = self._points, self._begins
        if points is not None and t < begins:
            points, begins = self._before
        if points is None:
            zero = np.zeros_like(self._hold)
            return self._hold, zero, zero, zero
        return points.at(t - begins)

    def effort(self, q: Array, v: Array, t: float) -> Array | None:
        """Return the efforts that lead the arm [N m], (n,)."""
        q_ref, v_ref, a_ref, added = self._reference(t)
        dt, self._last = min(max(t - self._last, 0.0), LONGEST_S), t
        limits = self._model.limits.effort
        most = LARGEST_INTEGRAL * limits
        self._integral = np.clip(
            self._integral + INTEGRAL * limits * (q_ref - q) * dt, -most, most
        )
        inertia, feedback = self._model.M(q), KP * (q_ref - q) + KD * (v_ref - v)
        servo = inertia @ feedback + ROTOR * limits * feedback + self._integral
        if self._adds:
            return np.asarray(servo + added)
        effort = servo + inertia @ a_ref + self._model.nle(q, v)
        if self._gravity == "robot":
            effort = effort - self._model.nle(q, np.zeros_like(q))
        return np.asarray(effort)
