# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Topics of the emulated joint_trajectory_controller, and the switch of controllers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trajectory_msgs.msg import JointTrajectory

from ml3_ros.errors import ConfigError, MessageError
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.qos import RELIABLE_10
from ml3_ros.nodes.messages.joint_states import NANO, nanoseconds
from ml3_ros.nodes.messages.ros2_control import switch_controller_type
from ml3_ros.nodes.messages.trajectories import points_from_msg
from ml3_ros.nodes.ros2_control_emulator.parameters import Ros2ControlEmulatorParameters
from ml3_ros.robots.ros2_control.emulation import ControlledArm
from ml3_ros.robots.ros2_control.trajectory_controller import TrajectoryControl

Emulator = Ml3Node[Ros2ControlEmulatorParameters]


class TrajectoryTopics:
    """Hands trajectories, of the topic or as goals of the action, to the controller.

    Attributes:
        name: Of the controller.
        joints: Of the arm.
    """

    def __init__(
        self,
        node: Emulator,
        robot: ControlledArm,
        controller: TrajectoryControl,
        now: Callable[[], float],
    ) -> None:
        """Subscribe; `now` is the time of the controllers [s]."""
        self.name, self.joints = node.parameters.trajectory_name, robot.names
        self._node, self._robot, self._controller, self._now = node, robot, controller, now
        topic = f"{self.name}/joint_trajectory"
        node.subscribe(JointTrajectory, topic, self.follow, RELIABLE_10)

    def reject_if_inactive(self) -> None:
        """Raise a MessageError where the controller does not move the arm."""
        if not self._node.active or self._robot.active != self.name:
            raise MessageError(f"{self.name} is not active: switch controllers first")

    def follow(self, msg: JointTrajectory) -> None:
        """Follow a trajectory from its stamp on.

        Raises:
            MessageError: It is not possible, or the controller is not active.
        """
        self.reject_if_inactive()
        points = points_from_msg(msg, self.joints)
        stamp = nanoseconds(msg.header.stamp)
        late = (self._node.get_clock().now().nanoseconds - stamp) / NANO if stamp else 0.0
        if late > points.t[-1]:
            raise MessageError("a trajectory has ended before it came: stamp it later, or not")
        self._controller.follow(points, self._now() - late)
        self._node.diagnostics.tick("trajectories")

    def hold(self) -> None:
        """Hold the arm where it is."""
        self._controller.hold(self._robot.arm.state().q)

    def done(self) -> bool:
        """Return whether the newest trajectory has ended."""
        return self._controller.done(self._now())


def offer_switch(node: Emulator, robot: ControlledArm, now: Callable[[], float]) -> None:
    """Offer the service that switches controllers, where its type is installed."""
    try:
        kind = switch_controller_type(node.parameters.switch_package)
    except ConfigError:
        return

    def answer(request: Any, response: Any) -> Any:
        active = robot.active
        if active in request.deactivate_controllers:
            active = ""
        for name in request.activate_controllers:
            if active:
                response.message = f"{active} moves the arm: deactivate it in the same request"
                return response
            active = name
        robot.switch(active, now())
        response.ok = True
        return response

    node.serve(kind, "controller_manager/switch_controller", answer)
