# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Two publishers of an arm's joints on one topic: one is read, and a sentence names both."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.experimental.events_executor import EventsExecutor
from sensor_msgs.msg import JointState

from ml3_ros.nodes.excitation import ExcitationNode
from ml3_ros.nodes.kit.qos import RELIABLE_100
from ml3_ros.nodes.policy_optimizer.node import PolicyOptimizer
from ml3_ros.nodes.tracking_controller.node import TrackingControllerNode
from ml3_ros.robots.registry import load_robot
from test.node.sim_arm.bench import up

SECOND = "joint states of a second publisher"
SECOND_THAT_MEASURES = f"{SECOND} that measures"
REACHER = load_robot("reacher")


@pytest.fixture
def learner(graph, tmp_path):
    """Return an active policy_optimizer of the joints a and b."""
    parameters = {"joints": ["a", "b"], "loss": "none", "units_samples": 1000}
    node = graph.add(PolicyOptimizer, "learner", out=str(tmp_path / "out"), **parameters)
    yield up(node)
    node.trigger_deactivate()


@pytest.fixture
def senders(graph, learner):
    """Return an arm, and a function that sends further messages amid its own."""
    arm = graph.arm(learner)
    other = graph.plain("second").create_publisher(JointState, "joint_states", RELIABLE_100)
    graph.connect("joint_states")

    def send(count, message, *, other_first=False):
        """Send `count` samples of both."""
        for _ in range(count):
            both = [(arm.states, arm.message(arm.k)), (other, message(arm.k))]
            for publisher, msg in reversed(both) if other_first else both:
                before = taken()
                publisher.publish(msg)
                graph.until(lambda before=before: taken() > before, 20.0)
            arm.k += 1

    def taken():
        return arm.received() + sum(learner.diagnostics.counts.values())

    return arm, send


@pytest.mark.parametrize(
    ("node_class", "parameters"),
    [
        (ExcitationNode, {"lost_error": 10.0}),
        (TrackingControllerNode, {"lap_seconds": 2.0, "settle": 0.6, "blend_seconds": 0.5}),
    ],
)
@pytest.mark.parametrize("executor_class", [SingleThreadedExecutor, EventsExecutor])
def test_a_controller_answers_the_arm_alone_and_names_both(
    graph, node_class, parameters, executor_class, capfd
):
    controller = graph.add(node_class, "controller", robot="reacher", **parameters)
    up(controller)
    graph.executor.remove_node(controller)
    own = executor_class(context=graph.context)
    own.add_node(controller)
    names = ("arm", "second")
    senders = [
        graph.plain(name).create_publisher(JointState, "joint_states", RELIABLE_100)
        for name in names
    ]
    probe = graph.plain()
    answers = graph.listen(probe, JointState, "joint_command", RELIABLE_100)
    graph.until(lambda: min(sender.get_subscription_count() for sender in senders) == 1)
    graph.until(lambda: probe.count_publishers("joint_command") == 1)
    counts = controller.diagnostics.counts

    def taken():
        own.spin_once(timeout_sec=0.02)
        rate = controller.diagnostics.rates.get("joint_states")
        return (rate.total if rate else 0) + counts[SECOND] + counts[SECOND_THAT_MEASURES]

    for k in range(30):
        for i, sender in enumerate(senders):
            before = taken()
            msg = JointState(name=list(REACHER.names), velocity=[0.0, 0.0])
            msg.position = (REACHER.home + (0.1, 0.0)[i]).tolist()
            msg.effort = [0.01 * k * (1 - i)] * 2  # the second one measures none
            msg.header.stamp.sec, msg.header.stamp.nanosec = (
                1,
                (k + 1) * 10_000_000 + i * 3_000_000,
            )
            sender.publish(msg)
            graph.until(lambda before=before: taken() > before, 20.0)
    assert counts[SECOND] == 30
    own.remove_node(controller)
    own.shutdown()
    graph.executor.add_node(controller)
    graph.until(lambda: len(answers) >= 30)
    assert {msg.header.stamp.nanosec % 10_000_000 for msg in answers} == {0}
    log = capfd.readouterr().err
    assert f"{graph.namespace}/arm" in log and f"{graph.namespace}/second" in log


def at_zero(arm):
    """Return what makes messages as joint_state_publisher sends them, beside those of an arm."""

    def message(k):
        msg = arm.message(k)
        msg.header.stamp.nanosec += 3_000_000
        msg.position = msg.velocity = msg.effort = [0.0, 0.0]
        return msg

    return message


def test_what_measures_nothing_is_left_out_and_both_are_named(graph, learner, senders, capfd):
    arm, send = senders
    send(60, at_zero(arm))
    assert learner.diagnostics.counts[SECOND] == 60
    assert arm.received() == 60
    newest = learner._stream.newest
    np.testing.assert_array_equal(newest.q, arm.message(59).position)
    log = capfd.readouterr().err
    assert "joint_states of this arm comes from 2 publishers" in log
    assert f"{graph.namespace}/arm" in log and f"{graph.namespace}/second" in log
    assert "measures no efforts; let only the arm's driver publish its joints" in log


def test_the_one_that_measures_takes_the_place_of_one_that_does_not(learner, senders):
    arm, send = senders
    send(60, at_zero(arm), other_first=True)
    counts = learner.diagnostics.counts
    assert counts["changes of the publisher"] == 1
    assert learner._stream.stream.restarts == 1, "no filter mixes them"
    np.testing.assert_array_equal(learner._stream.newest.q, arm.message(59).position)
    assert counts[SECOND] >= 55


def test_of_two_that_measure_the_first_is_read(learner, senders, capfd):
    arm, send = senders

    def shifted(k):
        msg = at_zero(arm)(k)
        msg.effort = [0.1 * k, 1.0]
        return msg

    send(60, shifted)
    np.testing.assert_array_equal(learner._stream.newest.q, arm.message(59).position)
    assert "left out, though it measures, too" in capfd.readouterr().err


def test_a_gripper_on_the_same_topic_is_no_second_publisher(learner, senders, capfd):
    arm, _ = senders
    fingers = arm.probe.create_publisher(JointState, "joint_states", RELIABLE_100)
    arm.graph.connect("joint_states")
    message = JointState(name=["finger"], position=[0.1], velocity=[0.0], effort=[0.0])
    for _ in range(3):
        arm.stream(20)
        fingers.publish(message)
    arm.stream(20)
    assert not learner.diagnostics.counts
    assert "publishers" not in capfd.readouterr().err
