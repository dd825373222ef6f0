"""Rejects commands that more than one publisher sends, and names the publishers."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.subscription import MessageInfo

from ml3_ros.errors import MessageError

FORGOTTEN_S = 1.0  # a publisher that has been silent for so long is one no more


class SeveralSourcesError(MessageError):
    """More than one publisher sends what only one may."""

    kind = "messages of several publishers"


class CommandArbiter:
    """Watches which publishers send on a topic that only one may command.

    A publisher counts if it has sent something within FORGOTTEN_S. So silent publishers do no
    harm, and neither does one that was killed, which DDS keeps for longer than its successor needs
    to start.
    """

    def __init__(self, node: Node, topic: str) -> None:
        """Watch `topic`, which `node` subscribes to."""
        self._node, self._topic = node, topic
        self._senders: dict[bytes, float] = {}
        self._names = ""

    def check(self, info: MessageInfo, now: float) -> None:
        """Note which publisher sent a message at the monotonic time `now` [s].

        Raises:
            SeveralSourcesError: Another publisher has just sent one, too.
        """
        sender = info["publisher_gid"]
        if sender is None:  # this middleware does not know
            return
        known = len(self._senders)
        self._senders[bytes(sender["data"])] = now
        self._senders = {k: at for k, at in self._senders.items() if now - at <= FORGOTTEN_S}
        if len(self._senders) < 2:
            return
        if len(self._senders) != known:
            self._names = ", ".join(self._names_of_senders())
        raise SeveralSourcesError(
            f"{self._topic} comes from {len(self._senders)} publishers at a time ({self._names}): "
            "all of them are rejected and the arm holds itself; end all but one"
        )

    def _names_of_senders(self) -> list[str]:
        """Return the names of the sending nodes."""
        publishers = self._node.get_publishers_info_by_topic(
            self._node.resolve_topic_name(self._topic)
        )
        names = {
            bytes(x.endpoint_gid): f"{x.node_namespace.rstrip('/')}/{x.node_name}"
            for x in publishers
        }
        return sorted(names.get(gid, "a node unknown here") for gid in self._senders)
