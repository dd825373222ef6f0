# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Operator's commands to the driver of a real arm, where there is no `ros2` command."""

from __future__ import annotations

from typing import Any

import rclpy
from rclpy.client import Client
from std_srvs.srv import SetBool, Trigger

from ml3_ros.bringup.ros_session import ros_session
from ml3_ros.errors import ConfigError

FOUND_WITHIN_S = 5.0
ANSWERED_WITHIN_S = 5.0

# command: (service of the driver, request)
REQUESTS: dict[str, tuple[str, type, Any]] = {
    "enable": ("{driver}/enable", SetBool, SetBool.Request(data=True)),
    "disable": ("{driver}/enable", SetBool, SetBool.Request(data=False)),
    "reset": ("{driver}/reset", Trigger, Trigger.Request()),
    "stop": ("{driver}/stop", Trigger, Trigger.Request()),
    "home": ("reset_arm", Trigger, Trigger.Request()),
}


def call_driver(command: str, driver: str) -> str:
    """Call the service of the node `driver` for a command of REQUESTS; return its answer.

    Raises:
        ConfigError: There is no such driver, it does not answer, or it rejects the command.
    """
    template, kind, request = REQUESTS[command]
    with ros_session():
        node = rclpy.create_node("ml3_operator")
        try:
            client: Client[Any, Any] = node.create_client(kind, template.format(driver=driver))
            if not client.wait_for_service(FOUND_WITHIN_S):
                raise ConfigError(
                    f"there is no service {client.srv_name} in this ROS domain: does the driver "
                    "run? Compare ROS_DOMAIN_ID there and here; the red button works always"
                )
            future = client.call_async(request)
            rclpy.spin_until_future_complete(node, future, timeout_sec=ANSWERED_WITHIN_S)
            answer = future.result()
            if answer is None:
                raise ConfigError(
                    f"{client.srv_name} does not answer: press the red button if the arm moves, "
                    "then look at the driver's output"
                )
            if not answer.success:
                raise ConfigError(answer.message)
            return answer.message or "done"
        finally:
            node.destroy_node()
