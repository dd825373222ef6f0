# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The trajectory commander and the emulated controller that it leads, by topic and by action."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rclpy.lifecycle import TransitionCallbackReturn
from std_msgs.msg import String
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory

from ml3_msgs.msg import LearnedModel
from ml3_ros.errors import MessageError
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.net_file import model_to_bytes
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.nodes.kit.qos import LATCHED_1, LATCHED_100, RELIABLE_10, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import NANO, nanoseconds
from ml3_ros.nodes.messages.ml3 import model_to_msg
from ml3_ros.nodes.messages.trajectories import points_from_msg, points_to_msg
from ml3_ros.nodes.trajectory_commander.node import TrajectoryCommander
from ml3_ros.robots.ros2_control.trajectory import Points
from test.node.ros2_control.bench import SUCCESS, UR5E, Robot

TOPIC = "scaled_joint_trajectory_controller/joint_trajectory"
PATIENT = {"lead": 0.3, "horizon": 2.0, "state_timeout": 2.0, "lost_error": 1.0, "standstill": 0.0}


class Rig:
    """An emulated robot with its controller of trajectories active, and the commander."""

    def __init__(self, graph, robot=None, **parameters):
        self.graph = graph
        options = {"active": "trajectory", "control_rate": 500, "state_rate": 100}
        self.robot = Robot(graph, **(options | (robot or {})))
        self.probe = self.robot.probe
        self.node = graph.add(
            TrajectoryCommander,
            "trajectory_commander",
            **(PATIENT | {"robot": str(UR5E.path), "preset": "ur"} | parameters),
        )
        self.reported = graph.listen(self.probe, String, "trajectory_commander/state", LATCHED_100)
        self.sent = graph.listen(self.probe, JointTrajectory, TOPIC, RELIABLE_100)
        assert self.node.trigger_configure() == SUCCESS
        assert self.node.trigger_activate() == SUCCESS
        self.until("disabled")

    def until(self, state):
        self.graph.until(lambda: self.reported and self.reported[-1].data == state)

    def enable(self, on=True):
        client = self.probe.create_client(SetBool, "trajectory_commander/enable")
        self.graph.until(client.service_is_ready)
        answer = client.call_async(SetBool.Request(data=on))
        self.graph.until(answer.done)
        return answer.result()

    def until_enabled(self):
        self.graph.until(lambda: self.enable().success)  # discovery takes its time
        self.until("moving")

    def moved(self):
        return max(abs(self.robot.position(name)) for name in UR5E.names)


def test_nothing_is_sent_before_an_operator_enables_it(graph):
    rig = Rig(graph)
    rig.robot.until_states(20)
    assert not rig.sent


def test_an_arm_is_moved_by_its_own_controller_and_left_at_rest(graph):
    rig = Rig(graph)
    rig.until_enabled()
    graph.until(lambda: rig.moved() > 0.05)
    parts = [points_from_msg(msg, UR5E.names) for msg in rig.sent]
    assert all(not part.v[-1].any() for part in parts)
    starts = [nanoseconds(msg.header.stamp) / NANO for msg in rig.sent]
    for before, after, gap in zip(parts, parts[1:], np.diff(starts), strict=False):
        assert np.abs(before.at(gap)[0] - after.q[0]).max() < 1e-3  # one motion, without a jump
    assert rig.enable(False).success
    rig.until("disabled")
    count = len(rig.sent)
    graph.until(lambda: max(map(abs, rig.robot.states[-1].velocity)) < 0.01)
    assert len(rig.sent) <= count + 1


def test_goals_of_the_action_move_it_too(graph, control_messages):
    package = {"control_package": control_messages}
    rig = Rig(graph, package, interface="action", message_package=control_messages)
    rig.until_enabled()
    graph.until(lambda: rig.moved() > 0.05)
    assert not rig.sent
    assert not rig.node.fault()
    assert rig.node.trigger_deactivate() == SUCCESS
    graph.until(lambda: max(map(abs, rig.robot.states[-1].velocity)) < 0.01)


def test_a_robot_that_is_lost_is_a_fault(graph):
    rig = Rig(graph)
    rig.until_enabled()
    assert rig.robot.node.trigger_deactivate() == SUCCESS
    rig.until("fault")
    assert "joint states have stopped" in rig.node.fault()


def test_an_arm_that_does_not_follow_gets_a_hold_where_it_is(graph):
    rig = Rig(graph, {"active": "none"}, lost_error=0.05)
    rig.until_enabled()
    rig.until("fault")
    assert "does not follow" in rig.node.fault()
    graph.until(lambda: len(rig.sent[-1].points) == 1)
    assert np.abs(rig.sent[-1].points[0].positions).max() < 1e-3


def constant_model(torque):
    """Return a learned model that says `torque` [N m], (6,), whatever the state."""
    units = Units(
        joint_names=UR5E.names, velocity=(1,) * 6, acceleration=(1,) * 6, effort=(1,) * 6
    )
    net = InverseDynamicsNet(units, hidden=(4,))
    theta = {k: torch.zeros_like(p) for k, p in net.init(torch.Generator()).items()}
    theta |= {"nle_net.bias_1": torch.tensor(torque, dtype=torch.float32)}
    data = model_to_bytes(net, theta)
    return model_to_msg("adam_tuned", data, stamp=0, update=7, joint_names=UR5E.names)


def test_learned_efforts_reach_a_moving_arm_and_its_feedback_has_less_to_do(graph):
    name = TOPIC.split("/")[0]
    rig = Rig(
        graph,
        {"preset": "generic", "trajectory_controller": name, "adds_effort": True},
        preset="generic",
        controller=name,
        feedforward="adam_tuned",
        feedforward_fade=0.5,
        feedforward_share=1.0,
        model_timeout=3600.0,
        horizon=1.0,
    )
    models = rig.probe.create_publisher(LearnedModel, "learned_model", LATCHED_1)
    rig.until_enabled()
    robot, control = rig.robot.node._robot, rig.robot.node._trajectory
    shares = []

    def feedback(count=60):
        """Return the mean size of what feedback gives in the next periods, over that of all."""
        del shares[:]
        target = len(rig.robot.states) + count

        def measured():
            added = control._reference(rig.robot.node._now())[3]
            shares.append((np.abs(robot.commanded - added).sum(), np.abs(robot.commanded).sum()))
            return len(rig.robot.states) >= target

        graph.until(measured)
        return np.divide(*np.sum(shares, axis=0))

    graph.until(lambda: rig.moved() > 0.05)
    assert feedback() > 0.99
    models.publish(constant_model(robot.commanded))  # gravity is nearly all of it
    graph.until(lambda: feedback() < 0.4)
    assert not rig.node.fault()


def test_another_who_may_send_trajectories_ends_ours_by_name(graph):
    rig = Rig(graph)
    rig.until_enabled()
    graph.plain("intruder").create_publisher(JointTrajectory, TOPIC, RELIABLE_10)
    rig.until("fault")
    assert "intruder" in rig.node.fault()


def test_without_the_action_the_cure_is_named(graph):
    node = graph.add(
        TrajectoryCommander,
        "trajectory_commander",
        robot=str(UR5E.path),
        interface="action",
        message_package="nowhere_msgs",
    )
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert "install the ROS 2 package nowhere_msgs" in node.diagnostics.failure


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"names": ("a", "b")}, "is for a, b"),
        ({"t": [0.5, 0.5]}, "do not rise"),
        ({"v": np.ones((2, 6))}, "ends with a velocity"),
        ({"q": np.full((2, 6), np.nan)}, "NaN"),
    ],
)
def test_trajectories_that_no_arm_could_follow_are_rejected_by_the_controller(
    graph, change, sentence
):
    robot = Robot(graph, active="trajectory")
    names = change.pop("names", UR5E.names)
    zero = np.zeros((2, len(names)))
    parts = {"t": np.array([0.5, 1.0]), "q": zero, "v": zero, "a": zero, "effort": zero} | change
    publisher = robot.probe.create_publisher(JointTrajectory, TOPIC, RELIABLE_10)
    graph.connect(TOPIC)
    publisher.publish(points_to_msg(Points(**parts), names, 0, efforts=False))
    graph.until(lambda: robot.node.diagnostics.counts["rejected messages"] == 1)
    with pytest.raises(MessageError, match=sentence):
        points_from_msg(points_to_msg(Points(**parts), names, 0, efforts=False), UR5E.names)
    assert "trajectories" not in robot.node.diagnostics.rates
