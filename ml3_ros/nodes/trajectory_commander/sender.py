# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Senders of trajectories: on a controller's topic, or as goals of its action."""

from __future__ import annotations

from typing import Any

from rclpy.action import ActionClient
from trajectory_msgs.msg import JointTrajectory

from ml3_ros.errors import ConfigError
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.one_master.senders import reject_other_publishers
from ml3_ros.nodes.kit.qos import RELIABLE_10
from ml3_ros.nodes.messages.trajectories import follow_type
from ml3_ros.nodes.trajectory_commander.parameters import TrajectoryCommanderParameters

Commander = Ml3Node[TrajectoryCommanderParameters]


class TopicSender:
    """Publishes trajectories; the newest one counts."""

    def __init__(self, node: Commander) -> None:
        """Connect."""
        topic = f"{node.parameters.controller_name}/joint_trajectory"
        self._node = node
        self._publisher = node.publisher(JointTrajectory, topic, RELIABLE_10)

    def reject_unless_ready(self) -> None:
        """Raise a ConfigError where nobody follows, or somebody else may lead the arm."""
        topic = self._publisher.topic_name
        if self._publisher.get_subscription_count() == 0:
            raise ConfigError(
                f"nobody reads {topic}: load and activate the joint_trajectory_controller, or "
                "name it by the parameter controller"
            )
        reject_other_publishers(self._node, topic)

    def send(self, msg: JointTrajectory) -> None:
        """Publish a trajectory."""
        self._publisher.publish(msg)

    def destroy(self) -> None:
        """Do nothing: the publisher ends with the node's other connections."""


class ActionSender:
    """Sends trajectories as goals; each takes the place of the last one."""

    def __init__(self, node: Commander) -> None:
        """Connect.

        Raises:
            ConfigError: The action's type is not installed.
        """
        p = node.parameters
        self._node, self._kind = node, follow_type(p.message_package)
        self._name = f"{p.controller_name}/follow_joint_trajectory"
        self._client: Any = ActionClient(node, self._kind, self._name)
        self._rejected = ""

    def reject_unless_ready(self) -> None:
        """Raise a ConfigError where nobody follows, or a goal was rejected."""
        if not self._client.server_is_ready():
            raise ConfigError(
                f"there is no action {self._name}: load and activate the "
                "joint_trajectory_controller, or name it by the parameter controller"
            )
        rejected, self._rejected = self._rejected, ""
        if rejected:
            raise ConfigError(rejected)

    def send(self, msg: JointTrajectory) -> None:
        """Send a goal."""
        future = self._client.send_goal_async(self._kind.Goal(trajectory=msg))
        future.add_done_callback(self._on_answer)

    def _on_answer(self, future: Any) -> None:
        goal = future.result()
        if goal is None or not goal.accepted:
            self._rejected = f"{self._name} has rejected a goal: look at the controller's log"

    def destroy(self) -> None:
        """Disconnect."""
        self._client.destroy()
