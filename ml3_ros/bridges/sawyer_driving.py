"""What the driver of a Sawyer sends, and when: states, conditions, ramps, ways out.

Pure: time comes in as an argument [s, any monotonic clock], what to send comes out. Torques are
the full ones of `joint_command`; what is sent has the gravity torque taken out that the robot adds
by itself.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ml3_ros.bridges.sawyer_interface import EstopButton, EstopSource
from ml3_ros.errors import ConfigError, MessageError
from ml3_ros.robots.base import Array, RigidBodyModel
from ml3_ros.robots.safety import SafeCommand, SafetyStage, SafetyStop

STAMPS_KEPT = 1000  # states whose time of reception is known: 2 s at 500 Hz
AT_REST = 0.02  # [rad/s] below which an arm that is being stopped counts as standing
LONGEST_STOP = 0.5  # [s] after which position hold takes over, at rest or not
HOLD_REPEATS = 100  # times that a hold is sent: of one message nobody knows that it arrived
NEAR_HOME = 0.01  # [rad] from home at which a reset is done


class NotReadyError(MessageError):
    """The robot or the driver is in a state in which no torque may be sent."""

    kind = "commands while not ready"


class State(StrEnum):
    """Where the driver is; torque is sent in ACTIVE and, to brake, in STOPPING."""

    DISCONNECTED = "disconnected"  # /robot/state or joint states have never come
    DISABLED = "disabled"
    HOLD = "holding"  # enabled; the robot holds its position
    HOMING = "moving home"  # the robot moves home in its position mode
    ACTIVE = "active"
    STOPPING = "stopping"  # commands have ended: damping, then hold
    FAULT = "fault"  # wants an operator's reset


@dataclass(frozen=True, kw_only=True, slots=True)
class DrivingConfig:
    """How the driver behaves.

    Attributes:
        state_timeout: Age beyond which the arm's state is not known any more [s].
        entry_velocity: Largest velocity at which torques may begin [rad/s].
        ramp: Time from the first torque to the full one [s].
        damping: Of an arm that is being stopped: torque -damping M_jj v [1/s].
        brake_release: Time from enabling to the first torque [s].
        home_timeout: Longest way home [s].
        gravity_on_top: joint_command is on top of gravity already: nothing is taken out.
    """

    state_timeout: float = 0.02
    entry_velocity: float = 0.1
    ramp: float = 0.5
    damping: float = 10.0
    brake_release: float = 1.0
    home_timeout: float = 30.0
    gravity_on_top: bool = False

    def __post_init__(self) -> None:
        """Refuse values without a meaning (ConfigError)."""
        for name in ("state_timeout", "entry_velocity", "ramp", "damping", "home_timeout"):
            if not getattr(self, name) > 0.0:
                raise ConfigError(f"{name} is {getattr(self, name)}: it must be > 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class RobotView:
    """What /robot/state tells; `ready` is false while the robot is disabled or homing."""

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


@dataclass(frozen=True, slots=True)
class Send:
    """One JointCommand: torque on top of gravity [N m], or a position [rad], (n,)."""

    torque: Array | None = None
    position: Array | None = None


class SawyerDriving:
    """The state machine; call `cycle` once a period and send what it returns.

    Until `armed` by an operator, nothing but a stop or a hold is ever sent. What the robot reports
    may end ACTIVE at any time; only `reset` leaves FAULT.
    """

    def __init__(
        self, model: RigidBodyModel, safety: SafetyStage, home: Array, config: DrivingConfig
    ) -> None:
        """Begin disconnected and not armed."""
        self._model, self.safety, self._home, self.config = model, safety, home, config
        self.state = State.DISCONNECTED
        self.reason = ""
        self.armed = False
        self.cuff = self.collision = False
        self.view = RobotView()
        self._q = self._v = np.zeros(model.nv)
        self._heard = self._view_heard = -math.inf
        self._received: deque[tuple[int, float]] = deque(maxlen=STAMPS_KEPT)
        self._gravity, self._gravity_heard = np.zeros(model.nv), -math.inf
        self._command: tuple[Array, float] | None = None  # full torque, when its state came
        self._enabled_at = self._since = -math.inf
        self._holds = 0
        self._target = self._q
        self.last: SafeCommand | None = None
        self.command_age = math.nan  # [s] of the command that was sent last

    # what comes in -----------------------------------------------------------------------------
    def hear_joints(self, stamp: int, q: Array, v: Array, now: float) -> None:
        """Note the arm's state; `stamp` [ns] is the robot's, only to know commands by."""
        self._q, self._v, self._heard = q, v, now
        self._received.append((stamp, now))

    def hear_gravity(self, tau: Array, now: float) -> None:
        """Note what the robot adds by itself [N m], (n,)."""
        self._gravity, self._gravity_heard = tau, now

    def hear_robot(self, view: RobotView, now: float) -> None:
        """Note what /robot/state tells."""
        if view.enabled and not self.view.enabled:
            self._enabled_at = now
        self.view, self._view_heard = view, now

    def hear_command(self, stamp: int, tau: Array, now: float) -> None:
        """Take a command for the state stamped `stamp` [ns]; the first one makes the arm active.

        Raises:
            MessageError: It must not be used, or nothing may be commanded now.
            SafetyStop: The safety stage has stopped.
        """
        received = next((at for known, at in reversed(self._received) if known == stamp), None)
        if received is None:
            newest = self._received[-1][0] if self._received else 0
            age = math.inf if stamp <= newest else (newest - stamp) * 1e-9
        else:
            age = now - received
        tau = self.safety.admit(tau, age)
        if self.state is not State.ACTIVE:
            self._enter_active_or_raise(now)
        assert received is not None
        self._command = (tau, received)

    # what an operator asks for -----------------------------------------------------------------
    def arm(self) -> None:
        """Allow torques, once the robot is enabled.

        Raises:
            ConfigError: There is a fault, which a reset has to clear first.
        """
        if self.state is State.FAULT or self.view.fault() is not None:
            reason = self.reason or self.view.fault()
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
        fault = self.view.fault()
        if fault is not None:
            raise ConfigError(f"{fault}: release the button, reset the robot, then try again")
        self.safety.reset()
        self.armed, self.reason = False, ""
        self._enter(State.DISCONNECTED)

    def go_home(self, now: float) -> None:
        """Let the robot move home in its position mode.

        Raises:
            ConfigError: The arm is not free to move.
        """
        if self.state not in (State.HOLD, State.STOPPING, State.ACTIVE) or not self.armed:
            raise ConfigError(f"the arm is {self.state.value}: {self._cure()}")
        self._command = None
        self._target, self._since = np.array(self._home), now
        self._enter(State.HOMING)

    def leave(self) -> Array | None:
        """Return the position to hold [rad] on a way out, if the robot would follow it."""
        return self._q if self.view.enabled and math.isfinite(self._heard) else None

    @property
    def homing(self) -> bool:
        """Whether the robot is on its way home."""
        return self.state is State.HOMING

    def resting_at_home(self) -> bool:
        """Return whether the arm holds itself at home."""
        near = float(np.abs(self._q - self._home).max()) < 2.0 * NEAR_HOME
        return self.state is State.HOLD and near and float(np.abs(self._v).max()) < AT_REST

    def state_age(self, now: float) -> float:
        """Return how old the newest joint state is [s]."""
        return now - self._heard

    # what goes out -----------------------------------------------------------------------------
    def cycle(self, now: float) -> Send | None:
        """Return what to send in this period; None: nothing."""
        self._judge(now)
        if self.state is State.ACTIVE:
            return self._drive(now)
        if self.state is State.STOPPING:
            return self._brake(now)
        if self.state is State.HOMING:
            return self._approach_home(now)
        if self._holds > 0 and self._may_hold(now):
            if self._holds == HOLD_REPEATS:
                self._target = self._q  # where the arm is by now, not where it was
            self._holds -= 1
            return Send(position=self._target)
        return None

    def added_by_robot(self, now: float) -> tuple[Array, str]:
        """Return the gravity torque [N m] that the robot adds now, and who says so."""
        if now - self._gravity_heard <= 0.1:
            return self._gravity, "robot"
        return self._model.nle(self._q, np.zeros_like(self._v)), "model"

    def _judge(self, now: float) -> None:
        """Follow what the robot does, whoever made it do so."""
        driving = self.state in (State.ACTIVE, State.STOPPING, State.HOMING)
        if driving or (self.armed and self.state is State.HOLD):
            known = not driving or now - self._heard <= self.config.state_timeout
            fault = self._fault(known)
            if fault is not None:
                self._fail(fault)
                return
        if self.state is State.ACTIVE and not self.armed:
            self._stop_driving(now)
        if not driving and self.state is not State.FAULT:
            heard = math.isfinite(self._view_heard) and math.isfinite(self._heard)
            quiet = State.HOLD if self.view.enabled else State.DISABLED
            self.state = quiet if heard else State.DISCONNECTED

    def _fault(self, known: bool) -> str | None:
        if not known:
            return "joint states have stopped coming"
        if self.view.fault() is not None:
            return self.view.fault()
        if not self.view.enabled:
            return "the robot was disabled"
        if self.collision:
            return "the robot has detected a collision"
        return "the cuff is squeezed" if self.cuff else None

    def _fail(self, reason: str) -> None:
        self.reason, self.armed, self._command = reason, False, None
        self._enter(State.FAULT)
        self._holds = HOLD_REPEATS

    def _may_hold(self, now: float) -> bool:
        """Return whether the robot would follow a hold, and it were right to send one."""
        known = now - self._heard <= self.config.state_timeout
        moved_by_others = self.cuff or self.collision
        return known and self.view.enabled and not self.view.stopped and not moved_by_others

    def _enter_active_or_raise(self, now: float) -> None:
        missing = self._missing(now)
        if missing is not None:
            raise NotReadyError(f"joint_command is refused: {missing}")
        self.safety.hold()
        self._holds = 0
        self._since = now
        self._enter(State.ACTIVE)

    def _missing(self, now: float) -> str | None:
        if self.state is not State.HOLD:
            return f"the driver is {self.state.value}; {self._cure()}"
        if not self.armed:
            return "nobody has enabled the driver; call its service enable"
        fault = self._fault(now - self._heard <= self.config.state_timeout)
        if fault is not None:
            return fault
        if not self.view.ready:
            return "the robot is not ready, it may be homing"
        if now - self._enabled_at < self.config.brake_release:
            return "the brakes have just been released; wait"
        if np.abs(self._v).max() > self.config.entry_velocity:
            return "the arm is moving; wait until it is at rest"
        return None

    def _cure(self) -> str:
        return {
            State.DISCONNECTED: "check the bridge to the robot",
            State.DISABLED: "call the service enable",
            State.HOLD: "call the service enable",
            State.FAULT: f"{self.reason}: find the cause, then call the service reset",
        }.get(self.state, "wait")

    def _enter(self, state: State) -> None:
        self.state = state

    def _drive(self, now: float) -> Send | None:
        assert self._command is not None
        tau, answered = self._command
        self.command_age = now - answered
        if self.command_age > self.safety.config.command_timeout:
            self._stop_driving(now)
            return self._damp()
        gravity, _ = self.added_by_robot(now)
        full = tau + gravity if self.config.gravity_on_top else tau
        try:
            self.last = self.safety.limit(full, self._q, self._v, gravity)
        except SafetyStop as error:
            self._fail(str(error))
            return self._damp()
        weight = min((now - self._since) / self.config.ramp, 1.0)
        return Send(torque=weight * self.last.added)

    def _stop_driving(self, now: float) -> None:
        self._command, self._since = None, now
        self._enter(State.STOPPING)

    def _damp(self) -> Send:
        inertia = self._model.M(self._q).diagonal()
        most = self.safety.config.effort_share * self._model.limits.effort
        return Send(torque=np.clip(-self.config.damping * inertia * self._v, -most, most))

    def _brake(self, now: float) -> Send | None:
        resting = np.abs(self._v).max() < AT_REST and now > self._since
        if resting or now - self._since > LONGEST_STOP:
            self._holds = HOLD_REPEATS
            self._enter(State.HOLD)
            return self.cycle(now)
        return self._damp()

    def _approach_home(self, now: float) -> Send | None:
        away = np.abs(self._q - self._target).max()
        if away < NEAR_HOME and np.abs(self._v).max() < AT_REST:
            self._enter(State.HOLD)
            self._holds = 0
            return None
        if now - self._since > self.config.home_timeout:
            self._fail(f"the arm is {away:.2f} rad from home after {now - self._since:.0f} s")
            return self.cycle(now)
        return Send(position=self._target)
