# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arbiter of commands: rejects them while several publishers send, and names these."""

from __future__ import annotations

from rclpy.node import Node

from ml3_ros.errors import MessageError
from ml3_ros.nodes.kit.one_master.senders import Senders, SendersByGraph, senders_for
from ml3_ros.nodes.kit.rclpy_versions import MessageInfo


class SeveralSourcesError(MessageError):
    """More than one publisher sends what only one may."""

    kind = "messages of several publishers"


class CommandArbiter:
    """Watches which publishers send on a topic that only one may command.

    A publisher counts if it has sent something within `senders.FORGOTTEN_S`. So silent publishers
    do no harm, and neither does one that was killed, which DDS keeps for longer than its successor
    needs to start. Where the middleware says nothing of the publisher of a message, all that exist
    count, and the log says so.
    """

    def __init__(self, node: Node, topic: str) -> None:
        """Watch `topic`, which `node` subscribes to."""
        self._node, self._topic = node, topic
        self._senders: Senders | None = None  # until the first message
        self._count = 0
        self._names = ""

    def check(self, info: MessageInfo, now: float) -> None:
        """Note which publisher sent a message at the monotonic time `now` [s].

        Raises:
            SeveralSourcesError: Another publisher has just sent one, too.
        """
        if self._senders is None:
            self._senders = senders_for(self._node, self._topic, info)
            self._warn(self._senders)
        before, self._count = self._count, self._senders.note(info, now)
        if self._count < 2:
            return
        if self._count != before:
            names = self._senders.names()
            among = f"{self._count} of " if len(names) > self._count else ""
            self._names = among + ", ".join(names)
        raise SeveralSourcesError(
            f"{self._topic} comes from {self._count} publishers at a time ({self._names}): "
            "all of them are rejected and the arm holds itself; end all but one"
        )

    def diagnostic_values(self) -> dict[str, object]:
        """Return by what publishers are distinguished."""
        distinguished_by = self._senders.distinguished_by if self._senders else "no message yet"
        return {f"publishers of {self._topic} distinguished by": distinguished_by}

    def _warn(self, senders: Senders) -> None:
        if isinstance(senders, SendersByGraph):
            self._node.get_logger().warning(
                f"this middleware does not name who publishes {self._topic}: while it has two "
                "publishers, even a silent one, all commands are rejected; rmw_fastrtps_cpp does"
            )
