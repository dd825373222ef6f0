# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Differences between versions of rclpy, from Jazzy (7.1) on: no other module knows them.

docs/ros_versions.md says what was run on which version.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rclpy.node import Node
from rclpy.parameter import Parameter

MessageInfo = Mapping[str, Any]  # rclpy names the type from Kilted on


def publisher_id(info: MessageInfo) -> bytes | None:
    """Return what identifies the publisher of a message, or None where it is not given.

    Kilted gives it from rclpy 9.1.1 on, Jazzy does not.
    """
    gid = info.get("publisher_gid")
    return None if gid is None else bytes(gid["data"])


def publication_number(info: MessageInfo) -> int | None:
    """Return which message of its publisher a message is, or None where it is not given.

    Fast DDS gives it, Cyclone DDS does not.
    """
    number: int | None = info.get("publication_sequence_number")
    return number


def taking_info(callback: Callable[..., None]) -> Callable[..., None]:
    """Return a subscription's callback that any executor may call.

    The events executor hands over a message and what is known of it as one tuple, up to Kilted's
    rclpy 9.1.2 at least; others do so as two arguments. rclpy looks at the signature, which stays.
    """

    @functools.wraps(callback)
    def call(*args: Any) -> None:
        both = len(args) == 1 and isinstance(args[0], tuple)
        callback(*(args[0] if both else args))

    return call


def given_parameters(node: Node, in_code: Sequence[Parameter[Any]]) -> list[str]:
    """Return the names of the parameters that a node was given values for, declared or not.

    Args:
        node: The node, which keeps what came from files and the command line.
        in_code: What was given to its constructor.
    """
    with node.handle:
        outside = node.handle.get_parameters(Parameter)
    return list(dict.fromkeys([*outside, *(parameter.name for parameter in in_code)]))


def answer_impossible_transitions(node: Node) -> None:
    """Let a lifecycle node answer the request of a transition that its state does not have.

    rclpy of Jazzy raises from the service's callback, which would end the process.
    """
    for service in node.services:
        if service.srv_name.endswith("/change_state"):
            service.callback = _answering(node, service.callback)


def _answering(node: Node, change: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    @functools.wraps(change)
    def answer(request: Any, response: Any) -> Any:
        try:
            return change(request, response)
        except Exception as error:
            node.get_logger().error(f"transition {request.transition.id}: {error}")
            response.success = False
            return response

    return answer
