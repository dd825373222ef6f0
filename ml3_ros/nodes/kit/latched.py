# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Latched subscriptions: take the messages of latched and of other publishers, each one once.

DDS connects a subscription that asks for latched messages to latched publishers alone, so it would
not hear `ros2 topic pub`. One that does not ask hears everybody, but nothing of the past. Here are
both at a time; what a latched publisher sends comes over both of them.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message
from rclpy.subscription import Subscription

from ml3_ros.errors import MessageError

REMEMBERED_S = 10.0  # the second copy of a message comes within this, also where one was lost
MOST_REMEMBERED = 2000  # messages


class Copies:
    """Filter of copies: knows which messages came over the other subscription already.

    A message that the same publisher sends twice comes twice over each of them, and is new twice.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure time with `clock` [s]."""
        self._clock = clock
        self._waiting: deque[tuple[float, int, bytes]] = deque(maxlen=MOST_REMEMBERED)

    def is_new(self, side: int, raw: bytes) -> bool:
        """Return whether a message has not come over another subscription yet.

        Args:
            side: Number of the subscription that it comes over.
            raw: The message as it travels.
        """
        now, digest = self._clock(), hashlib.blake2b(raw, digest_size=16).digest()
        while self._waiting and now - self._waiting[0][0] > REMEMBERED_S:
            self._waiting.popleft()
        for i, (_, other, seen) in enumerate(self._waiting):
            if other != side and seen == digest:
                del self._waiting[i]
                return False
        self._waiting.append((now, side, digest))
        return True


class DamagedError(MessageError):
    """The bytes of a message make none."""

    kind = "damaged messages"


def message_of(raw: bytes, msg_type: Any) -> Any:
    """Return the message of bytes as they travel.

    Raises:
        DamagedError: They make none. rclpy leaves such messages out where it reads them itself.
    """
    try:
        return deserialize_message(raw, msg_type)
    except Exception as error:  # rclpy has no error of its own for them
        raise DamagedError(
            f"a message of {len(raw)} bytes is no {msg_type.__name__}: it is left out; check its "
            "sender"
        ) from error


def is_latched(qos: QoSProfile) -> bool:
    """Return whether a profile requests messages of the past (transient local)."""
    return bool(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL)


def subscribe_latched(
    node: Node,
    msg_type: Any,
    topic: str,
    callback: Callable[[bytes], object],
    qos: QoSProfile,
    *,
    message_lost: Callable[[Any], None] | None = None,
) -> list[Subscription[Any]]:
    """Subscribe to a latched topic; the callback gets each message once, as it travels.

    Args:
        node: Owns the subscriptions.
        msg_type: Class of the messages.
        topic: Name of the topic.
        callback: Called with the bytes of a message; raises nothing.
        qos: Profile that asks for latched messages.
        message_lost: Called with what rclpy says of messages that got lost on the way.
    """
    copies = Copies()
    volatile = QoSProfile(depth=qos.depth, reliability=qos.reliability)

    def over(side: int, profile: QoSProfile, events: SubscriptionEventCallbacks) -> Any:
        def on_raw(raw: bytes) -> None:
            if copies.is_new(side, raw):
                callback(raw)

        return node.create_subscription(
            msg_type, topic, on_raw, profile, raw=True, event_callbacks=events
        )

    # the first need not complain about publishers that the second hears
    quiet = SubscriptionEventCallbacks(message_lost=message_lost, incompatible_qos=lambda _: None)
    usual = SubscriptionEventCallbacks(message_lost=message_lost)
    return [over(0, qos, quiet), over(1, volatile, usual)]
