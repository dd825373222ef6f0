# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Emulated Sawyer behind the topics of the real one: tries a driver without the robot."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.lifecycle import LifecyclePublisher
from rclpy.timer import Timer
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Empty, Float64, String, UInt16
from std_srvs.srv import SetBool, Trigger

from ml3_ros.errors import ConfigError, MessageError, RobotError
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import LATCHED_1, LATCHED_100, RELIABLE_1, RELIABLE_100, RELIABLE_5000
from ml3_ros.nodes.messages import sawyer_robot as convert
from ml3_ros.nodes.messages.joint_states import NANO, time_msg
from ml3_ros.nodes.sawyer_emulator.parameters import SawyerEmulatorParameters
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer import interface as sawyer
from ml3_ros.robots.sawyer.emulation import SUPPRESSIONS, SawyerEmulation
from ml3_ros.robots.sawyer.reports import RobotView
from ml3_ros.robots.sawyer.urdf import sawyer_urdf

LATEST_S = 0.05  # a simulation that is later than this lets the robot's time slip instead
STATUS_HZ = 100.0  # of all that is published at a fixed rate, but the cuff
CUFF_HZ = 10.0  # and at once when it changes


class SawyerEmulator(Ml3Node[SawyerEmulatorParameters]):
    """Converts between the topics and a `SawyerEmulation` that it steps in real time.

    Windows and timeouts are of real time. Stamps are start + n * dt of robot time, which slips on
    a machine that is too busy. The services under its name play the world around the robot.
    """

    robot = "sawyer"
    # made by `load`
    _messages: sawyer.SawyerMessages
    _description: RobotDescription
    _robot: SawyerEmulation
    _urdf: str
    _dt: float  # of robot time [s]
    _wall: float  # monotonic time of the configuration [s]
    _state_rate: float  # [Hz]
    _timer: Timer
    _states: LifecyclePublisher[JointState]
    _assembly: LifecyclePublisher[Any]
    _gravity: LifecyclePublisher[Any]
    _collision: LifecyclePublisher[Any]
    _endpoint: LifecyclePublisher[Any]
    _cuff: LifecyclePublisher[Any]
    _limits: LifecyclePublisher[Any]
    _robot_description: LifecyclePublisher[String]
    _mode: LifecyclePublisher[String]
    _delay: LifecyclePublisher[Float64]
    # set by `start`
    _start: int  # of robot time [ns]
    _first: int  # step at the start, counted from the configuration
    _steps: int
    _slipped: int  # steps that robot time lags behind
    _next: dict[str, float]  # robot time at which each kind of status is due [s]
    _muted: bool
    _fired: int  # watchdog firings that were published
    _published_cuff: bool
    _published_mode: str

    def load(self) -> None:
        """Build the robot and connect it."""
        p = self.parameters
        self._messages = sawyer.message_types(p.message_package)
        self._description = load_robot("sawyer")
        self._dt = 1.0 / p.control_rate
        self._robot = SawyerEmulation(
            self._description,
            p.perturbation(self._description),
            dt=self._dt,
            home=np.array(p.home) if p.home else None,
            seed=p.seed,
            timeout_outcome=p.timeout_outcome,
            brakes=p.brakes,
        )
        self._urdf = sawyer_urdf(self._description, p.calibration_offset, p.seed)
        self._wall = time.monotonic()
        self._start = self._steps = 0
        self._advertise()
        self._subscribe_all()
        self._offer_switch("press_estop", lambda on: self._robot.press(on, self._now()))
        self._offer_switch("squeeze_cuff", lambda on: setattr(self._robot, "cuff", on))
        self._offer_switch("collide", lambda on: setattr(self._robot, "collided", on))
        self._offer_switch("mute", lambda on: setattr(self, "_muted", on))
        self._offer(Trigger, "joint_fault", lambda _: self._robot.fault(self._now()))
        self._state_rate = float(p.state_rate)
        self._timer = self.every(1.0 / max(self._state_rate, STATUS_HZ), self._advance)

    def start(self) -> None:
        """Start at home and disabled; robot time goes on from the present."""
        self._robot.restart()
        self._start = max(self.get_clock().now().nanoseconds, self._stamp() + 1)
        self._steps = self._slipped = self._fired = 0
        self._next = dict.fromkeys(("states", "status", "cuff"), self._dt)
        self._published_cuff, self._muted, self._published_mode = False, False, ""
        self._first = int(self._now() / self._dt)  # step, counted from the configuration
        self._limits.publish(
            convert.limits_msg(self._robot.arm.names, self._description.limits, self._messages)
        )
        self._robot_description.publish(String(data=self._urdf))

    def stop(self) -> None:
        """Turn the motors off: nobody steps the robot any more."""
        self._robot.enable(False, self._now())

    def fault(self) -> str:
        """Return why the robot cannot be enabled."""
        assembly = self._robot.assembly
        view = RobotView(
            stopped=assembly.stopped,
            error=assembly.error,
            estop_button=assembly.estop_button,
            estop_source=assembly.estop_source,
        )
        return view.fault() or ""

    def diagnostic_values(self) -> dict[str, object]:
        """Return what moves the arm, and what the watchdog and the clamps have done."""
        if not self.active:
            return {}
        now, robot, control = self._now(), self._robot, self._robot.control
        since = None if control.last_command is None else now - control.last_command
        held_since = control.held_since if robot.assembly.enabled else None
        return {
            "mode": robot.doing(now),
            "enabled": robot.assembly.enabled,
            "stopped": robot.assembly.stopped,
            "since last command [s]": "none" if since is None else since,
            "held [s]": 0.0 if held_since is None else now - held_since,
            "watchdog firings": robot.firings,
            "last watchdog delay [s]": robot.last_delay,
            "command timeout [s]": control.timeout,
            "clamped commands": control.clamped,
            "speed ratio": control.speed_ratio,
            "state rate": self._state_rate,
            "suppressed": ", ".join(s for s in SUPPRESSIONS if control.suppressed(s, now)),
            "slipped [s]": self._slipped * self._dt,
        }

    # connections -------------------------------------------------------------------------------
    def _advertise(self) -> None:
        m, publisher = self._messages, self.publisher
        self._states = publisher(JointState, sawyer.JOINT_STATES, RELIABLE_5000)
        self._assembly = publisher(m.RobotAssemblyState, sawyer.ROBOT_STATE, RELIABLE_100)
        self._gravity = publisher(m.SEAJointState, sawyer.GRAVITY_TORQUES, RELIABLE_100)
        self._collision = publisher(
            m.CollisionDetectionState, sawyer.COLLISION_STATE, RELIABLE_100
        )
        self._endpoint = publisher(m.EndpointState, sawyer.ENDPOINT_STATE, RELIABLE_100)
        self._cuff = publisher(m.IODeviceStatus, sawyer.CUFF_STATE, RELIABLE_100)
        self._limits = publisher(m.JointLimits, sawyer.JOINT_LIMITS, LATCHED_1)
        self._robot_description = publisher(String, sawyer.ROBOT_DESCRIPTION, LATCHED_1)
        self._mode = publisher(String, "~/mode", LATCHED_100)
        self._delay = publisher(Float64, "~/watchdog_delay", LATCHED_1)

    def _subscribe_all(self) -> None:
        def on(msg_type: Any, topic: str, act: Callable[[Any, float], object]) -> None:
            def on_message(msg: Any) -> None:
                self._advance()  # steps before the message do not depend on it
                self.diagnostics.tick(topic.rpartition("/")[2])
                act(msg, self._now())
                self._publish_changes()

            self.subscribe(msg_type, topic, on_message, RELIABLE_1)

        robot, control = self._robot, self._robot.control
        on(self._messages.JointCommand, sawyer.JOINT_COMMAND, self._on_command)
        on(Float64, sawyer.COMMAND_TIMEOUT, lambda msg, _: control.set_timeout(msg.data))
        on(Float64, sawyer.SPEED_RATIO, lambda msg, _: control.set_speed_ratio(msg.data))
        on(UInt16, sawyer.STATE_RATE, lambda msg, _: self._on_rate(msg.data))
        on(Bool, sawyer.SUPER_ENABLE, self._on_enable)
        on(Empty, sawyer.SUPER_STOP, lambda _, now: robot.stop(now))
        on(Empty, sawyer.SUPER_RESET, self._on_reset)
        for topic in SUPPRESSIONS:
            on(Empty, topic, self._suppression_of(topic))

    def _offer_switch(self, name: str, act: Callable[[bool], object]) -> None:
        self._offer(SetBool, name, lambda request: act(request.data))

    def _offer(self, kind: Any, name: str, act: Callable[[Any], object]) -> None:
        def answer(request: Any, response: Any) -> Any:
            if not self.active:
                raise ConfigError("the emulated robot is not active: activate it first")
            self._advance()
            act(request)
            self._publish_changes()
            response.success = True
            return response

        self.serve(kind, f"~/{name}", answer)

    def _suppression_of(self, topic: str) -> Callable[[Any, float], object]:
        return lambda _, now: self._robot.control.suppress(topic, now)

    def _on_command(self, msg: Any, now: float) -> None:
        self._robot.command(convert.command_from_msg(msg, self._robot.arm.names), now)

    def _on_enable(self, msg: Bool, now: float) -> None:
        if not self._robot.enable(msg.data, now):
            raise MessageError("the robot is stopped and is not enabled: reset it first")

    def _on_reset(self, _: Empty, now: float) -> None:
        if not self._robot.reset(now):
            raise MessageError("the button is pressed and the robot is not reset: release it")

    def _on_rate(self, rate: int) -> None:
        if rate == 0:
            raise MessageError("joint_state_publish_rate is 0: it is rejected; send 1 to 800")
        self._state_rate = float(min(rate, sawyer.MAX_STATE_RATE_HZ))
        self._timer.timer_period_ns = round(NANO / max(self._state_rate, STATUS_HZ))

    # time --------------------------------------------------------------------------------------
    def _now(self) -> float:
        return time.monotonic() - self._wall

    def _stamp(self) -> int:
        return self._start + round(self._steps * self._dt * NANO)

    def _advance(self) -> None:
        """Step the robot up to now."""
        due = int(self._now() / self._dt) - self._first
        late = due - self._steps - self._slipped - round(LATEST_S / self._dt)
        self._slipped += max(late, 0)
        while self._steps + self._slipped < due:
            t = (self._first + self._steps + self._slipped) * self._dt
            try:
                self._robot.step(t)
            except RobotError as error:
                self.reject(error, kind="divergences")
                self._robot.restart()
            self._steps += 1
            self._publish(t)
        self._publish_changes()

    def _is_due(self, what: str, rate: float) -> bool:
        now = self._steps * self._dt
        if now < self._next[what] - 1e-9:
            return False
        self._next[what] = max(self._next[what] + 1.0 / rate, now)
        return True

    def _publish(self, t: float) -> None:
        states = self._is_due("states", self._state_rate)
        status = self._is_due("status", STATUS_HZ)
        if self._muted:
            return
        robot, messages = self._robot, self._messages
        stamp = time_msg(self._stamp())
        if states:
            self._states.publish(convert.joint_state_msg(robot.reading(), stamp))
            self.diagnostics.tick("joint_states")
        if status:
            self._assembly.publish(convert.assembly_msg(robot.assembly, messages))
            self._gravity.publish(convert.gravity_msg(robot, t, stamp, messages))
            self._collision.publish(convert.collision_msg(robot.colliding(t), stamp, messages))
            self._endpoint.publish(convert.endpoint_msg(robot, stamp, messages))
        if self._is_due("cuff", CUFF_HZ) or robot.cuff != self._published_cuff:
            self._cuff.publish(convert.cuff_msg(robot.cuff, stamp, messages))
            self._published_cuff = robot.cuff

    def _publish_changes(self) -> None:
        mode = self._robot.doing(self._now())
        if mode != self._published_mode:
            self._published_mode = mode
            self._mode.publish(String(data=mode))
        if self._robot.firings != self._fired:
            self._fired = self._robot.firings
            self._delay.publish(Float64(data=self._robot.last_delay))


def main() -> int:
    """Run the node."""
    return run(lambda: SawyerEmulator("sawyer_emulator"))
