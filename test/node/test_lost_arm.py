# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An arm that is left behind again and again: the log and /diagnostics name the parameters."""

from __future__ import annotations

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import JointState

from ml3_ros.nodes.excitation import ExcitationNode
from ml3_ros.nodes.kit.qos import RELIABLE_100
from ml3_ros.nodes.messages.joint_states import NANO, time_msg
from ml3_ros.nodes.tracking_controller.node import TrackingControllerNode
from ml3_ros.robots.control.lost_arm import OFTEN
from ml3_ros.robots.registry import load_robot

REACHER = load_robot("reacher")
NODES = {
    "excitation": (ExcitationNode, {}, "raise gain or "),
    "tracking_controller": (
        TrackingControllerNode,
        {"feedforwards": ["feedback_only"], "lap_seconds": 2.0, "settle": 0.6},
        "raise frequency_gain or least_stiffness or ",
    ),
}


class HeldArm:
    """An arm that does not move, whatever is commanded, and who listens to its controller."""

    def __init__(self, graph, node):
        self.graph, self.node, self.k = graph, node, 0
        self.probe = graph.plain()
        self.commands = graph.listen(self.probe, JointState, "joint_command", RELIABLE_100)
        self.arrays = graph.listen(self.probe, DiagnosticArray, "/diagnostics")
        self.states = self.probe.create_publisher(JointState, "joint_states", RELIABLE_100)
        self.q = [float(q) + 0.5 for q in REACHER.home]

    @property
    def losses(self):
        return self.node.diagnostics.counts["arms lost"]

    def step(self):
        """Send a joint state, 10 ms after the last one, and wait until it has been handled."""
        msg = JointState(name=list(REACHER.names), position=self.q)
        msg.velocity = msg.effort = [0.0, 0.0]
        msg.header.stamp = time_msg(NANO + self.k * NANO // 100)
        self.k += 1
        handled = len(self.commands) + self.losses
        self.states.publish(msg)
        self.graph.until(lambda: len(self.commands) + self.losses > handled)

    def lose(self, times):
        for _ in range(1000):
            if self.losses >= times:
                return
            self.step()
        raise AssertionError(f"lost {self.losses} times only")

    def status(self, losses):
        """Return the next published status of the node that counts so many lost arms."""
        del self.arrays[:]
        name, found = self.node.get_fully_qualified_name().lstrip("/"), []

        def published():
            for array in self.arrays:
                for status in array.status:
                    values = {pair.key: pair.value for pair in status.values}
                    if status.name == name and values.get("arms lost") == str(losses):
                        found.append(status)
            return found

        self.graph.until(published)
        return found[0]


@pytest.fixture(params=NODES)
def held(request, graph):
    """Return a function that makes an active controller and the arm that it cannot move."""

    def make(**limits):
        kind, parameters, _ = NODES[request.param]
        parameters = {"robot": "reacher", "fade_seconds": 0.3, "blend_seconds": 0.5, **parameters}
        node = graph.add(kind, request.param, **parameters, **limits)
        arm = HeldArm(graph, node)
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        for topic in ("joint_states", "joint_command", "/diagnostics"):
            graph.connect(topic)
        return arm, NODES[request.param][2]

    return make


@pytest.mark.parametrize(
    ("limit", "values"),
    [
        ("lost_error", {"lost_error": 0.1}),
        ("standstill", {"lost_error": 10.0, "standstill": 0.2}),
    ],
)
def test_parameters_to_raise_are_named(held, capfd, limit, values):
    arm, stiffness = held(**values)
    arm.lose(OFTEN)
    status = arm.status(OFTEN)
    assert status.level == DiagnosticStatus.WARN
    sentence = f"the arm was left behind {OFTEN} times in 30 s: "
    assert sentence in status.message
    assert status.message.endswith(stiffness + limit)
    arm.graph.until(lambda: sentence in capfd.readouterr().err)


def test_an_arm_that_was_held_once_is_no_reason_to_complain(held, capfd):
    arm, _ = held(lost_error=0.1)
    arm.lose(1)
    arm.status(1)  # in which the count has grown
    status = arm.status(1)
    assert status.level == DiagnosticStatus.OK
    assert "left behind" not in status.message + capfd.readouterr().err
