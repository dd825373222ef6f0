# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The bench's own ROS node: it publishes, records topics, calls services, reads /diagnostics."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.client import Client
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message

from faults.rig.waiting import BenchError, require, until
from ml3_ros.bringup.up import environment
from ml3_ros.nodes.kit.qos import RELIABLE_100, RELIABLE_5000
from ml3_ros.nodes.kit.rclpy_versions import MessageInfo

NAME = "fault_bench"
NANO = 1e-9
CONNECT_S = 120.0  # within this a node on a busy machine has found a publisher
REQUEST_AGAIN_S = 3.0
KEPT = 20_000  # messages of a topic: 40 s at 500 Hz


class Topic:
    """The recorded messages of one topic, undecoded, with the times of their publication.

    The time [s since the epoch] is that at which the publisher handed the message over, so that a
    recorder that is late falsifies nothing.
    """

    def __init__(self, message_type: type) -> None:
        self._type = message_type
        self._messages: deque[tuple[float, bytes]] = deque(maxlen=KEPT)

    def add(self, raw: bytes, info: MessageInfo) -> None:
        """Keep a message."""
        self._messages.append((info["source_timestamp"] * NANO, raw))

    def times(self, since: float = 0.0) -> np.ndarray:
        """Return the times of the newest messages from `since` on [s], (n,), increasing."""
        return np.array(sorted(t for t, _ in self._messages.copy() if t >= since))

    def published_since(self, since: float) -> bool:
        """Return whether there are messages published from `since` on [s]."""
        return any(t >= since for t, _ in self._messages.copy())

    def since(self, since: float = 0.0, every: int = 1) -> list[tuple[float, Any]]:
        """Return (time [s], message) of those published from `since` on, or of some of them."""
        late = [(t, raw) for t, raw in self._messages.copy() if t >= since]
        return [(t, deserialize_message(raw, self._type)) for t, raw in late[::every]]

    def last(self) -> Any:
        """Return the newest message, or None."""
        return deserialize_message(self._messages[-1][1], self._type) if self._messages else None

    def clear(self) -> None:
        """Forget the messages."""
        self._messages.clear()

    def __len__(self) -> int:
        return len(self._messages)


class BenchNode:
    """A node that spins in a thread of its own, so that the bench may wait and compute meanwhile.

    Callbacks run in that thread. Leaving the context ends it.
    """

    def __init__(self) -> None:
        """Begin to spin, and to read /diagnostics."""
        self._diagnostics: dict[str, dict[str, str]] = {}
        self._clients: dict[str, Client] = {}
        self._failure: BaseException | None = None
        os.environ.update(environment())  # found, and forgotten when killed, as the nodes are
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node(NAME, context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.listen(DiagnosticArray, "/diagnostics", self._on_diagnostics, RELIABLE_100)
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def __enter__(self) -> BenchNode:
        return self

    def __exit__(self, *_exception: object) -> None:
        """End the node.

        Raises:
            BenchError: A callback of the bench has failed; what came after it is worth nothing.
        """
        self._context.try_shutdown()
        self._thread.join()
        for node in self._executor.get_nodes():
            node.destroy_node()
        if self._failure is not None:
            raise BenchError("a callback of the bench has failed") from self._failure

    @property
    def spins(self) -> bool:
        """Whether its thread runs, which a callback that fails ends."""
        return self._thread.is_alive()

    def _spin(self) -> None:
        try:
            with contextlib.suppress(ExternalShutdownException):
                self._executor.spin()
        except Exception as error:  # of any callback: it is raised where the bench ends
            self._failure = error

    def add_node(self, name: str, **options: Any) -> Node:
        """Return one more node that spins with this one."""
        node = rclpy.create_node(name, context=self._context, **options)
        self._executor.add_node(node)
        return node

    def remove_node(self, node: Node) -> None:
        """End a node that was added."""
        self._executor.remove_node(node)
        node.destroy_node()

    def listen(
        self, msg_type: type, topic: str, callback: Callable[[Any], object], qos: QoSProfile
    ) -> None:
        """Call `callback` with the messages of a topic."""

        def on_message(msg: Any) -> None:
            callback(msg)

        self.node.create_subscription(msg_type, topic, on_message, qos)

    def record(self, msg_type: type, name: str, qos: QoSProfile = RELIABLE_5000) -> Topic:
        """Return a topic that is recorded from now on."""
        topic = Topic(msg_type)

        def on_message(raw: Any, info: MessageInfo) -> None:
            topic.add(raw, info)

        self.node.create_subscription(msg_type, name, on_message, qos, raw=True)
        return topic

    def publisher(self, msg_type: type, topic: str, qos: QoSProfile) -> Any:
        """Return a publisher that a node has found.

        Raises:
            BenchError: None does.
        """
        publisher: Publisher[Any] = self.node.create_publisher(msg_type, topic, qos)
        require(publisher.get_subscription_count, f"a subscriber of {topic}", CONNECT_S)
        return publisher

    def remove(self, publisher: Any) -> None:
        """End a publisher."""
        self.node.destroy_publisher(publisher)

    def request(
        self, srv_type: type, name: str, timeout_s: float = 20.0, /, **fields: object
    ) -> Any:
        """Return the response of a service to a request with these fields.

        Raises:
            BenchError: There is none within `timeout_s` [s].
        """
        if name not in self._clients:
            self._clients[name] = self.node.create_client(srv_type, name)
        client, end = self._clients[name], time.monotonic() + timeout_s
        request = client.srv_type.Request(**fields)
        require(client.service_is_ready, f"service {name}", timeout_s)
        while time.monotonic() < end:  # while two sides discover each other one may be lost
            response = client.call_async(request)
            left = end - time.monotonic()
            if until(response.done, min(REQUEST_AGAIN_S, left)):
                return response.result()
        raise BenchError(f"{name} does not respond within {timeout_s:g} s")

    def diagnostic(self, node: str, key: str) -> str:
        """Return the newest value that a node has published on /diagnostics, or ""."""
        return self._diagnostics.get(node, {}).get(key, "")

    def diagnostic_count(self, node: str, *kinds: str) -> int:
        """Return the sum of counts that a node has published on /diagnostics."""
        return sum(int(self.diagnostic(node, kind) or 0) for kind in kinds)

    def is_active(self, node: str) -> bool:
        """Return whether a node's newest diagnostics say that it is active."""
        return self.diagnostic(node, "state") == "active"

    def forget_diagnostics(self, node: str) -> None:
        """Forget what a node has published, so that only what comes from now on counts."""
        self._diagnostics.pop(node, None)

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            self._diagnostics[status.name] = {entry.key: entry.value for entry in status.values}
