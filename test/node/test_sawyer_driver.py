# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The driver of a Sawyer and the emulated robot over the robot's own topics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from ml3_ros.nodes.kit.qos import LATCHED_100, RELIABLE_1, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import NANO, effort_to_msg, nanoseconds, sample_from_msg
from ml3_ros.nodes.sawyer_driver.node import SawyerDriver
from ml3_ros.nodes.sawyer_emulator.node import SawyerEmulator
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer import interface as sawyer
from test.node.conftest import SAWYER_MESSAGES as PACKAGE

SUCCESS = TransitionCallbackReturn.SUCCESS
SAWYER = load_robot("sawyer")
MODEL = PinocchioModel(SAWYER)
# all nodes and both sides of every topic share one thread here
SLOW = {
    "rate": 100.0,
    "state_rate": 100,
    "state_timeout": 1.0,
    "robot_timeout": 1.0,
    "command_timeout": 1.0,
    "ramp": 0.1,
    "brake_release": 0.1,
}


class Rig:
    """An emulated robot, its driver, and a node beside them that controls through topics."""

    def __init__(self, graph, robot=None, wait=0.0, **parameters):
        self.graph, self.push = graph, None
        self.emulator = graph.add(
            SawyerEmulator,
            "sawyer_emulator",
            message_package=PACKAGE,
            control_rate=500,
            brakes=list(SAWYER.names),  # disabled it stays where it is
            **(robot or {}),
        )
        self.driver = graph.add(
            SawyerDriver, "sawyer_driver", message_package=PACKAGE, **(SLOW | parameters)
        )
        self.probe = graph.plain()
        self.states = graph.listen(self.probe, JointState, "joint_states", RELIABLE_100)
        self.reported = graph.listen(self.probe, String, "sawyer_driver/state", LATCHED_100)
        self.commands = self.probe.create_publisher(JointState, "joint_command", RELIABLE_1)
        self.probe.create_subscription(JointState, "joint_states", self._answer, RELIABLE_1)
        for node in (self.emulator, self.driver):
            assert node.trigger_configure() == SUCCESS
            graph.for_(wait)
            assert node.trigger_activate() == SUCCESS
        graph.connect("joint_states")
        graph.connect("joint_command")
        graph.until(lambda: self.driver.diagnostic_values()["limits checked"])

    def _answer(self, msg):
        if self.push is not None:
            # weaker when fast: a busy machine may hold one torque for long
            share = max(0.0, 1.0 - np.abs(msg.velocity).max() / 0.5)
            tau = MODEL.nle(np.array(msg.position), np.zeros(7)) + share * self.push
            stamp = nanoseconds(msg.header.stamp)
            self.commands.publish(effort_to_msg(tau, SAWYER.names, stamp))

    def call(self, name, on=None):
        kind = Trigger if on is None else SetBool
        client = self.probe.create_client(kind, name)
        self.graph.until(client.service_is_ready)
        answer = client.call_async(kind.Request() if on is None else kind.Request(data=on))
        self.graph.until(answer.done)
        return answer.result()

    def until_robot(self, **values):
        """Wait until the emulated robot reports all of these values at once."""
        self.graph.until(lambda: values.items() <= self.emulator.diagnostic_values().items())

    def until(self, state):
        self.graph.until(lambda: self.reported and self.reported[-1].data == state)

    def active(self, push=None):
        assert self.call("sawyer_driver/enable", True).success
        self.push = np.zeros(7) if push is None else push
        self.until("active")

    @property
    def q(self):
        return np.array(self.states[-1].position)


@pytest.fixture
def rig(graph, messages):
    return Rig(graph)


def test_the_robot_appears_as_any_arm_does(graph, rig):
    graph.until(lambda: len(rig.states) > 5)
    assert tuple(rig.states[-1].name) == SAWYER.names
    assert rig.emulator.diagnostic_values()["state rate"] == 100.0
    graph.until(lambda: rig.emulator.diagnostic_values()["command timeout [s]"] == 1.0)
    assert rig.call("sawyer_driver/enable", True).success
    # what the robot shows at rest, -0.001 rad/s, is no motion
    graph.until(lambda: set(rig.states[-1].velocity) == {0.0})


def test_what_the_robot_publishes_once_is_read_before_the_driver_is_active(graph, messages):
    rig = Rig(graph, wait=1.0)
    assert rig.call("sawyer_driver/enable", True).success


def test_without_enabling_no_command_reaches_the_robot(graph, rig):
    rig.push = np.full(7, 0.5)
    graph.until(lambda: rig.driver.diagnostics.counts["commands while not ready"] > 3)
    assert rig.emulator.diagnostics.rates.get("joint_command") is None


def test_enabled_and_commanded_the_arm_moves_and_holds_itself_afterwards(graph, rig):
    rig.active(np.array([3.0, 0, 0, 0, 0, 0, 0]))
    start = rig.q[0]
    graph.until(lambda: abs(rig.q[0] - start) > 0.1)
    rig.push = None
    rig.until("holding")
    rig.until_robot(mode="position")
    held = rig.q
    graph.for_(0.5)
    assert np.abs(rig.q - held).max() < 5e-3


def test_a_zero_command_is_gravity_that_the_robot_adds_by_itself(graph, rig):
    rig.active()
    rig.until_robot(mode="torque")
    start = rig.q
    graph.for_(1.0)
    rig.until_robot(mode="torque")  # a machine that stalls lets it hold its position for a while
    assert np.abs(rig.q - start).max() < 0.02
    # where it comes late, the model's is taken meanwhile
    graph.until(lambda: rig.driver.diagnostic_values()["gravity from"] == "robot")


def test_one_wrong_stamp_of_the_robot_does_not_silence_the_driver(graph, rig):
    graph.until(lambda: rig.states)
    sample = sample_from_msg(rig.states[-1], SAWYER.names)
    rig.driver._on_joints(replace(sample, stamp=sample.stamp + 3600 * NANO))
    seen = len(rig.states)
    graph.until(lambda: len(rig.states) > seen + 10)


def test_the_emergency_stop_ends_it_and_only_an_operator_begins_again(graph, rig):
    rig.active()
    assert rig.call("sawyer_emulator/press_estop", True).success
    rig.until("fault")
    rejected = rig.call("sawyer_driver/enable", True)
    assert not rejected.success
    assert "emergency stop is pressed" in rejected.message
    rejected = rig.call("sawyer_driver/reset")
    assert not rejected.success
    assert "release the button" in rejected.message
    assert rig.call("sawyer_emulator/press_estop", False).success
    graph.until(lambda: rig.call("sawyer_driver/reset").success)
    rig.until("disabled")
    rig.active()


def test_the_stop_works_while_the_driver_is_not_even_configured(graph, messages):
    rig = Rig(graph)
    rig.active()
    rig.driver.trigger_deactivate()
    rig.driver.trigger_cleanup()
    assert rig.call("sawyer_driver/stop").success
    graph.until(lambda: rig.emulator.diagnostic_values()["stopped"])


def test_deactivating_leaves_position_hold_and_the_usual_rates(graph, rig):
    rig.active(np.array([3.0, 0, 0, 0, 0, 0, 0]))
    start = rig.q[0]
    graph.until(lambda: abs(rig.q[0] - start) > 0.05)
    rig.driver.trigger_deactivate()
    rig.until_robot(**{"command timeout [s]": 0.2, "mode": "position", "state rate": 100.0})


def test_reset_arm_moves_the_arm_home_and_answers_when_it_is_there(graph, rig):
    away = SAWYER.home + np.array([0.3, 0, 0, 0, 0, 0.2, 0])
    rig.emulator.trigger_deactivate()
    rig.emulator.trigger_cleanup()
    rig.emulator.set_parameters([Parameter("home", value=away.tolist())])
    assert rig.emulator.trigger_configure() == SUCCESS
    assert rig.emulator.trigger_activate() == SUCCESS
    rig.until("disabled")
    rejected = rig.call("reset_arm")
    assert not rejected.success
    assert "call the service enable" in rejected.message
    assert rig.call("sawyer_driver/enable", True).success
    rig.until("holding")
    graph.until(lambda: np.abs(rig.q - away).max() < 0.01)
    assert "on its way" in rig.call("reset_arm").message

    def at_home():
        if rig.reported[-1].data == "fault":  # a stall of this process is one to the driver
            rig.call("sawyer_driver/reset")
            rig.until("disabled")
            rig.call("sawyer_driver/enable", True)
        return rig.call("reset_arm").success

    graph.until(at_home)
    graph.until(lambda: "moving home" in [msg.data for msg in rig.reported])
    graph.until(lambda: np.abs(rig.q - SAWYER.home).max() < 0.02)  # as its newest state says


def test_a_calibrated_robot_is_logged_and_one_of_other_limits_rejected(graph, messages, capfd):
    rig = Rig(graph, robot={"calibration_offset": 0.005})
    graph.until(lambda: "mm" in rig.driver.diagnostic_values()["calibrated origins"])
    assert "give its own URDF" in capfd.readouterr().err
    limits = messages.JointLimits(
        joint_names=list(SAWYER.names),
        position_lower=SAWYER.limits.lower.tolist(),
        position_upper=SAWYER.limits.upper.tolist(),
        velocity=SAWYER.limits.velocity.tolist(),
        effort=(0.5 * SAWYER.limits.effort).tolist(),
    )
    other = rig.probe.create_publisher(messages.JointLimits, sawyer.JOINT_LIMITS, RELIABLE_1)
    graph.until(lambda: other.get_subscription_count() > 0)
    other.publish(limits)
    graph.until(lambda: not rig.driver.diagnostic_values()["limits checked"])
    assert "effort of right_j0 is 40, the model's 80" in capfd.readouterr().err
    rejected = rig.call("sawyer_driver/enable", True)
    assert "joint_limits" in rejected.message


def test_without_the_robots_messages_the_log_names_how_to_get_them(graph, capfd):
    driver = graph.add(SawyerDriver, "sawyer_driver", message_package="no_such_msgs")
    assert driver.trigger_configure() == TransitionCallbackReturn.FAILURE
    log = capfd.readouterr().err
    assert "no ROS 2 package 'no_such_msgs'" in log
    assert "ros1_bridge" in log
