# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The node of the fault benches: what it records, requests and reads."""

from __future__ import annotations

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Float64
from std_srvs.srv import Trigger

from faults.rig.bench_node import BenchNode
from faults.rig.waiting import BenchError, require
from ml3_ros.nodes.kit.qos import RELIABLE_100


@pytest.fixture
def bench():
    with BenchNode() as bench:
        yield bench


def test_it_records_what_another_node_publishes(bench):
    topic = bench.record(Float64, "recorded")
    publisher = bench.publisher(Float64, "recorded", RELIABLE_100)
    for value in (1.0, 2.0):
        publisher.publish(Float64(data=value))
    require(lambda: len(topic) == 2, "two messages", 20.0)
    first, second = topic.times()
    assert topic.last().data == 2.0
    assert [msg.data for _, msg in topic.since(second)] == [2.0]
    assert topic.published_since(first) and not topic.published_since(second + 1.0)
    topic.clear()
    assert topic.last() is None


def test_it_returns_the_response_of_a_service_or_names_the_one_that_is_silent(bench):
    def respond(request, response):
        response.message = "done"
        return response

    bench.add_node("server").create_service(Trigger, "respond", respond)
    assert bench.request(Trigger, "respond").message == "done"
    with pytest.raises(BenchError, match="nobody"):
        bench.request(Trigger, "nobody", 0.1)


def test_it_keeps_the_newest_diagnostics_of_each_node(bench):
    publisher = bench.publisher(DiagnosticArray, "/diagnostics", RELIABLE_100)
    status = DiagnosticStatus(name="n", message="active")
    status.values = [KeyValue(key="state", value="active"), KeyValue(key="lost", value="3")]
    publisher.publish(DiagnosticArray(status=[status]))
    require(lambda: bench.is_active("n"), "diagnostics", 20.0)
    assert bench.diagnostic_count("n", "lost", "unknown") == 3
    bench.forget_diagnostics("n")
    assert bench.diagnostic("n", "state") == ""


def test_a_callback_that_fails_makes_the_bench_fail():
    def fail(msg):
        raise ZeroDivisionError

    bench = BenchNode()
    bench.listen(Float64, "failing", fail, RELIABLE_100)
    bench.publisher(Float64, "failing", RELIABLE_100).publish(Float64())
    require(lambda: not bench.spins, "the end of the thread", 20.0)
    with pytest.raises(BenchError, match="a callback of the bench"), bench:
        pass
