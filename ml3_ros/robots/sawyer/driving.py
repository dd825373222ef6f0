# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""State machine of the Sawyer driver: decides what to send, and when, from reports.

Pure: time comes in as an argument [s, any monotonic clock], what to send comes out. Torques are
the full ones of `joint_command`; what is sent has the gravity torque taken out that the robot adds
by itself.
"""

from __future__ import annotations

import math

import numpy as np

from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array, RigidBodyModel, joint_array
from ml3_ros.robots.control.safety import SafeCommand, SafetyStage
from ml3_ros.robots.control.safety_config import SafetyStop
from ml3_ros.robots.sawyer.driving_config import DrivingConfig, NotReadyError, Send, State
from ml3_ros.robots.sawyer.reports import SawyerReports

AT_REST = 0.02  # [rad/s] below which an arm that is being stopped counts as standing
LONGEST_STOP = 0.5  # [s] after which position hold takes over, at rest or not
HOLD_REPEATS = 100  # times that a hold is sent: of one message nobody knows that it arrived
NEAR_HOME = 0.01  # [rad] from home at which a reset is done


class SawyerDriving:
    """The state machine; call `cycle` once a period and send what it returns.

    Until `armed` by an operator, nothing but a stop or a hold is ever sent. What the robot reports
    may end ACTIVE at any time; only `reset` leaves FAULT.
    """

    def __init__(
        self, model: RigidBodyModel, safety: SafetyStage, home: Array, config: DrivingConfig
    ) -> None:
        """Begin disconnected and not armed.

        Raises:
            RobotError: home [rad] is not one finite number a joint.
        """
        self._home = home = joint_array(home, model.nv, "home")
        self._model, self.safety, self.config = model, safety, config
        self.state = State.DISCONNECTED
        self.reason = ""
        self.armed = False
        self.reports = SawyerReports(model)
        self._command: tuple[Array, float] | None = None  # full torque, when its state came
        self._since = self._cycled = -math.inf
        self._holds = 0
        self._target = home
        self.last: SafeCommand | None = None
        self.command_age = math.nan  # [s] of the command that was sent last

    # what comes in -----------------------------------------------------------------------------
    def on_command(self, stamp: int, tau: Array, now: float) -> None:
        """Take a command for the state stamped `stamp` [ns]; the first one makes the arm active.

        Raises:
            MessageError: It must not be used, or nothing may be commanded now.
            SafetyStop: The safety stage has stopped.
        """
        received = self.reports.received(stamp)
        tau = self.safety.admit(tau, now - received)
        if self.state is not State.ACTIVE:
            self._enter_active_or_raise(now)
        self._command = (tau, received)

    # requests of an operator -------------------------------------------------------------------
    def arm(self) -> None:
        """Allow torques, once the robot is enabled.

        Raises:
            ConfigError: There is a fault, which a reset has to clear first.
        """
        if self.state is State.FAULT or self.reports.view.fault() is not None:
            reason = self.reason or self.reports.view.fault()
            raise ConfigError(f"{reason}: find the cause, then reset the driver")
        self.armed = True

    def disarm(self) -> None:
        """Allow no torques any more; an active arm is stopped first."""
        self.armed = False

    def reset(self) -> None:
        """Leave FAULT; the operator has to arm the driver again.

        Raises:
            ConfigError: The robot itself is still stopped or in error.
        """
        fault = self.reports.view.fault()
        if fault is not None:
            raise ConfigError(f"{fault}: release the button, reset the robot, then try again")
        self.safety.reset()
        self.armed, self.reason = False, ""
        self.state = State.DISCONNECTED

    def go_home(self, now: float) -> None:
        """Let the robot move home in its position mode.

        Raises:
            ConfigError: The arm is not free to move.
        """
        if self.state not in (State.HOLD, State.STOPPING, State.ACTIVE) or not self.armed:
            raise ConfigError(f"the arm is {self.state.value}: {self._cure()}")
        self._command = None
        self._target, self._since = np.array(self._home), now
        self.state = State.HOMING

    def leave(self) -> Array | None:
        """Return the position to hold [rad] on a way out, if the robot would follow it."""
        return self._here() if self.reports.view.enabled and self.reports.complete else None

    @property
    def driving(self) -> bool:
        """Whether the arm is moved by the driver's doing."""
        return self.state in (State.ACTIVE, State.STOPPING, State.HOMING)

    @property
    def homing(self) -> bool:
        """Whether the robot is on its way home."""
        return self.state is State.HOMING

    def resting_at_home(self) -> bool:
        """Return whether the arm holds itself at home."""
        near = float(np.abs(self.reports.q - self._home).max()) < 2.0 * NEAR_HOME
        return self.state is State.HOLD and near and float(np.abs(self.reports.v).max()) < AT_REST

    # what goes out -----------------------------------------------------------------------------
    def cycle(self, now: float) -> Send | None:
        """Return what to send in this period; None: nothing."""
        pause, self._cycled = now - self._cycled, now
        if self.state is State.ACTIVE and self.armed and pause > self.config.robot_timeout:
            # the robot holds by now, and must not move again as if nothing had been
            self._fail(f"the driver itself was held up for {pause:.2f} s")
        self._follow_robot(now)
        if self.state is State.ACTIVE:
            return self._drive(now)
        if self.state is State.STOPPING:
            return self._brake(now)
        if self.state is State.HOMING:
            return self._approach_home(now)
        if self._holds > 0 and self._may_hold(now):
            if self._holds == HOLD_REPEATS:
                self._target = self._here()  # by now, not where it was
            self._holds -= 1
            return Send(position=self._target)
        return None

    def _follow_robot(self, now: float) -> None:
        """Follow what the robot does, whoever made it do so."""
        driving = self.driving
        if driving or (self.armed and self.state is State.HOLD):
            known = not driving or self.reports.age(now) <= self.config.state_timeout
            fault = self._fault(known)
            if fault is not None:
                self._fail(fault)
                return
        if self.state is State.ACTIVE and not self.armed:
            self._stop_driving(now)
        if not driving and self.state is not State.FAULT:
            quiet = State.HOLD if self.reports.view.enabled else State.DISABLED
            self.state = quiet if self.reports.complete else State.DISCONNECTED

    def _fault(self, known: bool) -> str | None:
        return self.reports.fault() if known else "joint states have stopped coming"

    def _fail(self, reason: str) -> None:
        self.reason, self.armed, self._command = reason, False, None
        self.state = State.FAULT
        self._holds = HOLD_REPEATS

    def _here(self) -> Array:
        """Return where the arm is [rad], (n,), within its limits, whatever the robot reports."""
        limits = self._model.limits
        return np.clip(self.reports.q, limits.lower, limits.upper)

    def _may_hold(self, now: float) -> bool:
        """Return whether the robot would follow a hold, and it were right to send one."""
        known = self.reports.age(now) <= self.config.state_timeout
        reports = self.reports
        moved_by_others = reports.cuff or reports.collision
        return known and reports.view.enabled and not reports.view.stopped and not moved_by_others

    def _enter_active_or_raise(self, now: float) -> None:
        missing = self._missing(now)
        if missing is not None:
            raise NotReadyError(f"joint_command is rejected: {missing}")
        self.safety.hold()
        self._holds = 0
        self._since = now
        self.state = State.ACTIVE

    def _missing(self, now: float) -> str | None:
        if self.state is not State.HOLD:
            return f"the driver is {self.state.value}; {self._cure()}"
        if not self.armed:
            return "nobody has enabled the driver; call its service enable"
        fault = self._fault(self.reports.age(now) <= self.config.state_timeout)
        if fault is not None:
            return fault
        if not self.reports.view.ready:
            return "the robot is not ready, it may be homing"
        if now - self.reports.enabled_at < self.config.brake_release:
            return "the brakes have just been released; wait"
        if np.abs(self.reports.v).max() > self.config.entry_velocity:
            return "the arm is moving; wait until it is at rest"
        return None

    def _cure(self) -> str:
        return {
            State.DISCONNECTED: "check the bridge to the robot",
            State.DISABLED: "call the service enable",
            State.HOLD: "call the service enable",
            State.FAULT: f"{self.reason}: find the cause, then call the service reset",
        }.get(self.state, "wait")

    def _drive(self, now: float) -> Send | None:
        assert self._command is not None
        tau, answered = self._command
        self.command_age = now - answered
        if self.command_age > self.safety.config.command_timeout:
            self._stop_driving(now)
            return self._damp()
        gravity, _ = self.reports.added_by_robot(now)
        full = tau + gravity if self.config.gravity_on_top else tau
        try:
            self.last = self.safety.limit(full, self.reports.q, self.reports.v, gravity)
        except SafetyStop as error:
            self._fail(str(error))
            return self._damp()
        weight = min((now - self._since) / self.config.ramp, 1.0)
        return Send(torque=weight * self.last.added)

    def _stop_driving(self, now: float) -> None:
        self._command, self._since = None, now
        self.state = State.STOPPING

    def _damp(self) -> Send:
        # With all of M every motion loses the same; its diagonal is too much for the light ones.
        tau = -self.config.damping * self._model.M(self.reports.q) @ self.reports.v
        most = self.safety.config.effort_share * self._model.limits.effort
        torque = np.clip(tau, -most, most)
        if not np.isfinite(torque).all():  # the model is broken; the robot can stop by itself
            return Send(position=self._here())
        return Send(torque=torque)

    def _brake(self, now: float) -> Send | None:
        resting = np.abs(self.reports.v).max() < AT_REST and now > self._since
        if resting or now - self._since > LONGEST_STOP:
            self._holds = HOLD_REPEATS
            self.state = State.HOLD
            return self.cycle(now)
        return self._damp()

    def _approach_home(self, now: float) -> Send | None:
        away = np.abs(self.reports.q - self._target).max()
        if away < NEAR_HOME and np.abs(self.reports.v).max() < AT_REST:
            self.state = State.HOLD
            self._holds = 0
            return None
        if now - self._since > self.config.home_timeout:
            self._fail(f"the arm is {away:.2f} rad from home after {now - self._since:.0f} s")
            return self.cycle(now)
        return Send(position=self._target)
