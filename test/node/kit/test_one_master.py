# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""One master at a time, whatever the middleware says of a message: over real publishers."""

from __future__ import annotations

import pytest
from std_msgs.msg import Int64

from ml3_ros.nodes.kit.one_master.arbiter import CommandArbiter, SeveralSourcesError
from ml3_ros.nodes.kit.one_master.senders import FORGOTTEN_S
from ml3_ros.nodes.kit.qos import RELIABLE_1, RELIABLE_100

NUMBERS = ("source_timestamp", "publication_sequence_number")  # all that Jazzy gives
NOTHING = ("source_timestamp",)
DISTINGUISHED_BY = "publishers of command distinguished by"


class Listener:
    """Receives `command`, and of its MessageInfo only the `fields`; None: whatever there is."""

    def __init__(self, graph, fields, qos=RELIABLE_100):
        self.graph, self.fields = graph, fields
        self.node = graph.plain("listener")
        self.arbiter = CommandArbiter(self.node, "command")
        self.now = 0.0  # [s]
        self.accepted, self.rejected = [], []
        self.node.create_subscription(Int64, "command", self.on_message, qos)

    def on_message(self, msg, info):
        known = {name: info[name] for name in self.fields or info if name in info}
        try:
            self.arbiter.check(known, self.now)
        except SeveralSourcesError as error:
            self.rejected.append(str(error))
        else:
            self.accepted.append(msg.data)

    def receive(self, *publishers):
        """Let each publish one message and take it, in turn."""
        for publisher in publishers:
            before = len(self.accepted) + len(self.rejected)
            publisher.publish(Int64(data=before))
            self.graph.until(
                lambda target=before + 1: len(self.accepted) + len(self.rejected) == target
            )


def publisher(graph, name, published=0, qos=RELIABLE_100):
    """Return a publisher that has already sent some messages, to nobody."""
    sender = graph.plain(name).create_publisher(Int64, "command", qos)
    for _ in range(published):
        sender.publish(Int64())
    return sender


def end(graph, name):
    """End the node of a name."""
    (node,) = (node for node in graph.executor.get_nodes() if node.get_name() == name)
    graph.executor.remove_node(node)
    node.destroy_node()


@pytest.fixture(params=[None, NUMBERS, NOTHING], ids=["all fields", "numbers", "nothing"])
def fields(request):
    return request.param


def test_one_publisher_is_followed(graph, fields):
    only = publisher(graph, "only", published=3)
    listener = Listener(graph, fields)
    graph.connect("command")
    listener.receive(*[only] * 5)
    assert len(listener.accepted) == 5


def test_one_publisher_is_followed_though_messages_are_lost(graph, fields):
    only = publisher(graph, "only", qos=RELIABLE_1)
    listener = Listener(graph, fields, qos=RELIABLE_1)
    graph.connect("command")
    listener.receive(only)
    for number in range(10):
        only.publish(Int64(data=100 + number))
    assert only.wait_for_all_acked()  # of the ten, a queue of one keeps the last
    graph.until(lambda: 109 in listener.accepted)
    assert len(listener.accepted) < 11
    assert not listener.rejected


# the second is behind the first, level with it, one ahead or far ahead
@pytest.mark.parametrize("ahead", [0, 3, 4, 50])
def test_of_two_publishers_none_is_followed_and_both_are_named(graph, fields, ahead):
    first = publisher(graph, "first", published=3)
    second = publisher(graph, "second", published=ahead)
    listener = Listener(graph, fields)
    graph.connect("command")
    listener.receive(*[first, second] * 10)
    assert len(listener.accepted) <= 2  # until the second is noticed
    assert f"({graph.namespace}/first, {graph.namespace}/second)" in listener.rejected[0]


@pytest.mark.parametrize("fields", [None, NUMBERS], ids=["all fields", "numbers"])
def test_a_publisher_that_falls_silent_is_forgotten_after_a_second(graph, fields):
    first, second = publisher(graph, "first"), publisher(graph, "second", published=7)
    listener = Listener(graph, fields)
    graph.connect("command")
    listener.receive(first, second, first, second)
    listener.accepted.clear()
    listener.now += 0.9 * FORGOTTEN_S
    listener.receive(first)
    assert not listener.accepted
    listener.now += 0.2 * FORGOTTEN_S
    listener.receive(first, first)
    assert len(listener.accepted) == 2
    listener.receive(second)  # and is noticed again
    assert len(listener.accepted) == 2


@pytest.mark.parametrize("fields", [None, NUMBERS], ids=["all fields", "numbers"])
def test_a_successor_is_followed_once_the_first_is_forgotten(graph, fields):
    listener = Listener(graph, fields)
    before = publisher(graph, "before", published=5)
    graph.connect("command")
    listener.receive(before, before)
    end(graph, "before")
    after = publisher(graph, "after")
    graph.connect("command")
    listener.now += 1.1 * FORGOTTEN_S
    listener.receive(*[after] * 3)
    assert len(listener.accepted) == 5


def test_where_no_message_names_its_sender_a_silent_publisher_counts_and_the_log_says_so(
    graph, capfd
):
    speaker = publisher(graph, "speaker")
    publisher(graph, "silent")
    listener = Listener(graph, NOTHING)
    graph.connect("command")
    assert listener.arbiter.diagnostic_values() == {DISTINGUISHED_BY: "no message yet"}
    listener.receive(speaker)
    assert listener.rejected
    assert "this middleware does not name who publishes command" in capfd.readouterr().err
    assert "silent ones count" in str(listener.arbiter.diagnostic_values()[DISTINGUISHED_BY])
    end(graph, "silent")
    graph.until(lambda: listener.node.count_publishers(f"{graph.namespace}/command") == 1)
    listener.receive(speaker)
    assert listener.accepted


def test_the_best_that_the_middleware_says_is_used(graph):
    only = publisher(graph, "only")
    heard, listener = [], Listener(graph, None)
    listener.node.create_subscription(
        Int64, "command", lambda msg, info: heard.append(info), RELIABLE_100
    )
    graph.connect("command")
    listener.receive(only)
    graph.until(lambda: heard)
    way = "publisher" if heard[0].get("publisher_gid") else "sequence number"
    assert listener.arbiter.diagnostic_values() == {DISTINGUISHED_BY: way}
