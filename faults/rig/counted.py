# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`python -m faults.rig.counted MODULE ...`: a node that counts what it has read.

The node runs as it is. Every subscription of its process adds one to a counter, in a file that
the bench maps too, after its callback has returned: so a bench can send as fast as messages are
read, and knows how many were. While the bench requests them, the callback also gets variants of
every message that comes, in the same thread, which is faster than to send each of them.
"""

from __future__ import annotations

import functools
import mmap
import os
import random
import runpy
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message

from faults.mutations.messages_with_files import mutated
from ml3_ros.nodes.kit.rclpy_versions import taking_info

FOLDER_VARIABLE = "ML3_FAULTS_COUNTERS"
VARIANTS_REQUESTED = " variants"  # after a topic: how many variants of each message are requested
INJECTED = " injected"  # after a topic: the counter of its variants


class Counter:
    """A number in a file of 8 bytes; of several processes one adds and others look."""

    def __init__(self, folder: Path, topic: str) -> None:
        """Open the counter of `topic`, or make it."""
        path = folder / topic.replace("/", "+")
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)

    @property
    def value(self) -> int:
        """Return the number."""
        return int(struct.unpack("<Q", self._map[:])[0])

    def reached(self, value: int) -> bool:
        """Return whether the number is `value` or more."""
        return self.value >= value

    def add(self) -> None:
        """Add one."""
        self.put(self.value + 1)

    def put(self, value: int) -> None:
        """Set the number."""
        self._map[:] = struct.pack("<Q", value)


def counting(create: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    """Return a `Node.create_subscription` whose callbacks are counted in `folder`."""

    def create_subscription(
        node: Node,
        msg_type: type,
        topic: str,
        callback: Callable[..., Any],
        *args: Any,
        **options: Any,
    ) -> Any:
        name = node.resolve_topic_name(topic)
        counter, injected = Counter(folder, name), Counter(folder, name + INJECTED)
        variants, rng = Counter(folder, name + VARIANTS_REQUESTED), random.Random(name)

        @functools.wraps(callback)  # rclpy inspects its parameters
        def counted(msg: Any, *info: Any) -> None:
            callback(msg, *info)
            for _ in range(variants.value):
                variant = _variant(msg, msg_type, rng)
                if variant is not None:
                    callback(variant, *info)
                    injected.add()
            counter.add()

        return create(node, msg_type, topic, taking_info(counted), *args, **options)

    return create_subscription


def _variant(msg: Any, msg_type: Any, rng: random.Random) -> Any:
    """Return a mutated message as a callback would get it, None where DDS would drop it."""
    raw = isinstance(msg, bytes)
    try:
        _, variant = mutated(deserialize_message(msg, msg_type) if raw else msg, rng)
        if isinstance(variant, bytes):
            variant = deserialize_message(variant, msg_type)
    except Exception:  # damaged bytes; rclpy has no error of its own for them
        return None
    return serialize_message(variant) if raw else variant


if __name__ == "__main__":
    counted_subscriptions = counting(Node.create_subscription, Path(os.environ[FOLDER_VARIABLE]))
    sys.argv = sys.argv[1:]
    with patch.object(Node, "create_subscription", counted_subscriptions):
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
