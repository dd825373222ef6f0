# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An emulated UR5e behind ros2_control, and a node that reads and writes its topics."""

from __future__ import annotations

from pathlib import Path

from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from ml3_ros.nodes.kit.qos import RELIABLE_10, RELIABLE_100
from ml3_ros.nodes.ros2_control_emulator.node import Ros2ControlEmulator
from ml3_ros.robots.registry import load_robot

SUCCESS = TransitionCallbackReturn.SUCCESS
ARMS = Path(__file__).parents[2] / "arms"
UR5E = load_robot(ARMS / "ur5e.urdf")
CONTROL_MESSAGES = "ml3_control_test_msgs"
EFFORTS = "forward_effort_controller/commands"


class Robot:
    """An emulator, and a node beside it that reads joint states and sends efforts."""

    def __init__(self, graph, **parameters):
        self.graph = graph
        options = {
            "robot": str(UR5E.path),
            "preset": "ur",
            "control_rate": 200,
            "state_rate": 100,
            "viscous": [10.0, 10.0, 10.0, 2.0, 2.0, 2.0],
        }
        self.node = graph.add(
            Ros2ControlEmulator, "ros2_control_emulator", **(options | parameters)
        )
        self.probe = graph.plain()
        self.states = graph.listen(self.probe, JointState, "joint_states", RELIABLE_100)
        self.efforts = self.probe.create_publisher(Float64MultiArray, EFFORTS, RELIABLE_10)
        assert self.node.trigger_configure() == SUCCESS
        assert self.node.trigger_activate() == SUCCESS
        graph.connect("joint_states")
        self.until_states(1)

    def send(self, *efforts):
        self.efforts.publish(Float64MultiArray(data=efforts))

    def until_states(self, count):
        target = len(self.states) + count
        self.graph.until(lambda: len(self.states) >= target)

    def is_held(self):
        return self.node.diagnostic_values()["held by"] == "its brakes"

    def position(self, joint):
        msg = self.states[-1]
        return msg.position[msg.name.index(joint)]
