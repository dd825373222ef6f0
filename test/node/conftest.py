"""Real nodes in this process: each test has its own context and executor."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile

TESTS = itertools.count()


class Graph:
    """Makes nodes on one executor and spins them until something is true."""

    def __init__(self, executor: SingleThreadedExecutor) -> None:
        self.executor = executor
        self.context = executor.context
        # Nodes of the last test may still be leaving: they shall not be heard in this one.
        self.namespace = f"/test_{next(TESTS)}"

    def add(self, node_class: type, name: str, **parameters: Any) -> Any:
        """Return a node of ml3_ros with these parameters, not configured yet."""
        overrides = [
            Parameter(key, value=value)
            for key, value in {"duplicate_wait": 0.0, **parameters}.items()
        ]
        node = node_class(
            name,
            namespace=self.namespace,
            context=self.context,
            parameter_overrides=overrides,
        )
        self.executor.add_node(node)
        return node

    def plain(self, name: str = "probe") -> Node:
        """Return a node without anything."""
        node = Node(name, namespace=self.namespace, context=self.context)
        self.executor.add_node(node)
        return node

    def listen(self, node: Node, msg_type: type, topic: str, qos: QoSProfile | int = 100) -> list:
        """Return the list into which the messages of a topic go."""
        received: list[Any] = []
        node.create_subscription(msg_type, topic, received.append, qos)
        return received

    def until(self, condition: Callable[[], object], timeout_s: float = 10.0) -> None:
        """Spin until `condition` is true; fail after `timeout_s`."""
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, "condition not met in time"
            self.executor.spin_once(timeout_sec=0.02)

    def connect(self, topic: str) -> None:
        """Spin until all publishers and subscriptions of a topic have found each other."""
        nodes = self.executor.get_nodes()
        name = f"{self.namespace}/{topic}"
        publishers = [p for n in nodes for p in n.publishers if p.topic_name == name]
        subscriptions = [s for n in nodes for s in n.subscriptions if s.topic_name == name]
        assert publishers
        assert subscriptions
        self.until(
            lambda: all(p.get_subscription_count() >= len(subscriptions) for p in publishers)
            and all(s.get_publisher_count() >= len(publishers) for s in subscriptions)
        )

    def for_(self, seconds: float) -> None:
        """Spin for a while: to see that something does not happen."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end)


@pytest.fixture
def executor() -> Iterator[SingleThreadedExecutor]:
    context = rclpy.Context()
    rclpy.init(context=context)
    executor = SingleThreadedExecutor(context=context)
    yield executor
    for node in executor.get_nodes():
        node.destroy_node()
    executor.shutdown()
    context.try_shutdown()


@pytest.fixture
def graph(executor: SingleThreadedExecutor) -> Iterator[Graph]:
    """Nodes on the executor of this test."""
    yield Graph(executor)
