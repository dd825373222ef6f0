# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""First samples of policy_optimizer: scales come from motion, and a stream without any ends."""

from __future__ import annotations

import io

import numpy as np
import pytest
from std_msgs.msg import Bool

from ml3_ros.data.filters import FilteredSample
from ml3_ros.nodes.kit.qos import LATCHED_1
from ml3_ros.nodes.policy_optimizer import stream_end as module
from ml3_ros.nodes.policy_optimizer.first_samples import FirstSamples
from test.node.policy_optimizer.bench import NAMES, up


def sample(t, v):
    return FilteredSample(t=t, q=np.zeros(2), v=np.array(v), a=np.array(v), tau=10.0 * np.array(v))


def test_rest_before_the_first_motion_counts_for_nothing():
    first = FirstSamples(needed=4)
    for k in range(50):
        first.add(sample(0.01 * k, (0.01, 0.0)))
        first.forget(20)
    assert len(first) == 0 and not first.enough
    for k in range(50, 54):
        first.add(sample(0.01 * k, ((-1.0) ** k, 0.0)))
    assert first.enough
    units = first.units(NAMES)
    assert units.velocity[0] == pytest.approx(1.0)
    assert units.effort[0] == pytest.approx(10.0)


def test_motion_now_and_then_is_gathered_and_what_is_old_goes():
    first = FirstSamples(needed=4)
    for k in range(40):
        first.add(sample(0.01 * k, (1.0 if k % 5 == 0 else 0.0, 0.0)))
        first.forget(20)
        assert len(first) <= 20
    assert first.moving == 4 and first.enough
    first.clear()
    assert len(first) == first.moving == 0


def test_an_arm_that_stands_still_is_waited_for_and_joints_that_rest_get_scales(
    graph, optimizer, capfd
):
    node, arm = optimizer(learn_duration=60.0)
    up(node)
    moving = arm.message

    def still(k):
        msg = moving(k)
        msg.position = [0.0, 0.0]
        msg.velocity, msg.effort = [1e-4 * (-1) ** k, 0.0], [1.0, 1.0]
        return msg

    arm.message = still
    arm.stream(200)
    assert node._worker is None
    log = io.StringIO()
    graph.until(lambda: log.write(capfd.readouterr().err) and "for motion" in log.getvalue())

    def one_joint(k):
        msg = moving(k)
        msg.position[1] = msg.velocity[1] = 0.0
        return msg

    arm.message = one_joint
    arm.stream(120)
    graph.until(lambda: node._worker is not None)
    units = node._worker._online.optimizee.units
    assert units.velocity[0] > 0.5
    assert units.velocity[1] == pytest.approx(0.02 * units.velocity[0])


def test_a_stream_that_ends_before_anything_moved_ends_the_run(
    graph, optimizer, capfd, monkeypatch
):
    monkeypatch.setattr(module, "PATIENCE_S", 0.2)
    node, arm = optimizer()
    finished = arm.probe.create_publisher(Bool, "stream_finished", LATCHED_1)
    up(node)
    arm.stream(40)
    finished.publish(Bool(data=True))
    graph.until(lambda: node.failed)
    assert "the stream is over, but nothing could be learned: waiting for motion" in (
        capfd.readouterr().err
    )
