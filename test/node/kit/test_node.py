# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What every node does: life cycle, one name, diagnostics; errors that do not end it."""

from __future__ import annotations

import threading
import time

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock_type import ClockType
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import Empty, Trigger

from ml3_ros.errors import ConfigError, MessageError
from ml3_ros.nodes.kit import name_guard
from ml3_ros.nodes.kit.diagnostics import ERRORS
from ml3_ros.nodes.kit.name_guard import claim_name
from ml3_ros.nodes.kit.qos import RELIABLE_100
from test.node.kit.relay import FAILURE, SUCCESS, Relay, change


@pytest.mark.parametrize("gain", [0.0, 9.0])
def test_a_failed_configure_leaves_a_node_that_can_be_put_right(graph, gain):
    node = graph.add(Relay, "relay", gains=[gain])
    assert node.trigger_configure() != SUCCESS
    assert node.state_name() == "unconfigured"
    change(node, gains=[1.0])
    assert node.trigger_configure() == SUCCESS


def test_a_second_node_of_the_same_name_is_rejected(graph, capfd):
    node = graph.add(Relay, "relay")
    other = rclpy.Context()
    rclpy.init(context=other)
    namesake = rclpy.create_node("relay", namespace=graph.namespace, context=other)

    def seen():
        return node.get_node_names_and_namespaces().count(("relay", graph.namespace))

    graph.until(lambda: seen() == 2)
    assert node.trigger_configure() == FAILURE
    assert f"another node named {graph.namespace}/relay is running" in capfd.readouterr().err
    namesake.destroy_node()
    other.try_shutdown()
    graph.until(lambda: seen() == 1)
    assert node.trigger_configure() == SUCCESS


def test_a_name_is_claimed_until_it_is_let_go(graph):
    node, second = graph.plain("relay"), graph.plain("relay")
    with claim_name(node), pytest.raises(ConfigError, match=f"{graph.namespace}/relay is running"):
        claim_name(second)
    claim_name(second).close()


def test_a_namesake_that_is_about_to_end_is_waited_for(graph):
    node = graph.add(Relay, "relay")
    other = rclpy.Context()
    rclpy.init(context=other)
    namesake = rclpy.create_node("relay", namespace=graph.namespace, context=other)
    me = ("relay", graph.namespace)
    graph.until(lambda: node.get_node_names_and_namespaces().count(me) == 2)
    claim = claim_name(namesake)

    def end():
        claim.close()
        namesake.destroy_node()
        other.try_shutdown()

    ending = threading.Timer(1.0, end)
    ending.start()
    began = time.monotonic()
    with claim_name(node):
        assert time.monotonic() - began > 0.9
        assert node.trigger_configure() == SUCCESS
    assert node.get_node_names_and_namespaces().count(me) == 1
    ending.join()


def test_where_the_system_knows_no_abstract_names_nodes_start_all_the_same(graph, monkeypatch):
    monkeypatch.setattr(name_guard, "PREFIX", "/nowhere")
    claim_name(graph.plain("relay")).close()


def test_timers_go_on_while_the_clock_of_the_machine_is_set(graph):
    node = graph.add(Relay, "relay")
    node.every(1.0, lambda: None)
    assert len(list(node.timers)) == 2  # and that of /diagnostics
    assert {timer.clock.clock_type for timer in node.timers} == {ClockType.STEADY_TIME}


class Listening(Relay):
    """Notes what comes, whether it sends it on or not."""

    def load(self):
        super().load()
        self.came = []
        self.subscribe(JointState, "in", self.came.append, RELIABLE_100, always=True)


def test_nothing_leaves_a_node_that_is_not_active(graph):
    node = graph.add(Listening, "relay")
    probe = graph.plain()
    received = graph.listen(probe, JointState, "out")
    sender = probe.create_publisher(JointState, "in", RELIABLE_100)
    node.trigger_configure()
    node.trigger_activate()
    graph.connect("in")
    graph.connect("out")
    sender.publish(JointState(name=["1"]))
    graph.until(lambda: len(received) == 1)
    node.trigger_deactivate()
    sender.publish(JointState(name=["2"]))
    assert sender.wait_for_all_acked()  # it waits for both subscriptions, the older comes first
    graph.until(lambda: len(node.came) == 2)
    node.trigger_activate()
    sender.publish(JointState(name=["3"]))
    graph.until(lambda: len(received) == 2)
    assert received[1].name == ["3"]


def test_diagnostics_hold_rates_and_warn_as_long_as_something_is_rejected(graph):
    node = graph.add(Relay, "relay")
    probe = graph.plain()
    published = graph.listen(probe, DiagnosticArray, "/diagnostics")
    node.trigger_configure()
    node.trigger_activate()
    graph.connect("/diagnostics")
    node.diagnostics.tick("messages")
    node.reject(MessageError("a message is broken: mend it"))

    def mine():
        return [s for msg in published for s in msg.status if s.name.endswith("/relay")]

    graph.until(lambda: any(status.level == DiagnosticStatus.WARN for status in mine()))
    warned = next(status for status in mine() if status.level == DiagnosticStatus.WARN)
    values = {pair.key: pair.value for pair in warned.values}
    assert warned.message == "active; now: rejected messages"
    assert values["rejected messages"] == "1"
    assert float(values["messages [Hz]"]) > 0.0
    graph.until(lambda: mine()[-1].level == DiagnosticStatus.OK)


class Brittle(Relay):
    """Raises what nobody expects, wherever it is called."""

    def load(self):
        self.subscribe(JointState, "in", self.fail, RELIABLE_100)
        self.every(0.02, self.fail)
        self.serve(Trigger, "~/request", self.fail)
        self.serve(Empty, "~/empty_request", self.fail)

    def diagnostic_values(self):
        return self.fail()

    def fail(self, *_):
        raise RuntimeError("half of a pair: \ud800")


def test_nothing_that_is_raised_ends_a_node(graph, capfd):
    node = graph.add(Brittle, "brittle")
    probe = graph.plain()
    published = graph.listen(probe, DiagnosticArray, "/diagnostics")
    sender = probe.create_publisher(JointState, "in", RELIABLE_100)
    request = probe.create_client(Trigger, "brittle/request")
    empty_request = probe.create_client(Empty, "brittle/empty_request")
    node.trigger_configure()
    node.trigger_activate()
    graph.connect("in")
    sender.publish(JointState())
    graph.until(lambda: request.service_is_ready() and empty_request.service_is_ready())
    answer, nothing = (
        request.call_async(Trigger.Request()),
        empty_request.call_async(Empty.Request()),
    )
    graph.until(lambda: answer.done() and nothing.done())
    assert not answer.result().success
    assert answer.result().message == r"RuntimeError: half of a pair: \ud800"
    assert nothing.result() == Empty.Response()
    graph.until(
        lambda: any(
            s.level == DiagnosticStatus.ERROR and ERRORS in {pair.key for pair in s.values}
            for msg in published
            for s in msg.status
            if s.name.endswith("/brittle")
        )
    )
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize("error", [MemoryError, RecursionError, KeyError, UnicodeError])
def test_a_message_counts_as_an_error_where_its_callback_raises_anything(graph, error):
    def fail(_):
        raise error("x")

    node = graph.add(Relay, "relay")
    sender = graph.plain().create_publisher(JointState, "wrong", RELIABLE_100)
    node.subscribe(JointState, "wrong", fail, RELIABLE_100, always=True)
    graph.connect("wrong")
    sender.publish(JointState())
    graph.until(lambda: node.diagnostics.counts[ERRORS] == 1)
    assert not node.diagnostics.counts["rejected messages"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_exit_from_a_callback_ends_the_process(graph, error):
    def fail(*_):
        raise error

    node = graph.add(Relay, "relay")
    node.trigger_configure()
    node.every(0.01, fail)
    node.trigger_activate()
    with pytest.raises(error):
        graph.for_(60.0)
    with pytest.raises(error):
        node.answering(Trigger, fail)(Trigger.Request(), Trigger.Response())
    assert not node.diagnostics.counts


def test_a_timer_goes_on_after_a_sentence_and_after_an_error(graph):
    raised = []

    def fail():
        raised.append(
            MessageError("a sentence") if len(raised) % 2 else ZeroDivisionError("a bug")
        )
        raise raised[-1]

    node = graph.add(Relay, "relay")
    node.trigger_configure()
    node.every(0.01, fail)
    node.trigger_activate()
    graph.until(lambda: len(raised) > 4)
    assert node.diagnostics.counts[ERRORS] == len(raised)


def test_diagnostics_are_published_on_the_events_executor_too(executor):
    """It gives what a timer knows to every callback that can take it."""
    node = Relay("relay", context=executor.context)
    probe = Node("probe", context=executor.context)
    published = []
    probe.create_subscription(DiagnosticArray, "/diagnostics", published.append, 10)
    executor.add_node(probe)
    events = EventsExecutor(context=executor.context)
    events.add_node(node)
    end = time.monotonic() + 60.0
    while not published and time.monotonic() < end:
        events.spin_once(timeout_sec=0.05)
        executor.spin_once(timeout_sec=0.05)
    events.shutdown()
    node.destroy_node()
    assert published
    assert not node.diagnostics.counts
