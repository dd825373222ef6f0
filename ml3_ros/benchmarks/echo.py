# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The least that answers a joint state: a bare rclpy node that sends its efforts back."""

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import JointState

DEPTH = 100


def main() -> None:
    """Answer until SIGINT or SIGTERM."""
    rclpy.init()
    node = Node("echo")
    commands = node.create_publisher(JointState, "joint_command", DEPTH)

    def answer(msg: JointState) -> None:
        commands.publish(JointState(header=msg.header, name=msg.name, effort=msg.effort))

    node.create_subscription(JointState, "joint_states", answer, DEPTH)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        node.destroy_node()


if __name__ == "__main__":
    main()
