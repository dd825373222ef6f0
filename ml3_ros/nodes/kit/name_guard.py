# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Guard of a node's name: rejects a second node of that name, which would share its services."""

import errno
import hashlib
import socket
import time

from rclpy.node import Node

from ml3_ros.errors import ConfigError

PREFIX = "\0ml3_ros"  # abstract: there is no file
LEAVES_S = 5.0  # within this a namesake that has just ended is gone
LOOK_EVERY_S = 0.05


def reject_duplicate(node: Node, until: float) -> None:
    """Reject a node whose name another one has; look for it until monotonic time `until` [s].

    One that has just ended is waited for: of a system that begins right after another.

    Raises:
        ConfigError: There is one, `LEAVES_S` later still.
    """
    me = (node.get_name(), node.get_namespace())

    def count() -> int:
        return node.get_node_names_and_namespaces().count(me)

    while time.monotonic() < until:
        time.sleep(LOOK_EVERY_S)  # the graph fills in by itself, in threads of the middleware
    end = time.monotonic() + LEAVES_S
    while count() > 1:
        if time.monotonic() >= end:
            raise _rejection(node)
        time.sleep(LOOK_EVERY_S)


def claim_name(node: Node) -> socket.socket:
    """Claim the name of a node in its domain on this machine, where discovery may come late.

    A process of that name that is about to end is waited for.

    Returns:
        Holds the claim until it is closed or its process ends, however it ends.

    Raises:
        ConfigError: It is taken, `LEAVES_S` later still.
    """
    claim = socket.socket(socket.AF_UNIX)
    name = f"{node.context.get_domain_id()}{node.get_fully_qualified_name()}"
    digest = hashlib.sha256(name.encode()).hexdigest()  # a name may be longer than an address
    end = time.monotonic() + LEAVES_S
    while _is_taken(claim, f"{PREFIX}/{digest}"):
        if time.monotonic() >= end:
            claim.close()
            raise _rejection(node)
        time.sleep(LOOK_EVERY_S)
    return claim


def _is_taken(claim: socket.socket, address: str) -> bool:
    """Bind a socket; return whether another one is bound there."""
    try:
        claim.bind(address)
    except OSError as error:
        # a system may have no such names: there, discovery alone finds a namesake
        return error.errno == errno.EADDRINUSE
    return False


def _rejection(node: Node) -> ConfigError:
    return ConfigError(
        f"another node named {node.get_fully_qualified_name()} is running in this ROS domain: "
        "end it, or start this one under another name (--ros-args -r __node:=NAME) or "
        "ROS_DOMAIN_ID; one that was killed is forgotten within some seconds"
    )
