# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulated arm behind the topics of a real one: joint torques in, joint states out."""

from __future__ import annotations

import sys
import time

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.lifecycle import LifecyclePublisher
from rclpy.timer import Timer
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.parameters.sim_arm import SimArmParameters
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import RELIABLE_1, RELIABLE_10, RELIABLE_5000
from ml3_ros.nodes.kit.safety_log import log_violations
from ml3_ros.nodes.kit.simulated_touch import SimulatedTouch
from ml3_ros.nodes.messages.joint_states import (
    NANO,
    JointSample,
    effort_from_msg,
    nanoseconds,
    sample_to_msg,
    time_msg,
)
from ml3_ros.nodes.messages.poses import pose_of, pose_to_msg
from ml3_ros.robots.control.safety import SafetyStage
from ml3_ros.robots.control.safety_config import SafetyStop
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.pushes import Handling
from ml3_ros.robots.registry import load_robot

SLIP_STEPS = 10  # a simulation that is later than this lets the robot's time slip instead
# Of the arm that holds itself: torque -HOLD_DAMPING * M v [1/s]. With all of M, and not only its
# diagonal, that is what every motion loses, also that of light wrists at a low rate.
HOLD_DAMPING = 10.0


class SimArm(Ml3Node[SimArmParameters]):
    """Steps MuJoCo in real time; its stamps are start + n * dt, exactly.

    Without a fresh command the arm holds itself: gravity compensation and damping from its own
    model. The newest command is used for `command_timeout` of robot time. A controller that keeps
    answering gets up to `patience` for each answer, so that on a busy machine the robot's time
    slips and the motion stays the same. Every command passes a `SafetyStage`, as on a real arm.

    A command is stamped with the state that it answers. A stamp after the newest of these may
    also be of ROS time, as `now()` gives it: it answers no state, so nobody waits for the next.
    """

    # made by `load`
    _names: tuple[str, ...]
    _base: str  # frame
    _arm: MujocoArm
    _home: np.ndarray  # [rad], shape (n,)
    _dt: float  # of robot time [s]
    _nominal: MujocoArm  # the arm as described
    _safety: SafetyStage
    _starts: np.random.Generator  # of poses after reset_arm
    _payload: float  # at the start [kg]
    _states: LifecyclePublisher[JointState]
    _poses: LifecyclePublisher[PoseStamped]
    _touch: SimulatedTouch
    _time_topic: LifecyclePublisher[Clock] | None
    _timer: Timer
    # set by `start`
    _start: int  # of robot time [ns]
    _steps: int
    _slipped: int  # steps that robot time lags behind
    _wall: float  # monotonic time of the start [s]
    _published: float  # monotonic time of the newest joint state [s]
    _command: tuple[int, np.ndarray] | None  # stamp [ns] and torque [N m] of the newest one
    _answers: bool  # whether that command answers a joint state
    _holding: bool  # without a fresh command
    _handling: Handling

    def load(self) -> None:
        """Build the arm and connect it."""
        p = self.parameters
        description = load_robot(p.robot)
        self._names, self._base = description.names, description.base
        perturbation = p.perturbation(description)
        self._payload = perturbation.payload
        self._arm = MujocoArm(description, perturbation, seed=p.seed)
        self._home = np.array(p.home or description.home)
        self._arm.reset(self._home)
        self._dt = 1.0 / p.publish_rate
        self._start = self._steps = 0
        self._nominal = MujocoArm(description)
        self._safety = SafetyStage(self._nominal, p.safety(), rate=p.publish_rate)
        self._starts = np.random.default_rng((p.seed, 1))  # apart from the sensor noise
        self._states = self.publisher(JointState, "joint_states", RELIABLE_5000)
        self._poses = self.publisher(PoseStamped, "hand_pose", RELIABLE_5000)
        self._time_topic = self.publisher(Clock, "/clock", RELIABLE_1) if p.publish_clock else None
        self._touch = SimulatedTouch(self, self._names, self._base, description.tool)
        self.serve(Trigger, "reset_arm", self._on_reset)
        self.subscribe(JointState, "joint_command", self._on_command, RELIABLE_10, exclusive=True)
        self._timer = self.every(self._dt / p.real_time_factor, self._on_time)

    def start(self) -> None:
        """Start from home; robot time goes on from the present or from where it was."""
        self._handling = self.parameters.handling(len(self._names), self._payload)
        self._handling.apply(self._arm, 0.0)
        self._arm.reset(self._home)
        self._start = max(self.get_clock().now().nanoseconds, self._stamp() + 1)
        self._steps = self._slipped = 0
        self._wall = time.monotonic()
        self._safety.reset()
        self._let_go()
        self._publish()

    def _let_go(self) -> None:
        """Forget the newest command: the arm holds itself until the next."""
        self._command, self._answers = None, False
        self._holding = True
        self._safety.hold()

    def retune(self) -> None:
        """Let robot time go on at its new pace from where it is."""
        period = self._dt / self.parameters.real_time_factor
        self._timer.timer_period_ns = round(NANO * period)
        if self.active:
            self._wall = time.monotonic() - (self._steps + self._slipped) * period

    def fault(self) -> str:
        """Return why the arm takes no command until it is reset."""
        return f"the arm is stopped: {self._safety.stopped}" if self._safety.stopped else ""

    def diagnostic_values(self) -> dict[str, object]:
        """Return what drives the arm."""
        if not self.active:
            return {}
        driver = "itself (no fresh command)" if self._holding else "joint_command"
        if self._safety.stopped is not None:
            driver = f"itself (stopped: {self._safety.stopped})"
        return {
            "held by": driver,
            "slipped [s]": self._slipped * self._dt,
            "saturated joints": ", ".join(
                name
                for name, saturated in zip(self._names, self._arm.state().saturated, strict=True)
                if saturated
            ),
        }

    def _stamp(self) -> int:
        return self._start + round(self._steps * self._dt * NANO)

    def _on_time(self) -> None:
        now = time.monotonic()
        due = int((now - self._wall) * self.parameters.real_time_factor / self._dt)
        late = due - self._steps - self._slipped
        if late > SLIP_STEPS:
            self._slipped += late - SLIP_STEPS
        if late > 0 and not (
            self._answer_is_due() and now < self._published + self.parameters.patience
        ):
            self._step()

    def _answer_is_due(self) -> bool:
        """Return whether the controller of the arm has not answered the newest state yet."""
        if self._holding or self._command is None or not self._answers:
            return False
        return self._command[0] < self._stamp()

    def _step(self) -> None:
        try:
            self._handling.apply(self._arm, self._steps * self._dt)
            self._arm.step(self._torque(), self._dt)
        except RobotError as error:
            self.reject(error, kind="divergences")
            self._arm.reset(self._home)
            self._let_go()  # a command for another state
        self._steps += 1
        self._publish()

    def _torque(self) -> np.ndarray:
        state = self._arm.state()
        tau = self._commanded()
        self._holding = tau is None
        if tau is not None:
            if self.parameters.gravity_compensation:
                tau = tau + self._nominal.nle(state.q, np.zeros_like(state.v))
            try:
                command = self._safety.limit(tau, state.q, state.v)
            except SafetyStop as error:
                self._let_go()
                self.reject(error)
                self.diagnostics.log_fault()
            else:
                log_violations(self, command)
                return command.tau
        self._safety.hold()
        damping = HOLD_DAMPING * self._arm.M(state.q) @ state.v
        return self._arm.nle(state.q, state.v) - damping

    def _commanded(self) -> np.ndarray | None:
        """Return the newest command [N m], shape (n,), or None if it is stale."""
        if self._command is None:
            return None
        stamp, tau = self._command
        age = (self._stamp() - stamp) / NANO
        return tau if age <= self._safety.config.command_timeout else None

    def _publish(self) -> None:
        state = self._arm.state()
        sample = JointSample(stamp=self._stamp(), q=state.q, v=state.v, tau=state.tau)
        pose = pose_of(self._arm.forward_kinematics(state.q))
        if self._time_topic is not None:
            self._time_topic.publish(Clock(clock=time_msg(sample.stamp)))
        self._poses.publish(pose_to_msg(pose, sample.stamp, self._base))
        self._states.publish(sample_to_msg(sample, self._names, self._base))
        if self.parameters.handled:
            self._touch.publish(sample.stamp, self._arm.external_torque(), self._handling.payload)
        self._published = time.monotonic()
        self.diagnostics.tick("joint_states")

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if not self.active:
            raise ConfigError("the simulated arm is not active: activate it first")
        away = self.parameters.home_spread * self._starts.uniform(-1.0, 1.0, len(self._home))
        limits = self._arm.limits
        self._arm.reset(np.clip(self._home + away, limits.lower, limits.upper))
        self._safety.reset()
        self._let_go()
        response.success = True
        return response

    def _on_command(self, msg: JointState) -> None:
        stamp = nanoseconds(msg.header.stamp)
        robot = self._stamp()
        answers = stamp <= robot
        if not answers:  # of ROS time, which robot time may lag behind
            stamp += robot - self.get_clock().now().nanoseconds
        tau = self._safety.admit(effort_from_msg(msg, self._names), (robot - stamp) / NANO)
        self._command, self._answers = (stamp, tau), answers
        self._holding = False
        self.diagnostics.tick("joint_command")
        self._on_time()  # a late arm may have waited for this command


def main() -> int:
    """Run the node."""
    return run(lambda: SimArm("sim_arm"))


if __name__ == "__main__":
    sys.exit(main())
