# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Publishers of the topics adaptation/METHOD."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ml3_msgs.msg import Adaptation
from ml3_ros.nodes.adaptation.names import topics_of
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.qos import RELIABLE_100


class MethodPublishers:
    """Publishes the status of each method on its own topic."""

    def __init__(self, node: Ml3Node[Any], methods: Iterable[str]) -> None:
        """Create the topics of all methods of a run, so that subscribers find them before it."""
        self._publishers = {
            method: node.publisher(Adaptation, topic, RELIABLE_100)
            for method, topic in topics_of(methods).items()
        }

    def publish(self, msg: Adaptation) -> None:
        """Publish on the topic of the method that the message names."""
        self._publishers[msg.method].publish(msg)
