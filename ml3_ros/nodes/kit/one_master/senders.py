# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Senders on a topic: counts the publishers that send, by what a message says of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo

from ml3_ros.errors import ConfigError
from ml3_ros.nodes.kit.rclpy_versions import MessageInfo, publication_number, publisher_id

FORGOTTEN_S = 1.0  # a publisher that has been silent for so long is one no more


def reject_other_publishers(node: Node, topic: str) -> None:
    """Raise a ConfigError that names all who may send on a topic of `node`, where others may.

    For topics that move an arm; others count even while they are silent.
    """
    publishers = node.get_publishers_info_by_topic(topic)
    if len(publishers) < 2:
        return
    names = sorted(map(_name, publishers))
    raise ConfigError(
        f"{topic} has {len(names)} publishers ({', '.join(names)}): end all but one; one that was "
        "killed is forgotten after some seconds"
    )


class Senders(ABC):
    """The publishers of a topic that count as senders."""

    distinguished_by: str  # by what they are distinguished
    newest: Hashable = None  # sender of the last message; None where nothing tells

    def __init__(self, node: Node, topic: str) -> None:
        """Begin with none, on a topic that `node` subscribes to."""
        self._node, self._topic = node, node.resolve_topic_name(topic)

    @abstractmethod
    def note(self, info: MessageInfo, now: float) -> int:
        """Note a message that came at the monotonic time `now` [s]; return how many send."""

    def names(self) -> list[str]:
        """Return the names of the nodes that send, or of all that may be it."""
        return sorted(map(_name, self._known()))

    def _known(self) -> list[TopicEndpointInfo]:
        return self._node.get_publishers_info_by_topic(self._topic)


class SendersById(Senders):
    """Publishers that every message names."""

    distinguished_by = "publisher"

    def __init__(self, node: Node, topic: str) -> None:
        super().__init__(node, topic)
        self._last: dict[bytes, float] = {}

    def note(self, info: MessageInfo, now: float) -> int:
        """Return how many publishers have sent a message just now."""
        self.newest = publisher_id(info) or b""
        self._last[self.newest] = now
        self._last = {sender: at for sender, at in self._last.items() if now - at <= FORGOTTEN_S}
        return len(self._last)

    def names(self) -> list[str]:
        """Return the names of the nodes that have sent a message just now."""
        names = {bytes(publisher.endpoint_gid): _name(publisher) for publisher in self._known()}
        return sorted(names.get(sender, "a node unknown here") for sender in self._last)


@dataclass
class _Sequence:
    number: int  # of its last message
    at: float  # when that came [s]


class SendersByNumber(Senders):
    """Publishers that are distinguished by their numbers: each counts its own messages.

    A message goes on with the sequence whose last number is one less. Any other number is that of
    one more publisher, unless only one is known: then messages have been lost, or that publisher
    has come in the place of another one.
    """

    distinguished_by = "sequence number"

    def __init__(self, node: Node, topic: str) -> None:
        super().__init__(node, topic)
        self._sequences: list[_Sequence] = []

    def note(self, info: MessageInfo, now: float) -> int:
        """Return how many publishers have sent a message just now."""
        number = publication_number(info) or 0
        self._sequences = [x for x in self._sequences if now - x.at <= FORGOTTEN_S]
        for sequence in self._sequences:
            if sequence.number == number - 1:
                sequence.number, sequence.at, self.newest = number, now, id(sequence)
                return len(self._sequences)
        if self._node.count_publishers(self._topic) < 2:
            self._sequences.clear()
        self._sequences.append(_Sequence(number, now))
        self.newest = id(self._sequences[-1])
        return len(self._sequences)


class SendersByGraph(Senders):
    """Publishers of which no message says anything: all that are known count, even silent ones."""

    distinguished_by = "existence: silent ones count too"

    def note(self, info: MessageInfo, now: float) -> int:
        """Return how many publishers there are."""
        return self._node.count_publishers(self._topic)


def senders_for(node: Node, topic: str, info: MessageInfo) -> Senders:
    """Return the senders of a topic, distinguished by the best that its messages carry."""
    if publisher_id(info) is not None:
        return SendersById(node, topic)
    if publication_number(info) is not None:
        return SendersByNumber(node, topic)
    return SendersByGraph(node, topic)


def _name(publisher: TopicEndpointInfo) -> str:
    return f"{publisher.node_namespace.rstrip('/')}/{publisher.node_name}"
