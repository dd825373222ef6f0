"""What running nodes publish, with the times at which they did, and their services."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message

from faults.processes import BenchError, until
from ml3_ros.bringup.up import environment
from ml3_ros.nodes.kit.qos import RELIABLE_5000

NANO = 1e-9
NICE = -15
ASK_AGAIN_S = 3.0
KEPT = 20_000  # messages of a topic: 40 s at 500 Hz


class Topic:
    """The messages of one topic, undecoded, with the times at which they were published.

    The time [s since the epoch] is that at which the publisher handed the message over, so that a
    listener that is late falsifies nothing.
    """

    def __init__(self, message_type: type) -> None:
        self._type = message_type
        self._messages: deque[tuple[float, bytes]] = deque(maxlen=KEPT)

    def add(self, raw: bytes, info: Mapping[str, int]) -> None:
        """Keep a message."""
        self._messages.append((info["source_timestamp"] * NANO, raw))

    def times(self, since: float = 0.0) -> np.ndarray:
        """Return the times of the newest messages from `since` on [s], (n,), increasing."""
        return np.array(sorted(t for t, _ in self._messages.copy() if t >= since))

    def since(self, since: float = 0.0, every: int = 1) -> list[tuple[float, Any]]:
        """Return (time [s], message) of those published from `since` on, or of some of them."""
        late = [(t, raw) for t, raw in self._messages.copy() if t >= since]
        return [(t, deserialize_message(raw, self._type)) for t, raw in late[::every]]

    def last(self) -> Any:
        """Return the newest message, or None."""
        return deserialize_message(self._messages[-1][1], self._type) if self._messages else None

    def __len__(self) -> int:
        return len(self._messages)


class Listener:
    """A node of the bench in a thread of its own; leaving the context ends it.

    Where it is allowed the bench runs before others of this machine: it does little, and what it
    misses is not measured.
    """

    def __init__(self) -> None:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, NICE)
        os.environ.update(environment())  # found, and forgotten when killed, as the nodes are
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node("fault_bench", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._context.try_shutdown()
        self._thread.join()
        self.node.destroy_node()

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def hear(self, message_type: type, name: str, qos: QoSProfile = RELIABLE_5000) -> Topic:
        """Return a topic that fills from now on."""
        topic = Topic(message_type)
        self.node.create_subscription(message_type, name, topic.add, qos, raw=True)
        return topic

    def call(self, service_type: type, name: str, request: Any, timeout_s: float = 20.0) -> Any:
        """Return the answer of a service.

        Raises:
            BenchError: There is none in time.
        """
        client = self.node.create_client(service_type, name)
        try:
            until(client.service_is_ready, f"service {name}", timeout_s)
            end = time.monotonic() + timeout_s
            while True:  # while two sides discover each other an answer may be lost
                answer = client.call_async(request)
                with contextlib.suppress(BenchError):
                    until(answer.done, f"an answer of {name}", ASK_AGAIN_S)
                    return answer.result()
                if time.monotonic() > end:
                    raise BenchError(f"{name} does not answer")
        finally:
            self.node.destroy_client(client)
