# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""/diagnostics as the usual viewers read it: who, on which robot, how bad, and since when."""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import Log
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from ml3_ros.nodes.excitation import ExcitationNode
from ml3_ros.nodes.kit import diagnostics
from ml3_ros.nodes.kit.qos import RELIABLE_100
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, sample_to_msg
from ml3_ros.nodes.meta_learner.node import MetaLearner
from ml3_ros.nodes.policy_optimizer.node import PolicyOptimizer
from ml3_ros.nodes.reach_optimizer.node import ReachOptimizer
from ml3_ros.nodes.recorder import Recorder
from ml3_ros.nodes.rigid_body_prior import RigidBodyPrior
from ml3_ros.nodes.sawyer_driver.node import SawyerDriver
from ml3_ros.nodes.sawyer_emulator.node import SawyerEmulator
from ml3_ros.nodes.sim_arm import SimArm
from ml3_ros.nodes.tracking_controller.node import TrackingControllerNode
from ml3_ros.robots.registry import load_robot
from test.node.conftest import SAWYER_MESSAGES
from test.node.kit.relay import FAILURE, SUCCESS, Relay, change

OK, WARN = DiagnosticStatus.OK, DiagnosticStatus.WARN
ERROR, STALE = DiagnosticStatus.ERROR, DiagnosticStatus.STALE
REACHER = load_robot("reacher")


class Panel:
    """Reads /diagnostics and /rosout as a robot monitor does."""

    def __init__(self, graph):
        self.graph, self.newest, self.logs = graph, {}, []
        node = graph.plain("panel")
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_array, RELIABLE_100)
        latched = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        node.create_subscription(Log, "/rosout", self.logs.append, latched)

    def _on_array(self, msg):
        self.newest |= {status.name: status for status in msg.status}

    def of(self, node):
        return self.newest.get(node.get_fully_qualified_name().lstrip("/"))

    def until(self, node, level, text=""):
        """Wait for a status of this level, with this text in its message."""
        self.graph.until(
            lambda: (s := self.of(node)) is not None and s.level == level and text in s.message
        )

    def logged(self, level, text):
        """Wait for a line in the log, of this level."""
        self.graph.until(lambda: any(m.level == level and text in m.msg for m in self.logs))


@pytest.fixture
def panel(graph):
    return Panel(graph)


def up(node):
    assert node.trigger_configure() == SUCCESS
    assert node.trigger_activate() == SUCCESS
    return node


def test_a_status_names_the_namespace_and_the_robot(graph, panel, tmp_path):
    urdf = tmp_path / "my_arm.urdf"
    nodes = {
        graph.add(SimArm, "sim_arm", robot="reacher"): "reacher",
        graph.add(ExcitationNode, "excitation", robot=str(urdf)): "my_arm",
        graph.add(SawyerEmulator, "sawyer_emulator"): "sawyer",
        graph.add(Recorder, "recorder"): "none",  # as others say that have no hardware
    }
    graph.until(lambda: all(panel.of(node) for node in nodes))
    assert {panel.of(node).hardware_id for node in nodes} == set(nodes.values())
    for node, robot in nodes.items():
        assert panel.of(node).hardware_id == robot
        assert panel.of(node).name == f"{graph.namespace[1:]}/{node.get_name()}"


def test_a_stream_that_does_not_come_is_stale(graph, panel, messages, tmp_path):
    listeners = [
        (ExcitationNode, {"robot": "reacher"}, "joint_states"),
        (TrackingControllerNode, {"robot": "reacher", "out": str(tmp_path)}, "joint_states"),
        (RigidBodyPrior, {"robot": "reacher"}, "joint_states"),
        (PolicyOptimizer, {"loss": "none", "joints": ["a"], "out": str(tmp_path)}, "joint_states"),
        (MetaLearner, {"joints": ["a"], "out": str(tmp_path)}, "joint_states"),
        (ReachOptimizer, {"robot": "reacher", "out": str(tmp_path)}, "hand_pose, no joint_states"),
        (SawyerDriver, {"message_package": SAWYER_MESSAGES}, "robot/joint_states"),
    ]
    missing = {}
    for number, (kind, parameters, streams) in enumerate(listeners):
        node = graph.add(kind, f"node_{number}", **parameters)
        assert node.trigger_configure() == SUCCESS
        missing[node] = streams
    for node in missing:
        panel.until(node, OK)  # nobody promised one yet
    for node in missing:
        assert node.trigger_activate() == SUCCESS
    for node, streams in missing.items():
        panel.until(node, STALE, f"no {streams}")
    for node in missing:
        assert node.trigger_deactivate() == SUCCESS
    for node in missing:
        panel.until(node, OK)


def test_a_stream_that_comes_is_not_stale_and_one_that_ends_is(graph, panel, monkeypatch):
    monkeypatch.setattr(diagnostics, "SILENT_S", 3.0)
    node = up(graph.add(RigidBodyPrior, "rigid_body_prior", robot="reacher"))
    states = graph.plain().create_publisher(JointState, "joint_states", RELIABLE_100)
    graph.connect("joint_states")
    zero, seen = np.zeros(2), set()
    for k in range(8):
        sample = JointSample(stamp=NANO + k * NANO // 2, q=zero, v=zero, tau=zero)
        states.publish(sample_to_msg(sample, REACHER.names))
        graph.for_(0.5)
        seen |= {panel.of(node).level} if panel.of(node) else set()
    assert STALE not in seen
    panel.until(node, STALE, "no joint_states for")


def test_an_emergency_stop_is_an_error_at_the_robot_and_its_driver(graph, panel, messages):
    emulator = up(graph.add(SawyerEmulator, "sawyer_emulator", message_package=SAWYER_MESSAGES))
    driver = up(graph.add(SawyerDriver, "sawyer_driver", message_package=SAWYER_MESSAGES))
    panel.until(driver, OK)
    client = graph.plain().create_client(SetBool, "sawyer_emulator/press_estop")
    graph.until(client.service_is_ready)
    pressed = client.call_async(SetBool.Request(data=True))
    graph.until(pressed.done)
    for node in (emulator, driver):
        panel.until(node, ERROR, "the emergency stop is pressed")
    panel.logged(Log.ERROR, "the emergency stop is pressed")
    emulator._robot.press(False, emulator._now())
    assert emulator._robot.reset(emulator._now())
    for node in (emulator, driver):
        panel.until(node, OK)
    panel.logged(Log.INFO, "is over: the emergency stop is pressed")


def test_an_arm_whose_safety_stage_has_stopped_is_an_error(graph, panel):
    node = up(graph.add(SimArm, "sim_arm", robot="reacher"))
    node._safety.stopped = "overspeed of joint0"
    panel.until(node, ERROR, "overspeed of joint0")
    panel.logged(Log.ERROR, "overspeed of joint0")


def test_a_recording_that_has_failed_is_an_error(graph, panel, tmp_path):
    node = up(graph.add(Recorder, "recorder", out=str(tmp_path)))
    node._failure = "cannot record: free disk space"
    panel.until(node, ERROR, "free disk space")
    assert node.trigger_deactivate() == SUCCESS


def test_a_transition_that_failed_is_an_error_until_one_succeeds(graph, panel):
    node = graph.add(Relay, "relay", gains=[0.0])
    assert node.trigger_configure() == FAILURE
    panel.until(node, ERROR, "all gains are zero")
    assert change(node, gains=[1.0]).successful
    assert node.trigger_configure() == SUCCESS
    panel.until(node, OK)
