# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Limits of the safety stage per joint, computed once from the limits of an arm."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.base import Array, JointLimits
from ml3_ros.robots.control.safety_config import SafetyConfig

_GAIN_PER_RATE = 0.3  # largest stop_gain over the control rate that torques held for a period bear


class GravityModel(Protocol):
    """What the stage needs of a model; any `RigidBodyModel` is one."""

    names: tuple[str, ...]
    limits: JointLimits
    nv: int

    def M(self, q: Array) -> Array:
        """Joint-space inertia matrix [kg m^2], (n, n)."""
        ...

    def nle(self, q: Array, v: Array) -> Array:
        """Coriolis, centrifugal and gravity torque [N m], (n,)."""
        ...


class SafetyLimits:
    """Bounds of every joint; infinite ones do not bound.

    Attributes:
        effort: Largest torque on top of gravity [N m], (n,).
        total: Largest torque with gravity [N m], (n,).
        step: Largest change of the torque on top of gravity in a period [N m], (n,).
        speed: Velocity from which a joint is braked [rad/s], (n,).
        overspeed: Velocity beyond which the arm is stopped [rad/s], (n,).
        gain: How hard joints are braked [1/s].
    """

    def __init__(self, model: GravityModel, config: SafetyConfig, rate: float) -> None:
        """Work them out.

        Args:
            model: The arm as described.
            config: Shares of the limits.
            rate: Control rate [Hz].

        Raises:
            ConfigError: The rate is no rate, or a joint has no range left between its soft limits.
            RobotError: The model's limits or its inertia have no meaning.
        """
        if not 0.0 < rate < math.inf:
            raise ConfigError(f"rate is {rate}: it must be finite and > 0 Hz")
        _check_limits(model)
        limits = model.limits
        with np.errstate(over="ignore", invalid="ignore"):
            self._lower = limits.lower + config.position_margin
            self._upper = limits.upper - config.position_margin
            self.speed = config.velocity_share * limits.velocity
            self.overspeed = _scaled(config.overspeed, limits.velocity)
            self.total = limits.effort
            self.effort = config.effort_share * limits.effort
            self.step = _scaled(config.effort_rate / rate, limits.effort)
            self.gain = min(config.stop_gain, _GAIN_PER_RATE * rate)
        for joint in np.flatnonzero(self._lower >= self._upper):
            raise ConfigError(
                f"position_margin is {config.position_margin} {limits.units[joint]}, which leaves "
                f"{model.names[joint]} no range: make it smaller"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            self._deceleration = _known_deceleration(model)

    def velocities(self, q: Array) -> tuple[Array, Array]:
        """Return the largest velocities [rad/s] up and down, (n,), at q [rad], (n,)."""
        return self._stoppable(self._upper - q), self._stoppable(q - self._lower)

    def _stoppable(self, distance: Array) -> Array:
        """Return the largest velocity [rad/s] towards a soft limit `distance` [rad] away."""
        stops = np.sqrt(2.0 * self._deceleration * np.maximum(distance, 0.0))
        # 0 x infinity: no room is none however strong the joint is, and no limit needs no strength
        stops = np.where(np.isnan(stops), distance, stops)
        back = self.gain / 4.0 * distance  # critically damped with stop_gain
        return np.where(
            distance < 0.0, np.maximum(back, -self.speed), np.minimum(stops, self.speed)
        )


def _scaled(share: float, limits: Array) -> Array:
    """Return share * limits; no bound where an infinite share is of nothing."""
    scaled = share * limits
    return np.where(np.isnan(scaled), np.inf, scaled)


def _check_limits(model: GravityModel) -> None:
    limits = model.limits
    for what in ("lower", "upper", "velocity", "effort", "acceleration"):
        values = getattr(limits, what)
        if np.shape(values) != (model.nv,):
            raise RobotError(
                f"the {what} limits have shape {np.shape(values)} for {model.nv} joints: correct "
                "the robot's description"
            )
        signed = what in ("lower", "upper")
        for joint in np.flatnonzero(np.isnan(values) | ((values < 0.0) & (not signed))):
            raise RobotError(
                f"the {what} limit of {model.names[joint]} is {values[joint]}: correct the "
                "robot's description, infinity stands for none"
            )
    for joint in np.flatnonzero(~(limits.lower < limits.upper)):
        raise RobotError(
            f"{model.names[joint]} may move from {limits.lower[joint]} to {limits.upper[joint]}: "
            "correct the position limits in the robot's description"
        )


def _known_deceleration(model: GravityModel) -> Array:
    """Return the acceleration limits [rad/s^2], and where there is none, what effort gives."""
    limits = model.limits
    inertia = model.M(np.clip(0.0, limits.lower, limits.upper)).diagonal()
    for joint in np.flatnonzero(~((inertia > 0.0) & np.isfinite(inertia))):
        raise RobotError(
            f"the inertia that {model.names[joint]} moves is {inertia[joint]} kg m^2: correct the "
            "masses in the robot's description"
        )
    known = np.isfinite(limits.acceleration)
    return np.where(known, limits.acceleration, limits.effort / inertia)
