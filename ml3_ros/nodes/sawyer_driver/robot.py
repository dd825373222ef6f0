# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Connection of the driver to a Sawyer: the robot's topics, in both directions."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Empty, Float64, String, UInt16

from ml3_ros.errors import RobotError
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_1, SENSOR_1
from ml3_ros.nodes.messages import sawyer_client as convert
from ml3_ros.nodes.messages.joint_states import JointSample, PartialMessageError
from ml3_ros.nodes.sawyer_driver.parameters import SawyerDriverParameters
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.sawyer import interface as sawyer
from ml3_ros.robots.sawyer.calibration import joint_origins, largest_difference
from ml3_ros.robots.sawyer.driving_config import Send
from ml3_ros.robots.sawyer.reports import SawyerReports
from ml3_ros.robots.sawyer.urdf import nominal_urdf
from ml3_ros.robots.urdf import urdf_text


class SawyerRobot:
    """Publishes requests and commands, and collects what the robot reports in `SawyerReports`.

    `limits_known` is true once the robot has reported limits that are the model's; `calibration`
    says how far the robot's description of itself is from the model.
    """

    def __init__(
        self,
        node: Ml3Node[SawyerDriverParameters],
        description: RobotDescription,
        reports: SawyerReports,
        on_joints: Callable[[JointSample], None],
    ) -> None:
        """Connect.

        Args:
            node: Owns parameters, publishers and subscriptions.
            description: The arm as modelled.
            reports: Is filled with what the robot reports.
            on_joints: Called with every state of the arm.

        Raises:
            ConfigError: The robot's messages are not installed.
        """
        self._node, self._description, self._reports = node, description, reports
        self._forward = on_joints
        self._names = description.names
        self._messages = sawyer.message_types(self._p.message_package)
        self._origins = joint_origins(nominal_urdf(description))
        self._own = urdf_text(description)
        self.limits_known = False
        self.calibration = "not known yet"
        m, publisher = self._messages, self._node.publisher
        self._commands = publisher(m.JointCommand, sawyer.JOINT_COMMAND, RELIABLE_1)
        self._timeout = publisher(Float64, sawyer.COMMAND_TIMEOUT, RELIABLE_1)
        self._speed = publisher(Float64, sawyer.SPEED_RATIO, RELIABLE_1)
        self._rate = publisher(UInt16, sawyer.STATE_RATE, RELIABLE_1)
        self._enable = publisher(Bool, sawyer.SUPER_ENABLE, RELIABLE_1)
        self._reset = publisher(Empty, sawyer.SUPER_RESET, RELIABLE_1)
        self._suppressors = [publisher(Empty, topic, RELIABLE_1) for topic in self._p.suppressed()]
        self._subscribe_all()

    @property
    def _p(self) -> SawyerDriverParameters:
        return self._node.parameters

    def _subscribe_all(self) -> None:
        m, subscribe = self._messages, self._node.subscribe
        subscribe(JointState, sawyer.JOINT_STATES, self._on_joints, SENSOR_1)
        subscribe(m.SEAJointState, sawyer.GRAVITY_TORQUES, self._on_gravity, SENSOR_1)
        subscribe(m.RobotAssemblyState, sawyer.ROBOT_STATE, self._on_robot, SENSOR_1)
        subscribe(m.CollisionDetectionState, sawyer.COLLISION_STATE, self._on_collision, SENSOR_1)
        subscribe(m.IODeviceStatus, sawyer.CUFF_STATE, self._on_cuff, SENSOR_1)
        # A bridge publishes them once, latched, or periodically. If once, they come between
        # configuration and activation.
        subscribe(m.JointLimits, sawyer.JOINT_LIMITS, self._on_limits, LATCHED_1, always=True)
        on_description = self._on_description
        subscribe(String, sawyer.ROBOT_DESCRIPTION, on_description, LATCHED_1, always=True)

    # to the robot ------------------------------------------------------------------------------
    def command(self, send: Send) -> None:
        """Send torque or position."""
        stamp = self._node.get_clock().now().to_msg()
        self._commands.publish(convert.command_msg(send, self._names, stamp, self._messages))
        self._node.diagnostics.tick("robot/joint_command")

    def remind(self) -> None:
        """Publish rates and timeout; call it periodically, as a bridge may lose messages."""
        self._rate.publish(UInt16(data=self._p.state_rate))
        self._timeout.publish(Float64(data=self._p.robot_timeout))
        self._speed.publish(Float64(data=self._p.speed_ratio))

    def restore(self) -> None:
        """Publish the rate and the timeout that are the robot's defaults."""
        self._rate.publish(UInt16(data=sawyer.DEFAULT_STATE_RATE_HZ))
        self._timeout.publish(Float64(data=sawyer.DEFAULT_COMMAND_TIMEOUT_S))

    def enable(self, on: bool) -> None:
        """Request motors on or off."""
        self._enable.publish(Bool(data=on))

    def reset(self) -> None:
        """Request that stop and error are cleared."""
        self._reset.publish(Empty())

    def suppress(self) -> None:
        """Suppress what the parameters name, for a moment."""
        for publisher in self._suppressors:
            publisher.publish(Empty())

    # from the robot ----------------------------------------------------------------------------
    def _on_joints(self, msg: JointState) -> None:
        try:
            sample = convert.joints_from_msg(msg, self._names, self._p.velocity_dead_band)
        except PartialMessageError:
            self._node.diagnostics.counts["messages of other joints"] += 1  # as of a gripper
            return
        self._reports.on_joints(sample.stamp, sample.q, sample.v, time.monotonic())
        self._node.diagnostics.tick("robot/joint_states")
        self._forward(sample)

    def _on_gravity(self, msg: Any) -> None:
        field, limits = self._p.gravity_field, self._description.limits
        tau = convert.gravity_from_msg(msg, self._names, field, limits)
        if tau is not None:
            self._reports.on_gravity(tau, time.monotonic())

    def _on_robot(self, msg: Any) -> None:
        self._reports.on_robot(convert.view_from_msg(msg), time.monotonic())

    def _on_collision(self, msg: Any) -> None:
        self._reports.collision = bool(msg.collision_state)

    def _on_cuff(self, msg: Any) -> None:
        self._reports.cuff = convert.cuff_from_msg(msg)

    def _on_limits(self, msg: Any) -> None:
        self.limits_known = False
        convert.check_limits(msg, self._names, self._description.limits)
        self.limits_known = True

    def _on_description(self, msg: String) -> None:
        if msg.data == self._own:  # of whoever publishes the frames of the arm as modelled
            return
        origins = joint_origins(msg.data)
        missing = [name for name in self._names if name not in origins]
        if missing:
            raise RobotError(
                f"the robot's description has no {', '.join(missing)}: it is of another robot"
            )
        arm = {name: origins[name] for name in self._names}
        distance, angle = largest_difference(arm, self._origins)
        self.calibration = f"within {1e3 * distance:.2f} mm and {angle:.4f} rad of the model's"
        if distance > self._p.calibration_distance or angle > self._p.calibration_angle:
            self._node.get_logger().warning(
                f"the robot's origins are {self.calibration}: give its own URDF as `robot`"
            )
