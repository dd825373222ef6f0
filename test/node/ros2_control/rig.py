# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A rig with the effort bridge: an emulated robot, and a controller that answers by topic."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String
from std_srvs.srv import SetBool, Trigger

from ml3_ros.nodes.effort_bridge.node import EffortBridge
from ml3_ros.nodes.kit.qos import LATCHED_100, RELIABLE_1, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import effort_to_msg, nanoseconds
from ml3_ros.robots.pinocchio_model import PinocchioModel
from test.node.ros2_control.bench import EFFORTS, SUCCESS, UR5E, Robot

MODEL = PinocchioModel(UR5E)
# all nodes and both sides of every topic share one thread here
SLOW = {
    "rate": 100.0,
    "state_timeout": 1.0,
    "held_up": 5.0,
    "command_timeout": 1.5,
    "ramp": 0.1,
}
PUSH = np.array([8.0, 0.0, 0.0, 0.0, 0.0, 0.0])


class Rig:
    """An emulated robot, the bridge, and a node beside them that controls through topics."""

    def __init__(self, graph, preset="ur", robot=None, **parameters):
        self.graph, self.push = graph, None
        options = {"command_timeout": 0.0, "preset": preset} | (robot or {})
        self.robot = Robot(graph, **options)
        self.probe = self.robot.probe
        self.bridge = graph.add(
            EffortBridge,
            "effort_bridge",
            **(SLOW | {"robot": str(UR5E.path), "preset": preset} | parameters),
        )
        self.states = graph.listen(
            self.probe, JointState, "effort_bridge/joint_states", RELIABLE_100
        )
        self.reported = graph.listen(self.probe, String, "effort_bridge/state", LATCHED_100)
        self.sent = graph.listen(self.probe, Float64MultiArray, EFFORTS, RELIABLE_100)
        self.commands = self.probe.create_publisher(JointState, "joint_command", RELIABLE_1)
        self.probe.create_subscription(
            JointState, "effort_bridge/joint_states", self._answer, RELIABLE_1
        )
        self.robot.probe.destroy_publisher(self.robot.efforts)  # the bridge alone sends efforts
        assert self.bridge.trigger_configure() == SUCCESS
        assert self.bridge.trigger_activate() == SUCCESS
        graph.connect("effort_bridge/joint_states")
        graph.connect("joint_command")
        self.until("disabled")

    def _answer(self, msg):
        if self.push is not None:
            # weaker when fast: a busy machine may hold one torque for long
            share = max(0.0, 1.0 - np.abs(msg.velocity).max() / 0.3)
            tau = MODEL.nle(np.array(msg.position), np.zeros(6)) + share * self.push
            self.commands.publish(effort_to_msg(tau, UR5E.names, nanoseconds(msg.header.stamp)))

    def call(self, name, on=None):
        kind = Trigger if on is None else SetBool
        client = self.probe.create_client(kind, f"effort_bridge/{name}")
        self.graph.until(client.service_is_ready)
        answer = client.call_async(kind.Request() if on is None else kind.Request(data=on))
        self.graph.until(answer.done)
        return answer.result()

    def until(self, state):
        self.graph.until(lambda: self.reported and self.reported[-1].data == state)

    def active(self, push=PUSH):
        assert self.call("enable", True).success
        self.push = push
        self.until("active")

    def until_zeros(self):
        """Wait until the arm is commanded nothing."""
        zero = ", ".join(f"{name} 0" for name in UR5E.names)
        values = self.robot.node.diagnostic_values
        self.graph.until(lambda: values()["commanded [N m]"] == zero)

    @property
    def q(self):
        return np.array(self.states[-1].position)
