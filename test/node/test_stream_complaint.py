# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A stream that can hardly be used is named: in the log and on /diagnostics."""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import TransitionCallbackReturn

from ml3_ros.nodes.messages.joint_states import NANO, nanoseconds, time_msg
from ml3_ros.nodes.meta_learner.node import MetaLearner
from ml3_ros.nodes.policy_optimizer.node import PolicyOptimizer

NODES = {
    "policy_optimizer": (PolicyOptimizer, {"loss": "none", "units_samples": 50}),
    "meta_learner": (MetaLearner, {}),
}
SENTENCE = "only 0 % of the last 2.1 s of joint_states (a, b) can be used"


@pytest.fixture(params=NODES)
def listener(request, graph, tmp_path):
    """Return an active node that learns from joint states, and the arm that it reads."""
    kind, parameters = NODES[request.param]
    node = graph.add(
        kind, request.param, joints=["a", "b"], out=str(tmp_path / "out"), **parameters
    )
    arm = graph.arm(node)
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
    yield node, arm
    node.trigger_deactivate()


def restamped(arm, late):
    """Let the arm stamp its sample k later by late(k) periods."""
    even = arm.message

    def message(k):
        msg = even(k)
        stamp = nanoseconds(msg.header.stamp) + round(late(k) * NANO / 100)
        msg.header.stamp = time_msg(stamp)
        return msg

    arm.message = message


def test_pauses_that_leave_nothing_to_learn_from(listener, capfd):
    node, arm = listener
    restamped(arm, lambda k: k // 15 * 15)  # too few in a row for the filter
    arm.stream(300)
    status = node.diagnostics.status()
    assert status.level == DiagnosticStatus.WARN
    assert SENTENCE in status.message
    assert {pair.key: pair.value for pair in status.values}["share of samples used"] == "0"
    log = capfd.readouterr().err
    assert SENTENCE in log
    assert "let the driver stamp samples where it measures them" in log


def test_joints_in_separate_messages(listener, capfd):
    node, arm = listener
    whole = arm.message

    def half(k):
        msg = whole(k)
        for field in ("name", "position", "velocity", "effort"):
            setattr(msg, field, getattr(msg, field)[k % 2 : k % 2 + 1])
        return msg

    arm.message, arm.received = half, lambda: sum(node.diagnostics.counts.values())
    arm.stream(20)
    status = node.diagnostics.status()
    assert status.level == DiagnosticStatus.WARN
    assert "joints in separate messages" in status.message
    log = capfd.readouterr().err
    assert "joint_states come in separate messages, b apart from a" in log
    assert "let one driver publish all joints in every message" in log


def test_jitter_is_learned_from_without_a_word(listener, capfd):
    node, arm = listener
    rng = np.random.default_rng(0)
    late = np.clip(0.3 * rng.standard_normal(600), -0.49, 0.49)
    restamped(arm, lambda k: late[k])
    arm.stream(600)
    status = node.diagnostics.status()
    assert status.level == DiagnosticStatus.OK, status.message
    values = {pair.key: pair.value for pair in status.values}
    assert float(values["share of samples used"]) >= 0.98
    assert float(values["jitter of stamps [ms]"]) == pytest.approx(2.7, abs=0.5)
    assert "can be used" not in capfd.readouterr().err
