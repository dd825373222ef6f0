# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Viewer of topics and their messages, for machines without the `ros2` command."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from ml3_ros.bringup.ros_session import ros_session
from ml3_ros.errors import ConfigError

DISCOVERY_S = 3.5  # within this, processes on one machine have found each other
HIDDEN = ("/rosout", "/parameter_events")
LONGEST = 8  # elements of an array that are shown


def list_topics() -> list[tuple[str, str, int, int]]:
    """Return name, type, number of publishers and of subscribers of every topic of the domain."""
    with ros_session():
        node = rclpy.create_node("ml3_topics")
        time.sleep(DISCOVERY_S)
        topics = [t for t in node.get_topic_names_and_types() if t[0] not in HIDDEN]
        rows = [
            (name, types[0], node.count_publishers(name), node.count_subscribers(name))
            for name, types in sorted(topics)
        ]
        node.destroy_node()
    return rows


def echo(topic: str, count: int, show: Callable[[str], None]) -> None:
    """Show `count` messages of a topic; 0: until interrupted.

    Raises:
        ConfigError: Nobody publishes on that topic, or its type is not installed.
    """
    with ros_session():
        node = rclpy.create_node("ml3_topics")
        try:
            _echo(node, topic, count, show)
        except (KeyboardInterrupt, ExternalShutdownException):
            pass
        finally:
            node.destroy_node()


def _echo(node: Node, topic: str, count: int, show: Callable[[str], None]) -> None:
    name = node.resolve_topic_name(topic)
    end = time.monotonic() + DISCOVERY_S
    while not (publishers := node.get_publishers_info_by_topic(name)):
        if time.monotonic() > end:
            raise ConfigError(
                f"nobody publishes on {name} in this ROS domain: `ml3 topics` lists what there "
                "is; compare ROS_DOMAIN_ID there and here"
            )
        time.sleep(0.1)
    profiles = [publisher.qos_profile for publisher in publishers]  # all shall be heard
    latched = all(p.durability == DurabilityPolicy.TRANSIENT_LOCAL for p in profiles)
    reliable = all(p.reliability == ReliabilityPolicy.RELIABLE for p in profiles)
    qos = QoSProfile(
        depth=100,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )
    seen: list[Any] = []

    def on_message(msg: Any) -> None:
        seen.append(None)
        show(f"{_text(msg)}\n---")

    node.create_subscription(_message_type(publishers[0].topic_type), name, on_message, qos)
    while not count or len(seen) < count:
        rclpy.spin_once(node, timeout_sec=0.2)


def _message_type(name: str) -> type:
    package, _, kind = name.split("/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), kind)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"the message type {name} is not installed here: install it") from error


def _text(value: Any, indent: str = "") -> str:
    """Return a message as YAML-like text; long arrays are cut."""
    if hasattr(value, "get_fields_and_field_types"):
        lines = []
        for name in value.get_fields_and_field_types():
            field = getattr(value, name)
            nested = hasattr(field, "get_fields_and_field_types")
            separator = "\n" if nested else " "
            lines.append(f"{indent}{name}:{separator}{_text(field, indent + '  ')}")
        return "\n".join(lines)
    if isinstance(value, str | bytes | int | float | bool):
        return f"{value:.6g}" if isinstance(value, float) else str(value)
    items = list(value[:LONGEST])
    if items and hasattr(items[0], "get_fields_and_field_types"):
        return "".join(f"\n{indent}-\n{_text(item, indent + '  ')}" for item in items)
    rest = f", ... {len(value)} in all" if len(value) > LONGEST else ""
    return f"[{', '.join(_text(item) for item in items)}{rest}]"
