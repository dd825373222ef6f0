# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Effort bridge: commands any arm's torques through ros2_control; torques in, joint states out.

It is there where a driver offers a controller of efforts, and takes the place of `sim_arm`.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from rclpy.lifecycle import LifecyclePublisher
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String
from std_srvs.srv import SetBool, Trigger

from ml3_ros.errors import ConfigError
from ml3_ros.nodes.effort_bridge.awaited import AwaitedAnswer
from ml3_ros.nodes.effort_bridge.parameters import EffortBridgeParameters
from ml3_ros.nodes.effort_bridge.switch import ControllerSwitch
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.one_master.senders import reject_other_publishers
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_1, RELIABLE_5000, SENSOR_1
from ml3_ros.nodes.kit.safety_log import log_violations
from ml3_ros.nodes.messages.joint_states import (
    JointSample,
    PartialMessageError,
    effort_from_msg,
    nanoseconds,
    sample_from_msg,
    sample_to_msg,
)
from ml3_ros.nodes.messages.thinning import Thinning
from ml3_ros.robots.base import Array
from ml3_ros.robots.control.safety import SafetyStage
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.ros2_control.driving_config import State
from ml3_ros.robots.ros2_control.effort_driving import EffortDriving
from ml3_ros.robots.ros2_control.presets import order_of

WATCH_EVERY_S = 0.25  # others that send efforts are looked for
EXIT_REPEATS, EXIT_EVERY_S = 50, 0.002


class EffortBridge(Ml3Node[EffortBridgeParameters]):
    """Converts and forwards; `EffortDriving` decides what may be sent, and when.

    Nothing is sent before an operator calls `~/enable`, unless the node begins `enabled`.
    """

    # made by `load`
    _names: tuple[str, ...]
    _base: str  # frame
    _order: list[int]  # of the controller's joints among the model's
    _model: PinocchioModel
    _driving: EffortDriving
    _switch: ControllerSwitch
    _efforts: LifecyclePublisher[Float64MultiArray]
    _states: LifecyclePublisher[JointState]
    _state: LifecyclePublisher[String]
    # set by `start`
    _thinning: Thinning  # of joint states
    _awaited: AwaitedAnswer
    _published_state: str

    def load(self) -> None:
        """Read the arm's description and connect."""
        p = self.parameters
        description = load_robot(p.robot)
        self._names, self._base = description.names, description.base
        self._order = order_of(p.joints or self._names, self._names)
        self._model = PinocchioModel(description)
        safety = SafetyStage(self._model, p.safety(), rate=p.rate)
        self._driving = EffortDriving(self._model, safety, p.driving(), rate=p.rate)
        topic = f"{p.controller_name}/commands"
        self._efforts = self.publisher(Float64MultiArray, topic, RELIABLE_1)
        self._states = self.publisher(JointState, "~/joint_states", RELIABLE_5000)
        self._state = self.publisher(String, "~/state", LATCHED_1)
        self._switch = ControllerSwitch(self)
        self.diagnostics.expect("driver/joint_states")
        self.subscribe(JointState, p.states, self._on_joints, SENSOR_1)
        self.subscribe(JointState, "joint_command", self._on_command, RELIABLE_1, exclusive=True)
        self.serve(SetBool, "~/enable", self._on_enable)
        self.serve(Trigger, "~/reset", self._on_reset)
        self.serve(Trigger, "~/stop", self._on_stop)
        self.every(1.0 / p.rate, self._on_time)
        self.every(WATCH_EVERY_S, self._watch)

    def start(self) -> None:
        """Wait for joint states; no motion."""
        self._thinning, self._published_state = Thinning(), ""
        self._awaited = AwaitedAnswer(self.parameters.patience)
        if self.parameters.enabled:
            self._enable()

    def stop(self) -> None:
        """Let the arm go: the holding controller takes over, zeros are sent, then nothing."""
        self._driving.disarm()
        self._switch.torques(False)  # first: zeros alone may let the arm sink
        if not self._driving.silent:
            for _ in range(EXIT_REPEATS):
                self._send(np.zeros(len(self._names)))
                time.sleep(EXIT_EVERY_S)

    def retune(self) -> None:
        """Use the new deadlines; none of them changes a torque."""
        self._driving.config = self.parameters.driving()

    def fault(self) -> str:
        """Return why an operator is needed."""
        faulty = self.active and self._driving.state is State.FAULT
        return self._driving.reason if faulty else ""

    def diagnostic_values(self) -> dict[str, object]:
        """Return what the bridge does."""
        if not self.active:
            return {}
        driving, p = self._driving, self.parameters
        return {
            "bridge": driving.state.value,
            "reason": driving.reason,
            "enabled by an operator": driving.armed,
            "state age [s]": driving.age(time.monotonic()),
            "gravity": p.gravity_from,
            "efforts in joint_states": "commanded" if p.commanded else "the driver's",
            "controller": p.controller_name,
        }

    # topics -----------------------------------------------------------------------------------
    def _on_joints(self, msg: JointState) -> None:
        try:
            sample = sample_from_msg(msg, self._names)
        except PartialMessageError:
            self.diagnostics.counts["messages of other joints"] += 1  # as of a gripper
            return
        self.diagnostics.tick("driver/joint_states")
        self._driving.on_state(sample.stamp, sample.q, sample.v, time.monotonic())
        if not self._thinning.picks(sample.stamp, self.parameters.publish_rate):
            return
        if self.parameters.commanded:
            sample = replace(sample, tau=self._torque(sample))
        self._states.publish(sample_to_msg(sample, self._names, self._base))
        self._awaited.ask(sample.stamp, time.monotonic())
        self.diagnostics.tick("joint_states")

    def _torque(self, sample: JointSample) -> Array:
        """Return what the motors give by what is commanded, gravity included [N m], (n,)."""
        driving = self._driving
        if driving.config.gravity == "included" and not driving.silent:
            return driving.effort
        return driving.effort + self._model.nle(sample.q, np.zeros_like(sample.v))

    def _on_command(self, msg: JointState) -> None:
        tau, stamp = effort_from_msg(msg, self._names), nanoseconds(msg.header.stamp)
        now = time.monotonic()
        self._driving.on_command(stamp, tau, now)
        self._awaited.answer(stamp, now)
        self.diagnostics.tick("joint_command")

    def _send(self, effort: Array) -> None:
        self._efforts.publish(Float64MultiArray(data=effort[self._order].tolist()))
        self.diagnostics.tick("efforts")

    # services ----------------------------------------------------------------------------------
    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._reject_if_inactive()
        if request.data:
            self._enable()
        else:
            self._disable()
        response.success, response.message = True, f"requested; follow {self._state.topic_name}"
        return response

    def _enable(self) -> None:
        reject_other_publishers(self, self._efforts.topic_name)
        self._switch.check()
        if self._driving.state is State.FAULT:
            self._driving.arm()  # which names the cure
        self._switch.torques(True, self._driving.arm)

    def _disable(self) -> None:
        """Let an active arm come to rest; an enabling that is under way is taken back."""
        self._driving.disarm()
        if self._switch.turning_on:
            self._switch.torques(False)

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._reject_if_inactive()
        self._driving.reset()
        response.success, response.message = True, "reset; enable the bridge to go on"
        return response

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._reject_if_inactive()
        self._driving.fail("an operator stopped the arm")
        if self._switch.turning_on:
            self._switch.torques(False)
        response.success = True
        return response

    def _reject_if_inactive(self) -> None:
        if not self.active:
            raise ConfigError("the bridge is not active: activate it first")

    # time --------------------------------------------------------------------------------------
    def _on_time(self) -> None:
        now = time.monotonic()
        if self._driving.state is State.ACTIVE and self._awaited.due(now):
            return  # the robot waits, too
        before = self._driving.last
        effort = self._driving.cycle(now)
        if effort is not None:
            self._send(effort)
        elif not self._driving.armed and not self._switch.turning_on:
            self._switch.torques(False)
        if self._driving.last is not before and self._driving.last is not None:
            log_violations(self, self._driving.last)
        state = self._driving.state.value
        if state != self._published_state:
            self._published_state = state
            self._state.publish(String(data=state))
            self.get_logger().info(state)
            self.diagnostics.log_fault()

    def _watch(self) -> None:
        if self._driving.silent:
            return
        try:
            reject_other_publishers(self, self._efforts.topic_name)
        except ConfigError as error:
            self._driving.fail(str(error))


def main() -> int:
    """Run the node."""
    return run(lambda: EffortBridge("effort_bridge"))
