# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Emulated joint controller of a Sawyer robot: modes, clamps, watchdog, gravity compensation.

Pure: time comes in as an argument [s], and torques come out. What is imitated, and where that is
known from, is written in docs/sawyer_emulator.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ml3_ros.errors import MessageError, RobotError
from ml3_ros.robots.base import Array, RigidBodyModel, joint_array
from ml3_ros.robots.sawyer.interface import (
    DEFAULT_COMMAND_TIMEOUT_S,
    DEFAULT_SPEED_RATIO,
    MAX_COMMAND_TIMEOUT_S,
    SUPPRESS_WINDOW_S,
    Mode,
)

# Acceleration for position errors, times M: [1/s^2], [1/s], [1/s^3]; stiff, as the robot is.
KP, KD, KI = 1e4, 200.0, 2e5
INTEGRAL_SHARE = 0.5  # of the effort limit that the integral may take
ZERO_GRAVITY_DAMPING = 2.0  # of the arm in a hand: torque -2 * M_jj * v [1/s]
LARGEST = 1e9  # number in a command; torques of much larger ones overflow
FALLS_BACK = (Mode.VELOCITY, Mode.TORQUE)  # modes that end when commands do
_NONE = np.zeros(0)


class CommandRejectedError(MessageError):
    """A command that the robot does not follow."""

    kind = "rejected commands"


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A joint command in the order of the arm's joints; arrays are (n,), or (0,) if not sent."""

    mode: Mode
    position: Array = field(default_factory=lambda: _NONE)  # [rad]
    velocity: Array = field(default_factory=lambda: _NONE)  # [rad/s]
    acceleration: Array = field(default_factory=lambda: _NONE)  # [rad/s^2]
    effort: Array = field(default_factory=lambda: _NONE)  # [N m], on top of gravity

    def __post_init__(self) -> None:
        """Reject numbers that would stay in the reference for good (CommandRejectedError)."""
        for name in ("position", "velocity", "acceleration", "effort"):
            if not (np.abs(getattr(self, name)) <= LARGEST).all():  # NaN is not
                raise CommandRejectedError(
                    f"joint_command has a {name} that is not finite, or beyond {LARGEST:g}: it is "
                    "rejected; check its sender"
                )


class ArmControl:
    """The controller of an enabled arm: (time, q, v) in, full joint torque out.

    It knows the nominal arm, `model`, whatever arm really moves. Every mode adds the gravity
    model's effort, of measured velocity and commanded acceleration, unless that is suppressed.
    """

    def __init__(self, model: RigidBodyModel) -> None:
        """Begin without a command; call `hold` before the first torque."""
        self._model, self._limits = model, model.limits
        self.timeout = DEFAULT_COMMAND_TIMEOUT_S
        self.speed_ratio = DEFAULT_SPEED_RATIO
        self.clamped = 0  # commands of which some number was beyond a limit
        self.last_command: float | None = None  # [s]
        self.mode = Mode.POSITION
        self.held_since: float | None = None  # [s]
        self._suppressed: dict[str, float] = {}
        self._command: Command | None = None
        self._q_ref: Array = np.zeros(model.nq)
        self._v_ref = self._a_ref = self._integral = np.zeros(model.nv)
        self.hold(0.0, np.zeros(model.nq), np.zeros(model.nv))

    # what comes in -----------------------------------------------------------------------------
    def set_timeout(self, seconds: float) -> None:
        """Set the age of a command at which the watchdog fires [s], clamped to 0 to 1 s."""
        if not np.isfinite(seconds):
            raise CommandRejectedError(f"joint_command_timeout is {seconds}: send 0 to 1 s")
        self.timeout = float(np.clip(seconds, 0.0, MAX_COMMAND_TIMEOUT_S))

    def set_speed_ratio(self, ratio: float) -> None:
        """Set the share of the largest speed at which POSITION moves, clamped to 0 to 1."""
        if not np.isfinite(ratio):
            raise CommandRejectedError(f"set_speed_ratio is {ratio}: send 0 to 1")
        self.speed_ratio = float(np.clip(ratio, 0.0, 1.0))

    def suppress(self, topic: str, t: float) -> None:
        """Take note of a message on a suppress topic."""
        self._suppressed[topic] = t

    def suppressed(self, topic: str, t: float) -> bool:
        """Return whether the newest message on a suppress topic is still in its window."""
        return t - self._suppressed.get(topic, -np.inf) < SUPPRESS_WINDOW_S

    def command(self, command: Command, t: float, q: Array, v: Array) -> None:
        """Follow a command from now on; it feeds the watchdog."""
        if command.mode != self.mode or self.held_since is not None:
            self._restart(q, v)
        self.mode, self._command = command.mode, self._clamp(command)
        self.last_command, self.held_since = t, None

    def hold(self, t: float, q: Array, v: Array) -> None:
        """Come to rest as fast as the joints may decelerate, and stay there."""
        self.mode, self._command, self.held_since = Mode.POSITION, None, t
        self._restart(q, v)

    def expired(self, t: float) -> bool:
        """Return whether commands of a mode that needs them have ended for the timeout."""
        if self.mode not in FALLS_BACK or self.last_command is None:
            return False
        return t - self.last_command >= self.timeout - 1e-9  # exactly at the timeout, too

    # what comes out ----------------------------------------------------------------------------
    def gravity_effort(self, q: Array, v: Array) -> Array:
        """Return what the gravity model gives [N m] (n,), before any suppression."""
        command = self._command
        a = command.acceleration if command and command.acceleration.size else np.zeros_like(v)
        limit = self._limits.effort
        effort: Array = np.clip(self._model.rnea(q, v, a), -limit, limit)
        return effort

    def gravity_only(self, q: Array) -> Array:
        """Return the torque [N m] (n,) that holds the nominal arm at rest."""
        return self._model.nle(q, np.zeros_like(q))

    def commanded(self) -> Command:
        """Return the command that is followed, clamped, or an empty one."""
        return self._command or Command(mode=self.mode)

    def floating(self, q: Array, v: Array, gravity: Array) -> Array:
        """Return the torque [N m] (n,) of an arm that is led by hand."""
        return gravity - ZERO_GRAVITY_DAMPING * np.diag(self._model.M(q)) * v

    def torque(self, t: float, dt: float, q: Array, v: Array, gravity: Array) -> Array:
        """Return the full torque [N m] (n,) for the next `dt` [s].

        Args:
            t: Now [s].
            dt: How long the torque will be given [s].
            q: Measured positions [rad], (n,).
            v: Measured velocities [rad/s], (n,).
            gravity: What gravity compensation adds [N m], (n,).

        Raises:
            RobotError: The state, a time or the torque is not finite; the reference and the
                integral are unchanged.
        """
        n = self._model.nv
        q, v = joint_array(q, n, "the position"), joint_array(v, n, "the velocity")
        gravity = joint_array(gravity, n, "gravity")
        if not (np.isfinite(t) and 0.0 < dt < np.inf):
            raise RobotError(f"t is {t}, dt {dt}: they must be finite, and dt > 0 s")
        if self.mode == Mode.TORQUE and self._command is not None:
            return gravity + self._command.effort
        before = self._q_ref, self._v_ref, self._a_ref
        with np.errstate(over="ignore", invalid="ignore"):
            self._advance(t, dt)
            error, M = self._q_ref - q, self._model.M(q)
            bound = INTEGRAL_SHARE * self._limits.effort
            integral = np.clip(
                self._integral + (KI * dt) * (M @ error), -bound, bound
            )  # of a payload or friction that the model does not know
            feedback = KP * error + KD * (self._v_ref - v)
            tau = gravity + M @ (self._a_ref + feedback) + integral
        if not (np.isfinite(tau).all() and np.isfinite(integral).all()):
            self._q_ref, self._v_ref, self._a_ref = before
            raise RobotError("the torque is not finite: the state or the command is too large")
        self._integral = integral
        return tau

    def _advance(self, t: float, dt: float) -> None:
        """Move the reference [rad, rad/s, rad/s^2] of all modes but TORQUE."""
        command, limits = self._command, self._limits
        if command is not None and command.mode == Mode.TRAJECTORY:
            age = t - (self.last_command or 0.0)
            ahead = min(age, self.timeout)  # then no further
            a = command.acceleration
            self._q_ref = command.position + ahead * command.velocity + 0.5 * ahead**2 * a
            self._v_ref = (command.velocity + ahead * a) * (age < self.timeout)
            self._a_ref = np.zeros_like(self._v_ref)  # `gravity` has that of the command
            return
        if command is None:
            target = np.zeros_like(self._v_ref)
        elif command.mode == Mode.VELOCITY:
            target = command.velocity
        else:
            away = command.position - self._q_ref
            # at the target, and at a ratio of 0, joints rest; also those without limits
            with np.errstate(invalid="ignore"):
                stoppable = np.nan_to_num(np.sqrt(limits.acceleration * np.abs(away)), nan=0.0)
                fastest = np.nan_to_num(self.speed_ratio * limits.velocity, nan=0.0)
            speed = np.minimum(fastest, stoppable)
            target = np.sign(away) * np.minimum(speed, np.abs(away) / dt)
        change = limits.acceleration * dt
        step = np.clip(target - self._v_ref, -change, change)
        self._v_ref, self._a_ref = self._v_ref + step, step / dt
        moved = self._q_ref + dt * self._v_ref
        self._q_ref = np.clip(moved, limits.lower, limits.upper)
        self._v_ref = np.where(moved == self._q_ref, self._v_ref, 0.0)

    def _restart(self, q: Array, v: Array) -> None:
        self._q_ref, self._v_ref = np.array(q), np.array(v)
        self._integral = self._a_ref = np.zeros_like(self._v_ref)

    def _clamp(self, command: Command) -> Command:
        limits, mode = self._limits, command.mode
        position, velocity, effort = command.position, command.velocity, command.effort
        if mode in (Mode.POSITION, Mode.TRAJECTORY):
            position = np.clip(position, limits.lower, limits.upper)
        if mode in (Mode.VELOCITY, Mode.TRAJECTORY):
            velocity = np.clip(velocity, -limits.velocity, limits.velocity)
        if mode == Mode.TORQUE:
            effort = np.clip(effort, -limits.effort, limits.effort)
        pairs = (
            (position, command.position),
            (velocity, command.velocity),
            (effort, command.effort),
        )
        if any((inside != sent).any() for inside, sent in pairs):
            self.clamped += 1
        return replace(command, position=position, velocity=velocity, effort=effort)
