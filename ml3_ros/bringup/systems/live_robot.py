# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Robot that runs already: its description and its joints, heard before a system's nodes start."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import rclpy
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from ml3_ros.bringup.node_arguments import enclave_arguments
from ml3_ros.data.repair.names import find_names
from ml3_ros.errors import ConfigError

LISTENER = "ml3_listener"
LISTENER_OPTIONS: dict[str, Any] = {"enable_rosout": False, "start_parameter_services": False}
FOREIGN_S = 3.0  # after the first message: until then one of the arm is to come
GATHERED_S = 0.5  # after the first message with joints of the arm: others may carry more of them
LATCHED = QoSProfile(
    depth=10,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
ANY = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)  # hears all who send now


def description(topic: str, namespace: str, seconds: float) -> tuple[str, str]:
    """Return the full name of a topic and the URDF that is published on it.

    Args:
        topic: Relative names are in the namespace.
        namespace: Of the system.
        seconds: To wait for it.

    Raises:
        ConfigError: Nobody publishes there in time.
    """
    texts: list[str] = []
    with _listening(namespace) as (node, spin_until):
        name = node.resolve_topic_name(topic)
        for qos in (LATCHED, ANY):
            _subscribe(node, String, name, lambda msg: texts.append(msg.data), qos)
        spin_until(lambda: texts, seconds)
    if not texts:
        raise ConfigError(
            f"no robot_description came on {name} within {seconds:g} s: start the robot's driver "
            "or robot_state_publisher, name another topic by urdf:=topic:/NAME, or give "
            f"urdf:=FILE; {_where()}"
        )
    return name, texts[-1]


@dataclass(frozen=True, kw_only=True, slots=True)
class HeardStream:
    """Joint states of a running robot: which joints they carry, and whether lost ones come again.

    One driver that sends its messages only once is enough for `reliable` to be false.
    """

    joints: tuple[str, ...]
    reliable: bool


def stream(
    topic: str, known: Sequence[str], namespace: str, seconds: float, rename: str = ""
) -> HeardStream:
    """Return what of the joints `known` comes in joint states, in their order.

    Args:
        topic: Relative names are in the namespace.
        known: Joints of the arm.
        namespace: Of the system.
        seconds: To wait for the first of them.
        rename: Names that come in terms of `known`, see `data.repair.names`.

    Raises:
        ConfigError: Nothing comes in time, or joint states of other arms alone.
        DataError: The renaming cannot be used.
    """

    def heard() -> tuple[str, ...]:
        called = find_names(tuple(seen), known, rename).recorded
        return tuple(joint for joint in known if joint in called)

    seen: dict[str, None] = {}
    with _listening(namespace) as (node, spin_until):
        name = node.resolve_topic_name(topic)
        _subscribe(node, JointState, name, lambda msg: seen.update(dict.fromkeys(msg.name)), ANY)
        if spin_until(lambda: seen, seconds):  # maybe of a gripper, which has its own driver
            spin_until(heard, min(seconds, FOREIGN_S))
            spin_until(lambda: len(heard()) == len(known), GATHERED_S)
        profiles = [info.qos_profile for info in node.get_publishers_info_by_topic(name)]
    found = heard()
    if seen and not found:
        raise ConfigError(
            f"the joint states on {name} are of {', '.join(seen)}, but the arm has "
            f"{', '.join(known)}: give the URDF of the arm that streams, name its topic by "
            "topic:=/NAME, or its names by rename:="
        )
    if not found:
        raise ConfigError(
            f"no joint states came on {name} within {seconds:g} s: start the robot's driver, or "
            f"name its topic by topic:=/NAME; {_where()}"
        )
    once = [p for p in profiles if p.reliability == ReliabilityPolicy.BEST_EFFORT]
    return HeardStream(joints=found, reliable=not once)


def _where() -> str:
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    return (
        f"both have to be in ROS_DOMAIN_ID {domain}, and for a robot on another computer set "
        "ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET"
    )


def _subscribe(
    node: Node, kind: type, topic: str, callback: Callable[[Any], None], qos: QoSProfile
) -> None:
    quiet = SubscriptionEventCallbacks(incompatible_qos=lambda _: None)  # another one hears them
    node.create_subscription(kind, topic, callback, qos, event_callbacks=quiet)


@contextmanager
def _listening(
    namespace: str,
) -> Iterator[tuple[Node, Callable[[Callable[[], object], float], bool]]]:
    """Make a node of its own, and a function that spins it until a condition holds, or too long.

    The process may have a ROS context of its own, as `ros2 launch` has, which stays as it is.
    """
    context = rclpy.Context()
    enclave = enclave_arguments(LISTENER, os.environ)
    args = ["--ros-args", *enclave] if enclave else []
    rclpy.init(args=args, context=context, signal_handler_options=SignalHandlerOptions.NO)
    try:
        executor = SingleThreadedExecutor(context=context)
        node = Node(
            LISTENER,
            namespace=namespace,
            context=context,
            use_global_arguments=False,
            **LISTENER_OPTIONS,
        )
        executor.add_node(node)

        def spin_until(condition: Callable[[], object], seconds: float) -> bool:
            end = time.monotonic() + seconds
            while not condition() and time.monotonic() < end:
                executor.spin_once(timeout_sec=0.05)
            return bool(condition())

        yield node, spin_until
        executor.shutdown()
        node.destroy_node()
    finally:
        context.try_shutdown()
