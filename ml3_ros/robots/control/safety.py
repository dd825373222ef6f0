# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Safety stage between a controller and the motors: limits torques, brakes, and stops.

Whoever drives motors, simulated or real, passes every command through one `SafetyStage`. Joints
may not be faster than v_max: the velocity limit, or sqrt(2 b d), from which a joint with the
acceleration limit b still stops at a distance d, where its soft limit is. So a trajectory that
keeps its limits is left alone. Beyond the soft limit v_max is a slow return. Joints that are
faster are braked: of a command that accelerates by a = M(q)^-1 (tau - nle(q, v)) they get

    a' = min(a, stop_gain (v_max - v)),

the other joints what was commanded. Braking comes last, so no limit of rates delays it. Only then
does the rigid-body model matter; it also separates gravity from the rest, because shares and rates
of effort hold for what is on top of gravity.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from ml3_ros.robots.base import Array
from ml3_ros.robots.control.safety_config import (
    CommandLengthError,
    FutureCommandError,
    NotFiniteCommandError,
    NoTorqueError,
    SafetyConfig,
    SafetyStop,
    StaleCommandError,
)
from ml3_ros.robots.control.safety_limits import GravityModel, SafetyLimits

_CURES = {  # of what is not finite
    "position": "check that joint's sensor",
    "velocity": "check that joint's sensor",
    "gravity torque": "check who sends it, or the masses in the robot's description",
    "torque": "check the controller that sent it",
    "inertia": "check the masses in the robot's description",
    "Coriolis and gravity torque": "check the masses in the robot's description",
    "safe torque": "check the state and the command, a number in them is too large",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """Which limit a command would have passed, and the joints it was of."""

    kind: str
    joints: tuple[str, ...]

    def __str__(self) -> str:
        """Return a sentence for the log."""
        return f"{self.kind} of {', '.join(self.joints)}: the command was cut down"


@dataclass(frozen=True, slots=True)
class SafeCommand:
    """What may be sent: `tau` with gravity, `added` without [N m], (n,), and what was changed."""

    tau: Array
    added: Array
    violations: tuple[Violation, ...]


class SafetyStage:
    """Checks commands as they come (`admit`), and limits them when they are applied (`limit`).

    It remembers what it let through last, for the effort rate, and whether it has stopped.
    """

    def __init__(self, model: GravityModel, config: SafetyConfig, *, rate: float) -> None:
        """Build the stage of one arm.

        Args:
            model: The arm as described: limits, M and gravity.
            config: Shares of the limits, and what happens beyond.
            rate: How often `limit` is called [Hz].

        Raises:
            ConfigError: The rate is no rate, or a joint has no range left between its soft limits.
            RobotError: The model's limits or its inertia have no meaning.
        """
        self._model, self.config = model, config
        self._limits = SafetyLimits(model, config, rate)
        self._last = np.zeros(model.nv)  # torque on top of gravity that was let through [N m]
        self.stopped: str | None = None  # why

    def reset(self) -> None:
        """Allow commands again, beginning with nothing on top of gravity."""
        self._last, self.stopped = np.zeros(self._model.nv), None

    def hold(self) -> None:
        """Note that the arm held itself this period: the next command begins from gravity."""
        self._last = np.zeros(self._model.nv)

    def admit(self, tau: Array, age: float) -> Array:
        """Return a command [N m] (n,) whose state is `age` [s] old, if it may be used at all.

        Raises:
            MessageError: Wrong length, NaN or infinity, stale, or from the future.
            SafetyStop: The stage has stopped.
        """
        self._raise_if_stopped()
        tau = _floats(tau)
        if tau.shape != (self._model.nv,):
            raise CommandLengthError(
                f"a command has {tau.size} torques for {self._model.nv} joints: it is rejected; "
                f"send one each for {', '.join(self._model.names)}"
            )
        finite = np.isfinite(tau)
        if not finite.all():
            joint = self._model.names[int(np.argmin(finite))]
            raise NotFiniteCommandError(
                f"the torque for {joint} is {tau[np.argmin(finite)]}: the command is rejected; "
                "check the controller that sent it"
            )
        if not age <= self.config.command_timeout:  # also rejects NaN
            raise StaleCommandError(
                f"a command answers a state of {age:.3f} s ago: it is rejected; answer each joint "
                f"state within {self.config.command_timeout:g} s and copy its stamp"
            )
        if age < -self.config.future_tolerance:
            raise FutureCommandError(
                f"a command is stamped {-age:.3f} s after the newest joint state: it is rejected; "
                "copy the stamp of the state that it answers"
            )
        return tau

    def limit(self, tau: Array, q: Array, v: Array, gravity: Array | None = None) -> SafeCommand:
        """Return what may be sent of an admitted command in the state (q, v); once a period.

        Args:
            tau: Full torque, gravity included [N m], (n,).
            q: Positions [rad], (n,).
            v: Velocities [rad/s], (n,).
            gravity: Torque that holds the arm [N m], (n,), from whoever knows better than the
                model.

        Raises:
            NoTorqueError: Something is not finite, or of the wrong shape; what comes next is
                evaluated as after `hold`.
            SafetyStop: The stage has stopped, now or before.
        """
        self._raise_if_stopped()
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                command = self._limited(tau, q, v, gravity)
        except SafetyStop:
            self.hold()
            raise
        self._last = command.added.copy()
        return command

    def _limited(self, tau: Array, q: Array, v: Array, gravity: Array | None) -> SafeCommand:
        limits = self._limits
        q, v = self._finite(q, "position"), self._finite(v, "velocity")
        if gravity is None:
            gravity = self._model.nle(q, np.zeros_like(v))
        gravity = self._finite(gravity, "gravity torque")
        tau = self._finite(tau, "torque")
        self._stop_if(self._violations({"overspeed": np.abs(v) > limits.overspeed}))
        requested = tau - gravity
        over_effort = (np.abs(requested) > limits.effort) | (np.abs(tau) > limits.total)
        requested = np.clip(requested, -limits.effort, limits.effort)
        steady = np.clip(requested, self._last - limits.step, self._last + limits.step)
        too_sudden = steady != requested
        added, at_velocity, at_position = self._braked(steady, q, v, gravity)
        added = np.clip(added, -limits.effort, limits.effort)
        added = np.clip(gravity + added, -limits.total, limits.total) - gravity
        added = np.clip(added, -limits.effort, limits.effort)  # also with a wrong gravity
        safe = self._finite(np.clip(gravity + added, -limits.total, limits.total), "safe torque")
        violations = self._violations(
            {
                "effort limit": over_effort,
                "effort rate": too_sudden,
                "velocity limit": at_velocity,
                "position limit": at_position,
            }
        )
        if self.config.on_violation == "stop":
            self._stop_if(violations)
        return SafeCommand(safe, added, violations)

    def _braked(
        self, requested: Array, q: Array, v: Array, gravity: Array
    ) -> tuple[Array, NDArray[np.bool_], NDArray[np.bool_]]:
        """Return torques [N m] (n,) that accelerate no joint beyond what its limits allow.

        The other joints accelerate as commanded. Where a joint that these push along is not
        strong enough to brake, all accelerate less.

        Returns:
            Torque on top of gravity, and the joints braked for their velocity and their position.
        """
        up, down = self._limits.velocities(q)
        excess = v - np.clip(v, -down, up)
        braked = excess != 0.0
        if not braked.any():
            return requested, braked, braked
        inertia = self._finite(self._model.M(q), "inertia", self._model.nv)
        coriolis = self._finite(self._model.nle(q, v), "Coriolis and gravity torque") - gravity
        try:
            a = np.linalg.solve(inertia, requested - coriolis)
        except np.linalg.LinAlgError:
            raise NoTorqueError(
                "the inertia matrix is singular: nothing is sent, the arm has to hold itself; "
                + _CURES["inertia"]
            ) from None
        brake = -self._limits.gain * excess
        allowed = np.where(excess > 0.0, np.minimum(a, brake), np.maximum(a, brake))
        allowed = np.where(excess == 0.0, a, allowed)
        braked = allowed != a
        if not braked.any():
            return requested, braked, braked
        slowest = coriolis + inertia @ brake
        added = self._within_effort(slowest, requested + inertia @ (allowed - a))
        fast = np.where(excess > 0.0, up, down) >= self._limits.speed
        return added, braked & fast, braked & ~fast

    def _within_effort(self, base: Array, added: Array) -> Array:
        """Return the point nearest to `added` on the way from `base` that needs no more effort."""
        way = added - base
        room = np.where(way > 0.0, self._limits.effort - base, -self._limits.effort - base)
        share = np.where(way != 0.0, room / way, 1.0)
        nearest: Array = base + np.clip(share.min(), 0.0, 1.0) * way
        return nearest

    def _finite(self, value: object, what: str, *columns: int) -> Array:
        """Return a quantity as finite floats, (n, *columns), or raise a NoTorqueError."""
        array, names = _floats(value), self._model.names
        right = array.shape == (len(names), *columns)
        if right and np.isfinite(array).all():
            return array
        wrong = f" has shape {array.shape} for {len(names)} joints"
        if right:
            first = tuple(np.argwhere(~np.isfinite(array))[0])
            wrong = f" of {names[first[0]]} is {array[first]}"
        raise NoTorqueError(
            f"{what}{wrong}: nothing is sent, the arm has to hold itself; {_CURES[what]}"
        )

    def _violations(self, masks: dict[str, NDArray[np.bool_]]) -> tuple[Violation, ...]:
        return tuple(
            Violation(kind, tuple(compress(self._model.names, mask)))
            for kind, mask in masks.items()
            if mask.any()
        )

    def _stop_if(self, violations: tuple[Violation, ...]) -> None:
        if violations:
            self.stopped = "; ".join(f"{x.kind} of {', '.join(x.joints)}" for x in violations)
            self._raise_if_stopped()

    def _raise_if_stopped(self) -> None:
        if self.stopped is not None:
            raise SafetyStop(
                f"the safety stage has stopped the arm ({self.stopped}): find the cause, then "
                "reset the arm"
            )


def _floats(value: object) -> Array:
    """Return a copy of what can be read as floats, one NaN for anything else."""
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.array(np.nan)
