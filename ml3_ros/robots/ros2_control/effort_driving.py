# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""State machine of the effort bridge: decides which efforts an arm may be sent, and when.

Pure: time comes in as an argument [s, any monotonic clock], efforts come out. What comes in are
full torques, as `joint_command` holds them. A forward_command_controller repeats the last effort
for ever, so every way out ends in zeros; then comes silence.

Where efforts include gravity, zeros let the arm fall. So an arm whose commands have ended, also by
a fault, is held by gravity torque and damping for as long as its state is known, until an operator
disables it or the bridge ends.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array, RigidBodyModel, joint_array
from ml3_ros.robots.control.feedforward import FeedforwardConfig, FeedforwardGate
from ml3_ros.robots.control.safety import SafeCommand, SafetyStage
from ml3_ros.robots.control.safety_config import SafetyStop
from ml3_ros.robots.ros2_control.driving_config import EffortConfig, NotReadyError, State

AT_REST = 0.02  # [rad/s] below which an arm that is being stopped counts as standing
LONGEST_STOP = 0.5  # [s] after which damping ends, at rest or not
ZEROS = 100  # zeros that are sent: of one message nobody knows that it arrived
STAMPS_KEPT = 500


class EffortDriving:
    """The state machine; call `cycle` once a period and send what it returns.

    Until `armed` by an operator, nothing but zeros or a hold is ever sent; only `reset` leaves
    FAULT. Torques on top of gravity are cut down by a `SafetyStage`, and faded in by a
    `FeedforwardGate`, which also knows nothing of a command that is too old.
    """

    def __init__(
        self, model: RigidBodyModel, safety: SafetyStage, config: EffortConfig, *, rate: float
    ) -> None:
        """Begin without a state, and not armed; `rate` is that of `cycle` [Hz]."""
        self._model, self.safety, self.config = model, safety, config
        self._dt = 1.0 / rate
        trust = FeedforwardConfig(
            share=safety.config.effort_share,
            fade=config.ramp,
            max_age=safety.config.command_timeout,
        )
        self._gate = FeedforwardGate(model.limits.effort, trust)
        self.state = State.WAITING
        self.reason = ""
        self.armed = False
        self.q = self.v = np.zeros(model.nv)
        self.effort = np.zeros(model.nv)  # that was sent last [N m]
        self.last: SafeCommand | None = None
        self._state_at = self._since = -math.inf
        self._cycled: float | None = None
        self._received: deque[tuple[int, float]] = deque(maxlen=STAMPS_KEPT)
        self._command: tuple[Array, float] | None = None  # full torque, when its state came
        self._carrying = False  # the arm bears on efforts that have been sent
        self._released = True  # by an operator
        self._zeros = 0  # still to be sent

    # what comes in -----------------------------------------------------------------------------
    def on_state(self, stamp: int, q: Array, v: Array, now: float) -> None:
        """Note the arm's state, stamped `stamp` [ns] by its driver.

        Raises:
            RobotError: It is not one finite number a joint; what was known stays.
        """
        n = self._model.nv
        self.q, self.v = joint_array(q, n, "the position"), joint_array(v, n, "the velocity")
        self._state_at = now
        self._received.append((stamp, now))

    def on_command(self, stamp: int, tau: Array, now: float) -> None:
        """Take a command for the state stamped `stamp` [ns]; the first one makes the arm active.

        Raises:
            MessageError: It must not be used, or nothing may be commanded now.
            SafetyStop: The safety stage has stopped.
        """
        received = self._when(stamp)
        tau = self.safety.admit(tau, now - received)
        if self.state is not State.ACTIVE:
            self._enter_active_or_raise(now)
        self._command = (tau, received)

    def _when(self, stamp: int) -> float:
        """Return when the state stamped `stamp` came; -inf: long ago, inf: not yet."""
        for known, at in reversed(self._received):
            if known == stamp:
                return at
        newest = self._received[-1][0] if self._received else 0
        return -math.inf if stamp <= newest else math.inf

    # requests of an operator -------------------------------------------------------------------
    def arm(self) -> None:
        """Allow efforts.

        Raises:
            ConfigError: There is a fault, which a reset has to clear first.
        """
        if self.state is State.FAULT:
            raise ConfigError(f"{self.reason}: find the cause, then reset the bridge")
        self.armed, self._released = True, False

    def disarm(self) -> None:
        """Allow no efforts any more; an active arm is stopped first, then let go."""
        self.armed, self._released = False, True

    def reset(self) -> None:
        """Leave FAULT; the operator has to arm the bridge again."""
        self.safety.reset()
        self.armed, self.reason = False, ""
        if self.state is State.FAULT:
            self.state = State.STOPPING if self._carrying else State.WAITING

    def fail(self, reason: str) -> None:
        """Go into FAULT: the arm is stopped, and held or let go."""
        if self.state is State.FAULT:
            return
        self.reason, self.armed, self._command = reason, False, None
        self._since = self._state_at
        self.state = State.FAULT

    @property
    def silent(self) -> bool:
        """Whether nothing is sent, and the arm bears on nothing that was."""
        return not self._carrying and self._zeros == 0

    def age(self, now: float) -> float:
        """Return how old the newest joint state is [s]."""
        return now - self._state_at

    # what goes out -----------------------------------------------------------------------------
    def cycle(self, now: float) -> Array | None:
        """Return the efforts to send in this period [N m], (n,); None: nothing."""
        pause = 0.0 if self._cycled is None else now - self._cycled
        self._cycled = now
        if self._carrying and pause > self.config.held_up:
            self.fail(f"the bridge itself was held up for {pause:.2f} s")
        known = self.age(now) <= self.config.state_timeout
        if not known and (self._carrying or self.state is State.READY):
            self.fail("joint states have stopped coming")  # a driver that is back needs a look
        self._name_rest(known)
        effort = self._drive(now) if self.state is State.ACTIVE else self._let_go(now, known)
        self.effort = np.zeros(self._model.nv) if effort is None else effort
        return effort

    def _name_rest(self, known: bool) -> None:
        if self.state in (State.WAITING, State.DISABLED, State.READY):
            quiet = State.READY if self.armed else State.DISABLED
            self.state = quiet if known else State.WAITING

    def _enter_active_or_raise(self, now: float) -> None:
        missing = self._missing(now)
        if missing is not None:
            raise NotReadyError(f"joint_command is rejected: {missing}")
        self.safety.hold()
        self._gate.reset()
        self._zeros = 0
        self._carrying = True
        self.state = State.ACTIVE

    def _missing(self, now: float) -> str | None:
        if self.state is State.FAULT:
            return f"{self.reason}: find the cause, then call the service reset"
        if not self.armed:
            return "nobody has enabled the bridge; call its service enable"
        if self.age(now) > self.config.state_timeout:
            return "joint states have stopped coming; check the arm's driver"
        if np.abs(self.v).max() > self.config.entry_velocity:
            return "the arm is moving; wait until it is at rest"
        return None

    def _gravity(self) -> Array:
        return self._model.nle(self.q, np.zeros_like(self.v))

    def _drive(self, now: float) -> Array | None:
        assert self._command is not None
        tau, answered = self._command
        age = now - answered
        if not self.armed or age > self.safety.config.command_timeout:
            self._command, self._since = None, now
            self.state = State.STOPPING
            return self._let_go(now, known=True)
        gravity = self._gravity()
        try:
            self.last = self.safety.limit(tau, self.q, self.v, gravity)
        except SafetyStop as error:
            self.fail(str(error))
            return self._let_go(now, known=True)
        added = self._gate.passed(self.last.added, age, self._dt).tau
        return gravity + added if self.config.gravity == "included" else added

    def _let_go(self, now: float, known: bool) -> Array | None:
        """Return what an arm gets without a command: damping, then a hold or zeros; or nothing."""
        if self._carrying and known:
            holds = self.config.gravity == "included" and not self._released
            moving = np.abs(self.v).max() >= AT_REST and now - self._since <= LONGEST_STOP
            if moving or holds:
                if not moving and self.state is State.STOPPING:
                    self.state = State.DISABLED
                hold = self._damp()
                if np.isfinite(hold).all():
                    return hold
        if self._carrying:
            self._carrying, self._zeros = False, ZEROS
        if self.state is State.STOPPING:
            self.state = State.DISABLED
        if self._zeros == 0:
            return None
        self._zeros -= 1
        return np.zeros(self._model.nv)

    def _damp(self) -> Array:
        # With all of M every motion loses the same; its diagonal is too much for the light ones.
        limits = self._model.limits.effort
        most = self.safety.config.effort_share * limits
        tau = np.clip(-self.config.damping * self._model.M(self.q) @ self.v, -most, most)
        if self.config.gravity == "included":
            return np.clip(tau + self._gravity(), -limits, limits)
        return np.asarray(tau)
