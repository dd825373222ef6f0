"""One publisher at a time: who else sends is told by name, and nobody is listened to."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.subscription import MessageInfo

from ml3_ros.errors import MessageError

FORGOTTEN_S = 1.0  # a publisher that has been silent for so long is one no more


class SeveralSourcesError(MessageError):
    """More than one publisher sends what only one may."""

    kind = "messages of several publishers"


class SoleSource:
    """Hears who sends the messages of a topic.

    Only who has sent something within FORGOTTEN_S counts. So silent publishers do no harm, and
    neither does one that was killed, which DDS keeps for longer than its successor needs to start.
    """

    def __init__(self, node: Node, topic: str) -> None:
        """Watch `topic`, which `node` subscribes to."""
        self._node, self._topic = node, topic
        self._heard: dict[bytes, float] = {}
        self._names = ""

    def hear(self, info: MessageInfo, now: float) -> None:
        """Note who has sent a message at the monotonic time `now` [s].

        Raises:
            SeveralSourcesError: Somebody else has just sent one, too.
        """
        sender = info["publisher_gid"]
        if sender is None:  # this middleware does not tell
            return
        known = len(self._heard)
        self._heard[bytes(sender["data"])] = now
        self._heard = {k: at for k, at in self._heard.items() if now - at <= FORGOTTEN_S}
        if len(self._heard) < 2:
            return
        if len(self._heard) != known:
            self._names = ", ".join(self._senders())
        raise SeveralSourcesError(
            f"{self._topic} comes from {len(self._heard)} publishers at a time ({self._names}): "
            "all of them are refused and the arm holds itself; end all but one"
        )

    def _senders(self) -> list[str]:
        """Return the names of the nodes that send."""
        publishers = self._node.get_publishers_info_by_topic(
            self._node.resolve_topic_name(self._topic)
        )
        names = {
            bytes(p.endpoint_gid): f"{p.node_namespace.rstrip('/')}/{p.node_name}"
            for p in publishers
        }
        return sorted(names.get(gid, "a node unknown here") for gid in self._heard)
