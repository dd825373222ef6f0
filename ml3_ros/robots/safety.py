"""The last stage before a torque reaches motors: limits, a soft stop, and what is refused.

Whoever drives motors, simulated or real, passes every command through one `SafetyStage`. Joints
may not be faster than v_max: the velocity limit, or sqrt(2 b d), from which a joint with the
acceleration limit b still stops at a distance d, where its soft limit is. So a trajectory that
keeps its limits is left alone. Beyond the soft limit v_max is a slow return. Joints that are
faster are braked: of a command that accelerates by a = M(q)^-1 (tau - nle(q, v)) they get

    a' = min(a, stop_gain (v_max - v)),

the other joints what was commanded. Braking comes last, so no limit of rates delays it. Only then
does the rigid-body model matter; it also tells gravity from the rest, because shares and rates of
effort hold for what is on top of gravity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array, JointLimits
from ml3_ros.robots.safety_config import (
    CommandLengthError,
    FutureCommandError,
    NotFiniteCommandError,
    SafetyConfig,
    SafetyStop,
    StaleCommandError,
)

_GAIN_PER_RATE = 0.3  # largest stop_gain over the control rate that torques held for a period bear


class GravityModel(Protocol):
    """What the stage asks of a model; any `RigidBodyModel` is one."""

    names: tuple[str, ...]
    limits: JointLimits
    nv: int

    def M(self, q: Array) -> Array:
        """Joint-space inertia matrix [kg m^2], (n, n)."""
        ...

    def nle(self, q: Array, v: Array) -> Array:
        """Coriolis, centrifugal and gravity torque [N m], (n,)."""
        ...


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
            ConfigError: A joint has no range left between its soft limits.
        """
        self._model, self.config, self._dt = model, config, 1.0 / rate
        limits = model.limits
        self._lower = limits.lower + config.position_margin
        self._upper = limits.upper - config.position_margin
        for joint in np.flatnonzero(self._lower >= self._upper):
            raise ConfigError(
                f"position_margin is {config.position_margin} rad, which leaves "
                f"{model.names[joint]} no range: make it smaller"
            )
        self._speed = config.velocity_share * limits.velocity
        self._effort = config.effort_share * limits.effort
        self._gain = min(config.stop_gain, _GAIN_PER_RATE * rate)
        self._deceleration = self._known_deceleration()
        self._largest_step = config.effort_rate * limits.effort * self._dt
        self.reset()

    def reset(self) -> None:
        """Allow commands again, beginning with nothing on top of gravity."""
        self._last = np.zeros(self._model.nv)
        self.stopped: str | None = None

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
        tau = np.asarray(tau, dtype=float)
        if tau.shape != (self._model.nv,):
            raise CommandLengthError(
                f"a command has {tau.size} torques for {self._model.nv} joints: it is refused; "
                f"send one each for {', '.join(self._model.names)}"
            )
        finite = np.isfinite(tau)
        if not finite.all():
            joint = self._model.names[int(np.argmin(finite))]
            raise NotFiniteCommandError(
                f"the torque for {joint} is {tau[np.argmin(finite)]}: the command is refused; "
                "check the controller that sent it"
            )
        if not age <= self.config.command_timeout:  # also refuses NaN
            raise StaleCommandError(
                f"a command answers a state of {age:.3f} s ago: it is refused; answer each joint "
                f"state within {self.config.command_timeout:g} s and copy its stamp"
            )
        if age < -self.config.future_tolerance:
            raise FutureCommandError(
                f"a command is stamped {-age:.3f} s after the newest joint state: it is refused; "
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
            SafetyStop: The stage has stopped, now or before.
        """
        self._raise_if_stopped()
        if gravity is None:
            gravity = self._model.nle(q, np.zeros_like(v))
        wanted = np.asarray(tau, dtype=float) - gravity
        total = self._model.limits.effort  # gravity may take much of it
        over_effort = (np.abs(wanted) > self._effort) | (np.abs(tau) > total)
        wanted = np.clip(wanted, -self._effort, self._effort)
        steady = np.clip(wanted, self._last - self._largest_step, self._last + self._largest_step)
        too_sudden = steady != wanted
        added, at_velocity, at_position = self._braked(steady, q, v, gravity)
        added = np.clip(added, -self._effort, self._effort)
        added = np.clip(gravity + added, -total, total) - gravity
        added = np.clip(added, -self._effort, self._effort)  # also where gravity is told wrongly
        violations = self._violations(
            {
                "effort limit": over_effort,
                "effort rate": too_sudden,
                "velocity limit": at_velocity,
                "position limit": at_position,
            }
        )
        runaway = np.abs(v) > self.config.overspeed * self._model.limits.velocity
        if runaway.any() or (violations and self.config.on_violation == "stop"):
            causes = violations + self._violations({"overspeed": runaway})
            self.stopped = "; ".join(f"{x.kind} of {', '.join(x.joints)}" for x in causes)
            self._raise_if_stopped()
        self._last = added
        return SafeCommand(gravity + added, added, violations)

    def _braked(
        self, wanted: Array, q: Array, v: Array, gravity: Array
    ) -> tuple[Array, Array, Array]:
        """Return torques [N m] (n,) that accelerate no joint beyond what its limits allow.

        The other joints accelerate as commanded. Where a joint that these push along is not
        strong enough to brake, all accelerate less.

        Returns:
            Torque on top of gravity, and the joints braked for their velocity and their position.
        """
        up, down = self._stoppable(self._upper - q), self._stoppable(q - self._lower)
        excess = v - np.clip(v, -down, up)
        braked = excess != 0.0
        if not braked.any():
            return wanted, braked, braked
        inertia = self._model.M(q)
        coriolis = self._model.nle(q, v) - gravity
        a = np.linalg.solve(inertia, wanted - coriolis)
        brake = -self._gain * excess
        allowed = np.where(excess > 0.0, np.minimum(a, brake), np.maximum(a, brake))
        allowed = np.where(excess == 0.0, a, allowed)
        braked = allowed != a
        if not braked.any():
            return wanted, braked, braked
        slowest = coriolis + inertia @ brake
        added = self._within_effort(slowest, wanted + inertia @ (allowed - a))
        fast = np.where(excess > 0.0, up, down) >= self._speed
        return added, braked & fast, braked & ~fast

    def _within_effort(self, base: Array, added: Array) -> Array:
        """Return the point nearest to `added` on the way from `base` that needs no more effort."""
        way = added - base
        room = np.where(way > 0.0, self._effort - base, -self._effort - base)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(way != 0.0, room / way, 1.0)
        return base + np.clip(share.min(), 0.0, 1.0) * way

    def _stoppable(self, distance: Array) -> Array:
        """Return the largest velocity [rad/s] towards a soft limit `distance` [rad] away."""
        stops = np.sqrt(2.0 * self._deceleration * np.maximum(distance, 0.0))
        back = self._gain / 4.0 * distance  # critically damped with stop_gain
        return np.where(
            distance < 0.0, np.maximum(back, -self._speed), np.minimum(stops, self._speed)
        )

    def _known_deceleration(self) -> Array:
        """Return the acceleration limits [rad/s^2], and where there is none, what effort gives."""
        limits = self._model.limits
        inertia = self._model.M(np.clip(0.0, limits.lower, limits.upper)).diagonal()
        known = np.isfinite(limits.acceleration)
        return np.where(known, limits.acceleration, limits.effort / inertia)

    def _violations(self, masks: dict[str, Array]) -> tuple[Violation, ...]:
        names = np.array(self._model.names)
        return tuple(
            Violation(kind, tuple(names[mask].tolist()))
            for kind, mask in masks.items()
            if mask.any()
        )

    def _raise_if_stopped(self) -> None:
        if self.stopped is not None:
            raise SafetyStop(
                f"the safety stage has stopped the arm ({self.stopped}): find the cause, then "
                "reset the arm"
            )
