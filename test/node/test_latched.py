# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Latched topics: every publisher is heard, also `ros2 topic pub`, and each message once."""

from __future__ import annotations

import time

import pytest
from rclpy.experimental import EventsExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.serialization import serialize_message
from std_msgs.msg import String

from ml3_msgs.msg import LearnedLoss
from ml3_ros.nodes.kit.diagnostics import ERRORS
from ml3_ros.nodes.kit.latched import REMEMBERED_S, Copies
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.parameters.annotated import NodeParameters
from ml3_ros.nodes.kit.qos import LATCHED_100, RELIABLE_100
from ml3_ros.nodes.policy_optimizer.node import PolicyOptimizer
from ml3_ros.nodes.recorder import Recorder

SUCCESS = TransitionCallbackReturn.SUCCESS


class Listener(Ml3Node[NodeParameters]):
    """Keeps what it hears on a latched topic."""

    def load(self):
        self.heard = []
        self.subscribe(String, "words", lambda msg: self.heard.append(msg.data), LATCHED_100)


@pytest.fixture
def listener(graph):
    node = graph.add(Listener, "listener")
    assert node.trigger_configure() == SUCCESS
    assert node.trigger_activate() == SUCCESS
    return node


def say(publisher, *words):
    for word in words:
        publisher.publish(String(data=word))


def test_a_publisher_that_latches_nothing_is_heard(graph, listener, capfd):
    words = graph.plain().create_publisher(String, "words", RELIABLE_100)
    graph.until(words.get_subscription_count)
    say(words, "a", "a", "b")
    graph.until(lambda: listener.heard == ["a", "a", "b"])
    graph.for_(0.2)
    assert listener.heard == ["a", "a", "b"]
    assert "offering incompatible QoS" not in capfd.readouterr().err


def test_a_latched_publisher_is_heard_once_before_and_after(graph, listener):
    words = graph.plain().create_publisher(String, "words", LATCHED_100)
    say(words, "before", "before")
    graph.until(lambda: words.get_subscription_count() == 2)  # as a late one hears it, and others
    graph.until(lambda: listener.heard.count("before") == 2)
    say(words, "after", "after", "end")
    graph.until(lambda: "end" in listener.heard)
    graph.for_(0.2)
    assert listener.heard == ["before", "before", "after", "after", "end"]


def test_both_kinds_of_publishers_are_heard_side_by_side(graph, listener):
    probe = graph.plain()
    plain = probe.create_publisher(String, "words", RELIABLE_100)
    latching = probe.create_publisher(String, "words", LATCHED_100)
    graph.until(lambda: plain.get_subscription_count() and latching.get_subscription_count() == 2)
    say(plain, "p")
    say(latching, "l")
    graph.until(lambda: set(listener.heard) == {"p", "l"})
    graph.for_(0.2)
    assert sorted(listener.heard) == ["l", "p"]


def test_bytes_that_are_no_message_are_counted_and_the_topic_goes_on(graph, listener):
    words = graph.plain().create_publisher(String, "words", RELIABLE_100)
    graph.until(words.get_subscription_count)
    words.publish(serialize_message(String(data="word"))[:6])
    counts = listener.diagnostics.counts
    graph.until(lambda: counts["damaged messages"])
    assert not counts[ERRORS], "whoever sent them is to blame, not the node"
    say(words, "a")
    graph.until(lambda: listener.heard == ["a"])


def test_it_works_on_the_events_executor_too(executor, graph):
    node = Listener("listener", context=executor.context, namespace=graph.namespace)
    words = graph.plain().create_publisher(String, "words", RELIABLE_100)
    events = EventsExecutor(context=executor.context)
    events.add_node(node)
    assert node.trigger_configure() == SUCCESS
    assert node.trigger_activate() == SUCCESS
    end = time.monotonic() + 60.0
    while not node.heard and time.monotonic() < end:
        if words.get_subscription_count():
            say(words, "a")
        events.spin_once(timeout_sec=0.05)
        executor.spin_once(timeout_sec=0.05)
    events.shutdown()
    node.destroy_node()
    assert node.heard[0] == "a"


def test_a_copy_is_one_only_for_a_while_and_from_the_other_side():
    now = [0.0]
    copies = Copies(lambda: now[0])
    assert copies.is_new(0, b"x") and copies.is_new(0, b"x")
    assert not copies.is_new(1, b"x") and not copies.is_new(1, b"x")
    assert copies.is_new(1, b"x")  # a third one, of another publisher
    now[0] += REMEMBERED_S + 1.0
    assert copies.is_new(0, b"x")


def test_a_loss_from_the_command_line_is_looked_at_once(graph, tmp_path):
    node = graph.add(
        PolicyOptimizer, "policy_optimizer", joints=["a"], loss="none", out=str(tmp_path)
    )
    assert node.trigger_configure() == SUCCESS
    losses = graph.plain().create_publisher(LearnedLoss, "learned_loss", RELIABLE_100)
    graph.until(losses.get_subscription_count)
    losses.publish(LearnedLoss(name="unknown"))
    graph.until(lambda: node.diagnostics.counts["rejected messages"] == 1)
    graph.for_(0.2)
    assert node.diagnostics.counts["rejected messages"] == 1


def test_the_recorder_writes_messages_of_both_kinds_once(graph, tmp_path):
    probe = graph.plain()
    latching = probe.create_publisher(String, "words", LATCHED_100)
    say(latching, "before")
    recorder = graph.add(Recorder, "recorder", out=str(tmp_path), topics=["words"])
    assert recorder.trigger_configure() == SUCCESS
    assert recorder.trigger_activate() == SUCCESS
    topic = f"{graph.namespace}/words"
    graph.until(lambda: topic in recorder._recorded)
    plain = probe.create_publisher(String, "words", RELIABLE_100)
    graph.until(lambda: plain.get_subscription_count() and latching.get_subscription_count() == 2)
    say(plain, "p")
    say(latching, "l")
    rates = recorder.diagnostics.rates
    graph.until(lambda: topic in rates and rates[topic].total == 3)
    graph.for_(0.2)
    assert recorder.trigger_deactivate() == SUCCESS
    assert rates[topic].total == 3
