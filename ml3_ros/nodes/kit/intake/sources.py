# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sources of an arm's joint states: of several publishers the one that measures is read."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from rclpy.node import Node

from ml3_ros.errors import MessageError
from ml3_ros.nodes.kit.one_master.senders import (
    FORGOTTEN_S,
    Senders,
    SendersByGraph,
    senders_for,
)
from ml3_ros.nodes.kit.rclpy_versions import MessageInfo
from ml3_ros.nodes.messages.joint_states import JointSample


class SecondPublisherError(MessageError):
    """Another publisher sends the same joints."""

    kind = "joint states of a second publisher"


class SecondArmError(SecondPublisherError):
    """Another publisher measures the same joints."""

    kind = "joint states of a second publisher that measures"


@dataclass
class _Source:
    effort: np.ndarray  # of its last message
    at: float  # when that came [s]
    measures: bool = False  # its efforts change


class ArmSource:
    """Reads one publisher of the arm's joints, where messages show who sent them.

    It is the first one; one that measures efforts takes the place of one that does not, and any
    other of one that has been silent for `senders.FORGOTTEN_S`. Messages of other joints are no
    matter of it.
    """

    def __init__(self, node: Node, topic: str) -> None:
        """Watch `topic`, which `node` subscribes to."""
        self._node, self._topic = node, topic
        self._senders: Senders | None = None  # until the first message
        self._sources: dict[Hashable, _Source] = {}
        self._read: Hashable = None

    def check(self, info: MessageInfo, sample: JointSample, now: float) -> bool:
        """Note who sent a sample at the monotonic time `now` [s].

        Returns:
            Whether another publisher is read from now on.

        Raises:
            SecondPublisherError: It comes from one that is not read.
        """
        if self._senders is None:
            self._senders = senders_for(self._node, self._topic, info)
        count = self._senders.note(info, now)
        sender = self._senders.newest
        if sender is None:
            return False
        mine = self._note(sender, sample, now)
        read = self._sources.get(self._read)
        if read is None or (mine.measures and not read.measures):
            changed = read is not None or self._read is not None
            self._read = sender
            return changed and len(self._sources) > 1
        if sender != self._read:
            error = SecondArmError if mine.measures else SecondPublisherError
            raise error(
                f"{self._topic} of this arm comes from {count} publishers "
                f"({', '.join(self._senders.names())}): the messages of one of them are left out, "
                f"{'though it measures, too' if mine.measures else 'which measures no efforts'}; "
                "let only the arm's driver publish its joints"
            )
        return False

    def sentence(self) -> str:
        """Return a part of a sentence that names the publishers of the topic, "" for one."""
        names = SendersByGraph(self._node, self._topic).names()
        return f" (it has {len(names)} publishers: {', '.join(names)})" if len(names) > 1 else ""

    def _note(self, sender: Hashable, sample: JointSample, now: float) -> _Source:
        self._sources = {k: x for k, x in self._sources.items() if now - x.at <= FORGOTTEN_S}
        source = self._sources.setdefault(sender, _Source(sample.tau, now))
        source.measures |= bool((source.effort != sample.tau).any())
        source.effort, source.at = sample.tau, now
        return source
