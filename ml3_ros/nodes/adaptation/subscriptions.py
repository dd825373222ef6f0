# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Subscriptions to the topics adaptation/METHOD of all methods, which are found in the graph."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node

from ml3_ros.nodes.adaptation.names import BASE

LOOK_S = 0.5  # between looks for new topics
TYPE = "ml3_msgs/msg/Adaptation"


class MethodSubscriptions:
    """Subscribes to the topic of each method once it is there; `look` is called regularly."""

    def __init__(self, node: Node, subscribe: Callable[[str], object]) -> None:
        """Look for topics in the namespace of `node`.

        Args:
            node: Knows the graph.
            subscribe: Called once with the full name of each topic.
        """
        self._node, self._subscribe = node, subscribe
        self._below = node.resolve_topic_name(BASE) + "/"
        self._known: set[str] = set()

    def look(self) -> None:
        """Subscribe to what has appeared since the last call."""
        for topic, types in self._node.get_topic_names_and_types():
            if topic in self._known or TYPE not in types or not topic.startswith(self._below):
                continue
            self._known.add(topic)
            self._subscribe(topic)
