# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the fault benches count and compute."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState

from faults.benches.soak import RATE, Received, memory_row
from faults.rig.bench_node import Topic
from faults.rig.recoveries import Recoveries, spread
from faults.rig.result import Row, rows_of
from faults.rig.waiting import BenchError, require, until
from ml3_ros.nodes.messages.joint_states import NANO, time_msg

STEP = round(NANO / RATE)


def state(k):
    msg = JointState(name=["a"], position=[0.0])
    msg.header.stamp = time_msg(10 * NANO + k * STEP)
    return serialize_message(msg)


def test_samples_that_a_stream_lacks_are_counted_by_their_stamps():
    received = Received()
    for k in (0, 1, 2, 5, 4, 6):
        received.on_state(state(k))
    assert (received.samples, received.missing, received.backwards) == (6, 2, 1)


def test_counts_that_grow_are_reported_with_their_last_value():
    received = Received()
    for count, message in ((1, "active; now: lost samples"), (3, "active")):
        status = DiagnosticStatus(name="n", message=message)
        values = {"lost samples": count, "samples waiting": 7 - count}
        status.values = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
        received.on_diagnostics(DiagnosticArray(status=[status]))
    assert received.counts() == ["n: 3 lost samples"]
    assert received.waiting == 6


@pytest.mark.parametrize(("slope", "holds"), [(0.0, True), (300.0, False)])
def test_memory_is_flat_or_not(slope, holds):
    t = np.arange(0.0, 1800.0, 10.0)
    mb = 100.0 + slope * t / 3600.0 + 50.0 * (t < 200.0)  # what fills at the start does not count
    row = memory_row("n", deque(zip(t, mb, strict=True)))
    assert row.holds is holds
    assert f"{slope:+.1f} MB/h" in row.measured
    short = memory_row("n", deque(zip(t / 100.0, mb, strict=True)))
    assert short.holds is None


def test_recoveries_and_failures_are_counted_apart():
    recoveries = Recoveries()
    answers = iter([False, True, True])
    recoveries.wait(lambda: True, at=0.0, timeout_s=1e12)
    recoveries.wait(lambda: next(answers), at=0.0, timeout_s=0.0)
    assert (len(recoveries.times), len(recoveries.failures)) == (1, 1)
    assert recoveries.row("n").holds is False
    assert recoveries.row("n").measured.startswith("1 of 2")
    assert Recoveries().row("never killed").holds is False


def test_a_wait_has_a_deadline():
    assert until(lambda: True, 0.0)
    assert not until(lambda: False, 0.0)
    with pytest.raises(BenchError, match="the moon: not within 0 s"):
        require(lambda: False, "the moon", 0.0)


def test_a_measurement_that_fails_leaves_the_others():
    row = Row("whole", "3 of 3")
    rows = rows_of(lambda: require(lambda: False, "the moon", 0.0), lambda: [row])
    assert rows[1] == row
    assert rows[0].holds is False and "the moon" in rows[0].measured


def test_messages_are_found_by_the_time_of_their_publication():
    topic = Topic(JointState)
    for k in (2, 1, 3):
        topic.add(state(k), {"source_timestamp": k * NANO})
    assert topic.times(2.0).tolist() == [2.0, 3.0]
    assert [t for t, _ in topic.since(2.0)] == [2.0, 3.0]
    assert topic.last().header.stamp == time_msg(10 * NANO + 3 * STEP)


def test_a_spread_is_median_and_largest():
    assert spread([0.001, 0.002, 0.004], "ms", 1e3) == "median 2 ms, max 4 ms"
    assert spread([], "s") == "none"
