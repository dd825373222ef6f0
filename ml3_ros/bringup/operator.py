"""What an operator says to the driver of a real arm, where there is no `ros2` command."""

from __future__ import annotations

from typing import Any

import rclpy
from std_srvs.srv import SetBool, Trigger

from ml3_ros.errors import ConfigError

FOUND_WITHIN_S = 5.0
ANSWERED_WITHIN_S = 5.0

# word: (service of the driver, request)
REQUESTS: dict[str, tuple[str, type, Any]] = {
    "enable": ("{driver}/enable", SetBool, SetBool.Request(data=True)),
    "disable": ("{driver}/enable", SetBool, SetBool.Request(data=False)),
    "reset": ("{driver}/reset", Trigger, Trigger.Request()),
    "stop": ("{driver}/stop", Trigger, Trigger.Request()),
    "home": ("reset_arm", Trigger, Trigger.Request()),
}


def ask_driver(word: str, driver: str) -> str:
    """Say `word` to the node `driver`; return its answer.

    Raises:
        ConfigError: There is no such driver, it does not answer, or it rejects.
    """
    template, kind, request = REQUESTS[word]
    with rclpy.init():
        node = rclpy.create_node("ml3_operator")
        try:
            client = node.create_client(kind, template.format(driver=driver))
            if not client.wait_for_service(FOUND_WITHIN_S):
                raise ConfigError(
                    f"there is no service {client.srv_name} in this ROS domain: does the driver "
                    "run? Compare ROS_DOMAIN_ID there and here; the red button works always"
                )
            answer = client.call_async(request)
            rclpy.spin_until_future_complete(node, answer, timeout_sec=ANSWERED_WITHIN_S)
            if not answer.done():
                raise ConfigError(
                    f"{client.srv_name} does not answer: press the red button if the arm moves, "
                    "then look at the driver's output"
                )
            if not answer.result().success:
                raise ConfigError(answer.result().message)
            return answer.result().message or "done"
        finally:
            node.destroy_node()
