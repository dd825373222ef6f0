# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recorder: writes topics into a rosbag2 folder as they come, without decoding them."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from ml3_ros.data.bags.qos import playable
from ml3_ros.data.bags.thread import BagThread
from ml3_ros.data.bags.writer import require_definition
from ml3_ros.errors import DataError
from ml3_ros.files import user_path
from ml3_ros.nodes.kit.latched import is_latched, subscribe_latched
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.parameters.annotated import NodeParameters, Param
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.messages.offered_qos import offered_qos

LOOK_S = 0.25  # between looks for new topics
DEPTH = 5000  # messages a topic may bring at once
NOT_DATA = ("/rosout", "/parameter_events")


@dataclass(frozen=True, kw_only=True)
class RecorderParameters(NodeParameters):
    """What is recorded, and where."""

    out: Annotated[str, Param("folder in which the bag is made")] = "out"
    topics: Annotated[
        tuple[str, ...], Param("topics to record; unset: all but /rosout and /parameter_events")
    ] = ()
    storage: Annotated[
        Literal["mcap", "sqlite3"],
        Param("format of the bag; after a kill either is readable up to the last second"),
    ] = "mcap"


class Recorder(Ml3Node[RecorderParameters]):
    """Writes messages into OUT/bag while it is active; a second recording is OUT/bag_1.

    A disk that is full, or any other error of the writer, ends the recording with a sentence, and
    the node lives on.
    """

    # made by `load`
    _names: set[str]  # of topics to record; empty: all
    _thread: BagThread | None  # while it records
    _failure: str
    _recorded: dict[str, list[Subscription[Any]]]  # by topic; none: it cannot be

    def load(self) -> None:
        """Look for topics now and then."""
        self._names = {self.resolve_topic_name(name) for name in self.parameters.topics}
        self._thread = None
        self._failure = ""
        self._recorded = {}
        self.every(LOOK_S, self._look_for_topics)

    def start(self) -> None:
        """Begin a new bag and subscribe: latched messages come to every new subscription."""
        path = _free(user_path(self.parameters.out) / "bag")
        self._failure = ""
        self._thread = BagThread(path, self.parameters.storage)
        self._look_for_topics()
        self.get_logger().info(f"recording to {path}")

    def stop(self) -> None:
        """Unsubscribe, and close the bag."""
        subscribed = set(self._recorded)
        for subscription in itertools.chain(*self._recorded.values()):
            self.destroy_subscription(subscription)
        self._recorded.clear()
        thread, self._thread = self._thread, None
        if thread is None:
            return
        thread.close()
        self._log_failure(thread)
        if self._names - subscribed:
            missing = ", ".join(sorted(self._names - subscribed))
            self.get_logger().warning(f"nobody published {missing}: nothing of it is recorded")
        self.get_logger().info(f"{thread.written} messages are in {thread.path}")

    def fault(self) -> str:
        """Return why nothing more is recorded."""
        return self._failure

    def diagnostic_values(self) -> dict[str, object]:
        """Return what is being recorded, or why it is not."""
        thread = self._thread
        if thread is None:
            return {}
        values: dict[str, object] = {
            "topics": ", ".join(sorted(self._recorded)),
            "bag": thread.path,
            "messages": thread.written,
            "waiting": thread.waiting,
        }
        return values | ({"recording has failed": self._failure} if self._failure else {})

    def _look_for_topics(self) -> None:
        for topic, types in self.get_topic_names_and_types():
            if topic in self._recorded or not self._is_recorded(topic):
                continue
            publishers = self.get_publishers_info_by_topic(topic)
            if publishers:
                self._recorded[topic] = self._subscribe(topic, types[0], publishers)
        if self._thread is not None:
            self._log_failure(self._thread)

    def _is_recorded(self, topic: str) -> bool:
        if self._names:
            return topic in self._names
        hidden = any(word.startswith("_") for word in topic.split("/"))  # those of actions
        return not hidden and topic not in NOT_DATA

    def _subscribe(
        self, topic: str, msgtype: str, publishers: list[TopicEndpointInfo]
    ) -> list[Subscription[Any]]:
        """Subscribe to a topic; return nothing where its messages cannot be recorded."""
        try:
            message_class = _message_class(topic, msgtype)
        except DataError as error:
            self.reject(error, kind="topics left out")
            return []

        offered = playable([offered_qos(info.qos_profile) for info in publishers])

        def on_message(raw: bytes) -> None:
            if not self.active or self._thread is None:
                return
            self.diagnostics.tick(topic)
            stamp = self.get_clock().now().nanoseconds
            if not self._thread.offer(topic, msgtype, stamp, raw, offered):
                self.diagnostics.counts["lost messages"] += 1

        safe = self.guarded(on_message)

        def on_raw(raw: bytes) -> None:
            safe(raw)

        qos = _compatible(publishers)
        if is_latched(qos):
            return subscribe_latched(
                self, message_class, topic, safe, qos, message_lost=self._on_lost
            )
        events = SubscriptionEventCallbacks(message_lost=self._on_lost)
        return [
            self.create_subscription(
                message_class, topic, on_raw, qos, raw=True, event_callbacks=events
            )
        ]

    def _on_lost(self, event: Any) -> None:
        self.diagnostics.counts["lost messages"] += event.total_count_change

    def _log_failure(self, thread: BagThread) -> None:
        if thread.error is not None and not self._failure:
            self._failure = str(thread.error)
            self.diagnostics.counts["failed recordings"] += 1
            self.diagnostics.log_fault()
            if thread.lost:
                self.diagnostics.counts["lost messages"] += thread.lost
                self.get_logger().error(f"{thread.lost} messages that waited are lost")


def _message_class(topic: str, msgtype: str) -> Any:
    package, _, name = msgtype.partition("/msg/")
    try:
        require_definition(msgtype)
        return getattr(importlib.import_module(f"{package}.msg"), name)
    except (DataError, ImportError, AttributeError) as error:
        raise DataError(
            f"{topic} is not recorded, {msgtype} is not installed here: install package "
            f"{package}, or name the topics to record"
        ) from error


def _free(path: Path) -> Path:
    """Return `path`, or path_1, path_2 ... where that is taken."""
    candidate, number = path, 0
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}_{number}")
    return candidate


def _compatible(publishers: Sequence[TopicEndpointInfo]) -> QoSProfile:
    """Return a profile that matches all of the publishers, as reliably as they allow.

    Where one of them latches, latched messages are asked for: `subscribe_latched` hears them all.
    """
    profiles = [info.qos_profile for info in publishers]
    reliable = all(p.reliability == ReliabilityPolicy.RELIABLE for p in profiles)
    latched = any(p.durability == DurabilityPolicy.TRANSIENT_LOCAL for p in profiles)
    return QoSProfile(
        depth=DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def main() -> int:
    """Run the node."""
    return run(lambda: Recorder("recorder"))


if __name__ == "__main__":
    sys.exit(main())
