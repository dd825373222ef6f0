# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sawyer driver: a real robot behind the topics of `sim_arm`, torques in, joint states out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.lifecycle import LifecyclePublisher
from sensor_msgs.msg import JointState
from std_msgs.msg import Empty, String
from std_srvs.srv import SetBool, Trigger

from ml3_ros.errors import ConfigError
from ml3_ros.nodes.kit.diagnostics import ERRORS, steady_timer
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_1, RELIABLE_10, RELIABLE_5000
from ml3_ros.nodes.kit.safety_log import log_violations
from ml3_ros.nodes.messages.joint_states import (
    JointSample,
    effort_from_msg,
    nanoseconds,
    sample_to_msg,
)
from ml3_ros.nodes.messages.poses import pose_of, pose_to_msg
from ml3_ros.nodes.messages.thinning import Thinning
from ml3_ros.nodes.sawyer_driver.parameters import SawyerDriverParameters
from ml3_ros.nodes.sawyer_driver.robot import SawyerRobot
from ml3_ros.robots.control.safety import SafetyStage
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer import interface as sawyer
from ml3_ros.robots.sawyer.driving import SawyerDriving
from ml3_ros.robots.sawyer.driving_config import Send, State

REQUEST_S = 5.0  # the robot follows a request within this, or the request has failed
REQUEST_EVERY_S = 0.05
SUPPRESS_EVERY_S = sawyer.SUPPRESS_WINDOW_S / 4
REMIND_EVERY_S = 1.0
EXIT_REPEATS, EXIT_EVERY_S = 100, 0.002


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request to the robot, published again until it is done or `until` [s] has passed."""

    name: str
    publish: Callable[[], None]
    done: Callable[[], bool]
    then: Callable[[], None] = lambda: None
    until: float = field(default_factory=lambda: time.monotonic() + REQUEST_S)


class SawyerDriver(Ml3Node[SawyerDriverParameters]):
    """Converts and forwards; `SawyerDriving` decides what may be sent, and when.

    Nothing moves before an operator calls `~/enable`. `~/stop` works in every state of the node.
    """

    # made by `load`
    _names: tuple[str, ...]
    _base: str  # frame
    _model: PinocchioModel
    _driving: SawyerDriving
    _robot: SawyerRobot
    _request: Request | None  # that the robot has not followed yet
    _states: LifecyclePublisher[JointState]
    _poses: LifecyclePublisher[PoseStamped]
    _state: LifecyclePublisher[String]
    # set by `start`
    _cycled: float  # monotonic time of the newest control cycle [s]
    _missed: int  # cycles
    _thinning: Thinning  # of joint states
    _published_state: str

    def __init__(self, name: str, **node_arguments: Any) -> None:
        """Offer the stop, which needs no configuration."""
        super().__init__(name, **node_arguments)
        self._stop = self.create_publisher(Empty, sawyer.SUPER_STOP, RELIABLE_1)
        self.create_service(Trigger, "~/stop", self.answering(Trigger, self._on_stop))
        self._stop_until = 0.0
        steady_timer(self, REQUEST_EVERY_S, self.guarded(self._repeat_stop, ERRORS))

    def load(self) -> None:
        """Find the robot's messages and connect."""
        p = self.parameters
        description = load_robot(p.robot)
        self._names, self._base = description.names, description.base
        self._model = PinocchioModel(description)
        safety = SafetyStage(self._model, p.safety(), rate=p.rate)
        home = np.array(p.home or description.home)
        self._driving = SawyerDriving(self._model, safety, home, p.driving())
        self._robot = SawyerRobot(self, description, self._driving.reports, self._on_joints)
        self._request = None
        self._states = self.publisher(JointState, "joint_states", RELIABLE_5000)
        self._poses = self.publisher(PoseStamped, "hand_pose", RELIABLE_5000)
        self._state = self.publisher(String, "~/state", LATCHED_1)
        self.diagnostics.expect("robot/joint_states")
        self.subscribe(JointState, "joint_command", self._on_command, RELIABLE_10, exclusive=True)
        self.serve(SetBool, "~/enable", self._on_enable)
        self.serve(Trigger, "~/reset", self._on_reset)
        self.serve(Trigger, "reset_arm", self._on_home)
        self.every(1.0 / p.rate, self._on_time)
        self.every(REQUEST_EVERY_S, self._publish_request)
        self.every(SUPPRESS_EVERY_S, self._suppress)
        self.every(REMIND_EVERY_S, self._robot.remind)

    def start(self) -> None:
        """Send rate and timeout to the robot; read its state. No motion."""
        self._cycled, self._missed, self._thinning = time.monotonic(), 0, Thinning()
        self._published_state = ""
        self._robot.remind()

    def stop(self) -> None:
        """Leave the arm in position hold, with the rates that it had before."""
        hold = self._driving.leave()
        for _ in range(EXIT_REPEATS):
            self._robot.restore()
            if hold is not None:
                self._robot.command(Send(position=hold))
            time.sleep(EXIT_EVERY_S)
        self._driving.disarm()

    def retune(self) -> None:
        """Use the new deadlines and thresholds; none of them changes a torque."""
        self._driving.config = self.parameters.driving()
        if self.active:
            self._robot.remind()

    def fault(self) -> str:
        """Return why an operator is needed: a fault of the driver, or one of the robot."""
        if not self.active:
            return ""
        if self._driving.state is State.FAULT:
            return self._driving.reason
        return self._driving.reports.view.fault() or ""

    def diagnostic_values(self) -> dict[str, object]:
        """Return what the driver does, and the ages of its newest messages."""
        if not self.active:
            return {}
        now, driving = time.monotonic(), self._driving
        return {
            "driver": driving.state.value,
            "reason": driving.reason,
            "enabled by an operator": driving.armed,
            "command age [s]": driving.command_age,
            "state age [s]": driving.reports.age(now),
            "gravity from": driving.reports.added_by_robot(now)[1],
            "limits checked": self._robot.limits_known,
            "calibrated origins": self._robot.calibration,
            "missed cycles": self._missed,
        }

    # topics -----------------------------------------------------------------------------------
    def _on_joints(self, sample: JointSample) -> None:
        if not self._thinning.picks(sample.stamp, self.parameters.publish_rate):
            return
        pose = pose_of(self._model.forward_kinematics(sample.q))
        self._poses.publish(pose_to_msg(pose, sample.stamp, self._base))
        self._states.publish(sample_to_msg(sample, self._names, self._base))
        self.diagnostics.tick("joint_states")

    def _on_command(self, msg: JointState) -> None:
        tau = effort_from_msg(msg, self._names)
        self._driving.on_command(nanoseconds(msg.header.stamp), tau, time.monotonic())
        self.diagnostics.tick("joint_command")

    # services ----------------------------------------------------------------------------------
    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._reject_if_inactive()
        if not request.data:
            self._driving.disarm()
        elif not self._robot.limits_known:
            raise ConfigError(
                "the robot has not published its joint_limits, or they are not the model's: check "
                "the bridge and the parameter `robot`"
            )
        else:
            self._driving.arm()
        on, driving = request.data, self._driving
        self._begin_request(
            Request(
                name="enable" if on else "disable",
                # an arm that moves is stopped before its motors go off
                publish=lambda: None if driving.driving else self._robot.enable(on),
                done=lambda: driving.reports.view.enabled == on,
            )
        )
        response.success, response.message = True, f"requested; follow {self._state.topic_name}"
        return response

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._reject_if_inactive()
        view = self._driving.reports.view
        if view.estop_button == sawyer.EstopButton.PRESSED or view.fault() is None:
            self._driving.reset()  # which rejects a button that is pressed
        else:
            self._begin_request(
                Request(
                    name="reset",
                    publish=self._robot.reset,
                    done=lambda: self._driving.reports.view.fault() is None,
                    then=self._driving.reset,
                )
            )
        response.success, response.message = True, f"requested; follow {self._state.topic_name}"
        return response

    def _on_home(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Answer yes once the arm is at home; the first call sends it there."""
        self._reject_if_inactive()
        response.success = self._driving.resting_at_home()
        if not response.success:
            if not self._driving.homing:
                self._driving.go_home(time.monotonic())
            response.message = "the arm is on its way home: call again"
        return response

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._stop_until = time.monotonic() + REQUEST_S
        self._repeat_stop()
        response.success = True
        return response

    def _repeat_stop(self) -> None:
        """Repeat the stop until the robot reports that it has stopped."""
        if time.monotonic() < self._stop_until:
            self._stop.publish(Empty())
            if self.active and self._driving.reports.view.stopped:
                self._stop_until = 0.0

    def _reject_if_inactive(self) -> None:
        if not self.active:
            raise ConfigError("the driver is not active: activate it first")

    def _begin_request(self, request: Request) -> None:
        """Publish a request periodically until the robot has followed; it replaces the last."""
        self._request = request
        self._publish_request()

    def _publish_request(self) -> None:
        request, self._request = self._request, None
        if request is None:
            return
        if request.done():
            request.then()
        elif time.monotonic() < request.until:
            request.publish()
            self._request = request
        else:
            self._driving.disarm()
            self.get_logger().error(
                f"the robot did not {request.name} within {REQUEST_S:g} s: look at its lights"
            )

    # time --------------------------------------------------------------------------------------
    def _on_time(self) -> None:
        now = time.monotonic()
        self._missed += max(round((now - self._cycled) * self.parameters.rate) - 1, 0)
        self._cycled = now
        before = self._driving.last
        send = self._driving.cycle(now)
        if send is not None:
            self._robot.command(send)
        if self._driving.last is not before and self._driving.last is not None:
            log_violations(self, self._driving.last)
        self._publish_state()

    def _publish_state(self) -> None:
        state = self._driving.state.value
        if state == self._published_state:
            return
        self._published_state = state
        self._state.publish(String(data=state))
        self.get_logger().info(state)
        self.diagnostics.log_fault()

    def _suppress(self) -> None:
        if self._driving.armed:
            self._robot.suppress()


def main() -> int:
    """Run the node."""
    return run(lambda: SawyerDriver("sawyer_driver"))
