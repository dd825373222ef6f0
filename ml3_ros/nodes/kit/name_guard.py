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


def reject_duplicate(node: Node, until: float) -> None:
    """Reject a node whose name another one has; look for it until monotonic time `until` [s].

    Raises:
        ConfigError: There is one.
    """
    me = (node.get_name(), node.get_namespace())
    while True:
        count = node.get_node_names_and_namespaces().count(me)
        if time.monotonic() >= until:
            break
        time.sleep(0.05)  # the graph fills in by itself, in threads of the middleware
    if count > 1:
        raise _rejection(node)


def claim_name(node: Node) -> socket.socket:
    """Claim the name of a node in its domain on this machine, where discovery may come late.

    Returns:
        Holds the claim until it is closed or its process ends, however it ends.

    Raises:
        ConfigError: It is taken.
    """
    claim = socket.socket(socket.AF_UNIX)
    name = f"{node.context.get_domain_id()}{node.get_fully_qualified_name()}"
    digest = hashlib.sha256(name.encode()).hexdigest()  # a name may be longer than an address
    try:
        claim.bind(f"{PREFIX}/{digest}")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            claim.close()
            raise _rejection(node) from error
        # a system without such names: there, discovery alone finds a namesake
    return claim


def _rejection(node: Node) -> ConfigError:
    return ConfigError(
        f"another node named {node.get_fully_qualified_name()} is running in this ROS domain: "
        "end it, or start this one under another name (--ros-args -r __node:=NAME) or "
        "ROS_DOMAIN_ID; one that was killed is forgotten within some seconds"
    )
