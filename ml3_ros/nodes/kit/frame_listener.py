# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Listener to tf: keeps its transforms, for nodes that take poses in any frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.qos import QoSProfile

from ml3_ros.data.frame_tree import FrameTree
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.qos import LATCHED_100, RELIABLE_100
from ml3_ros.nodes.messages.frames import TFMessage, add_to_tree


class FrameListener:
    """Keeps the transforms on tf and tf_static in a tree, from the node's configuration on."""

    def __init__(self, node: Ml3Node[Any], on_change: Callable[[], None]) -> None:
        """Listen for `node`; `on_change` is called after each message."""
        self.tree = FrameTree()
        if TFMessage is None:
            return

        def hear(topic: str, qos: QoSProfile, *, fixed: bool) -> None:
            def on_message(msg: Any) -> None:
                add_to_tree(self.tree, msg, fixed=fixed)
                on_change()

            node.subscribe(TFMessage, topic, on_message, qos, always=True)

        hear("tf", RELIABLE_100, fixed=False)
        hear("tf_static", LATCHED_100, fixed=True)
