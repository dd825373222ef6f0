# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An emulated Sawyer, and a node that reads and writes all its topics."""

from __future__ import annotations

from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Empty, Float64, String, UInt16
from std_srvs.srv import SetBool, Trigger

from ml3_ros.nodes.kit.qos import LATCHED_1, LATCHED_100, RELIABLE_1, RELIABLE_100
from ml3_ros.nodes.sawyer_emulator.node import SawyerEmulator
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer import interface as sawyer
from ml3_ros.robots.sawyer.interface import ARM_JOINTS, Mode
from test.node.conftest import SAWYER_MESSAGES as PACKAGE

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
SAWYER = load_robot("sawyer")


class Client:
    """An emulator and a node beside it that reads all its topics and can publish to all of them.

    On a busy machine this process may lose messages at high rates and be late for anything.
    """

    def __init__(self, graph, messages, **parameters):
        self.graph, self.m = graph, messages
        self.modes_seen = 0
        self.node = graph.add(
            SawyerEmulator, "sawyer_emulator", message_package=PACKAGE, **parameters
        )
        self.probe = graph.plain()
        own = f"{graph.namespace}/sawyer_emulator"
        topics = {
            "states": (JointState, sawyer.JOINT_STATES, RELIABLE_100),
            "assembly": (messages.RobotAssemblyState, sawyer.ROBOT_STATE, RELIABLE_100),
            "gravity": (messages.SEAJointState, sawyer.GRAVITY_TORQUES, RELIABLE_100),
            "collision": (messages.CollisionDetectionState, sawyer.COLLISION_STATE, RELIABLE_100),
            "cuff": (messages.IODeviceStatus, sawyer.CUFF_STATE, RELIABLE_100),
            "endpoint": (messages.EndpointState, sawyer.ENDPOINT_STATE, RELIABLE_100),
            "modes": (String, f"{own}/mode", LATCHED_100),
            "delays": (Float64, f"{own}/watchdog_delay", LATCHED_1),
        }
        for name, (kind, topic, qos) in topics.items():
            setattr(self, name, graph.listen(self.probe, kind, topic, qos))
        self.out = {
            topic: self.probe.create_publisher(kind, topic, RELIABLE_1)
            for topic, kind in {
                sawyer.JOINT_COMMAND: messages.JointCommand,
                sawyer.COMMAND_TIMEOUT: Float64,
                sawyer.STATE_RATE: UInt16,
                sawyer.SUPER_ENABLE: Bool,
                sawyer.SUPER_STOP: Empty,
                sawyer.SUPER_RESET: Empty,
                sawyer.SUPPRESS_GRAVITY: Empty,
            }.items()
        }
        assert self.node.trigger_configure() == SUCCESS
        assert self.node.trigger_activate() == SUCCESS
        for topic in (*self.out, *(topic for _, topic, _ in topics.values())):
            graph.connect(topic)

    def publish(self, topic, msg=None):
        self.out[topic].publish(msg or Empty())

    def enable(self):
        self.publish(sawyer.SUPER_ENABLE, Bool(data=True))
        self.until_state(lambda state: state.enabled and state.ready)

    def command(self, mode=Mode.TORQUE, names=ARM_JOINTS, **arrays):
        arrays = arrays or {"effort": [0.0] * 7}
        self.publish(sawyer.JOINT_COMMAND, self.m.JointCommand(mode=mode, names=names, **arrays))

    def set_timeout(self, seconds):
        self.publish(sawyer.COMMAND_TIMEOUT, Float64(data=seconds))
        self.graph.until(lambda: self.node.diagnostic_values()["command timeout [s]"] == seconds)

    def torque_mode(self):
        self.set_timeout(1.0)
        self.enable()
        self.command()
        self.until_mode("torque")

    def call(self, name, on=None):
        kind = Trigger if on is None else SetBool
        client = self.probe.create_client(kind, f"sawyer_emulator/{name}")
        self.graph.until(client.service_is_ready)
        answer = client.call_async(kind.Request() if on is None else kind.Request(data=on))
        self.graph.until(answer.done)
        return answer.result()

    def until_state(self, condition):
        self.graph.until(lambda: self.assembly and condition(self.assembly[-1]))

    def until_mode(self, mode):
        """Wait for a change to `mode` after the change that was waited for before."""

        def came():
            words = [msg.data for msg in self.modes[self.modes_seen :]]
            if mode not in words:
                return False
            self.modes_seen += words.index(mode) + 1
            return True

        self.graph.until(came)

    def until_more(self, received, count=5):
        target = len(received) + count
        self.graph.until(lambda: len(received) >= target)

    def counted(self, kind, count=1):
        self.graph.until(lambda: self.node.diagnostics.counts[kind] == count)

    def estop(self):
        state = self.assembly[-1]
        return state.stopped, state.enabled, state.estop_button, state.estop_source
