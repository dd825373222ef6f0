# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Real nodes in this process: each test has its own context and executor."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import rclpy
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState

from ml3_msgs.msg import Adaptation
from ml3_ros.errors import ConfigError
from ml3_ros.nodes.adaptation.names import topics_of
from ml3_ros.nodes.kit.qos import RELIABLE_100
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, sample_to_msg
from ml3_ros.robots.sawyer import interface as sawyer

TESTS = itertools.count()
SAWYER_MESSAGES = "ml3_sawyer_test_msgs"
JOINTS = ("a", "b")
STREAM_START = 1_000 * NANO


class Graph:
    """Makes nodes on one executor and spins them until something is true."""

    def __init__(self, executor: SingleThreadedExecutor) -> None:
        self.executor = executor
        self.context = executor.context
        # Nodes of the last test may still be leaving: this one shall not read their messages.
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

    def arm(self, node: Any) -> Arm:
        """Return an arm whose joint states `node` reads."""
        return Arm(self, node)

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

    def listen_to_methods(self, node: Node, *methods: str) -> list[Adaptation]:
        """Return the list into which the statuses of these methods go."""
        received: list[Adaptation] = []
        for topic in topics_of(methods).values():
            node.create_subscription(Adaptation, topic, received.append, RELIABLE_100)
        return received

    def until(self, condition: Callable[[], object], timeout_s: float = 120.0) -> None:
        """Spin until `condition` is true; fail after `timeout_s`."""
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, "condition not met in time"
            self.executor.spin_once(timeout_sec=0.02)

    def connect(self, topic: str) -> None:
        """Spin until all publishers and subscriptions of a topic have found each other."""
        nodes = self.executor.get_nodes()
        name = topic if topic.startswith("/") else f"{self.namespace}/{topic}"
        publishers = [p for n in nodes for p in n.publishers if p.topic_name == name]
        subscriptions = [s for n in nodes for s in n.subscriptions if s.topic_name == name]
        assert publishers
        assert subscriptions
        self.until(
            lambda: (
                all(p.get_subscription_count() >= len(subscriptions) for p in publishers)
                and all(s.get_publisher_count() >= len(publishers) for s in subscriptions)
            )
        )

    def for_(self, seconds: float) -> None:
        """Spin for a while: to see that something does not happen."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end)


class Arm:
    """Two decoupled pendulums with a bit of friction, sampled at 100 Hz."""

    def __init__(self, graph, node):
        self.graph, self.node, self.k = graph, node, 0
        self.probe = graph.plain("arm")
        self.states = self.probe.create_publisher(JointState, "joint_states", RELIABLE_100)

    def message(self, k):
        t = k * 0.01 * np.array([1.0, 1.3]) * 2.0
        rate = np.array([2.0, 2.6])
        q, v, a = np.sin(t), rate * np.cos(t), -(rate**2) * np.sin(t)
        tau = np.array([0.5, 0.2]) * a + np.array([2.0, 1.0]) * np.sin(q) + 0.1 * v
        stamp = STREAM_START + k * NANO // 100
        return sample_to_msg(JointSample(stamp=stamp, q=q, v=v, tau=tau), JOINTS)

    def stream(self, count):
        """Send `count` samples, no faster than the node takes them."""
        self.graph.connect("joint_states")
        for _ in range(count // 20):
            before = self.received()
            for _ in range(20):
                self.states.publish(self.message(self.k))
                self.k += 1
            self.graph.until(lambda target=before + 20: self.received() >= target or self.done())

    def received(self):
        rate = self.node.diagnostics.rates.get("joint_states")
        return rate.total if rate else 0

    def done(self):
        return self.node.state_name() != "active"


@pytest.fixture
def executor() -> Iterator[SingleThreadedExecutor]:
    context = rclpy.Context()
    rclpy.init(context=context)
    executor = SingleThreadedExecutor(context=context)
    yield executor
    for node in executor.get_nodes():
        for waitable in list(node.waitables):
            if isinstance(waitable, ActionClient):  # would keep its node in the domain
                waitable.destroy()
        node.destroy_node()
    executor.shutdown()
    context.try_shutdown()


@pytest.fixture
def graph(executor: SingleThreadedExecutor) -> Iterator[Graph]:
    """Nodes on the executor of this test."""
    yield Graph(executor)


@pytest.fixture(scope="session")
def messages() -> sawyer.SawyerMessages:
    """The stand-ins for a Sawyer's messages."""
    try:
        return sawyer.message_types(SAWYER_MESSAGES)
    except ConfigError as error:
        pytest.fail(f"{error}\nrun `python3 tools/setup_env.py --tests`, as `make test` does")
