# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A node that looks at the topics of a system, in a thread of its own."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from test.system.waiting import wait_until


class Viewer:
    """Subscribes to topics and keeps the newest message of each."""

    def __init__(self, topics: dict[str, tuple[Any, Any]]) -> None:
        self.newest: dict[str, Any] = {}
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self._node = node = rclpy.create_node("viewer", context=self._context)
        for topic, (kind, qos) in topics.items():
            node.create_subscription(
                kind, topic, lambda msg, topic=topic: self.newest.update({topic: msg}), qos
            )
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(node)

        def spin() -> None:
            with contextlib.suppress(ExternalShutdownException):
                executor.spin()

        self._thread = threading.Thread(target=spin)
        self._thread.start()

    def until_all(self, *topics: str) -> None:
        wait_until(lambda: set(topics) <= set(self.newest))

    def close(self) -> None:
        self._context.try_shutdown()
        self._thread.join()
        self._node.destroy_node()
