# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""arm_frames over real topics: the URDF, fixed transforms, and moving ones from joint states."""

from __future__ import annotations

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from ml3_ros.data.frame_tree import FrameTree
from ml3_ros.nodes.arm_frames import ArmFrames
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_100
from ml3_ros.nodes.messages.frames import add_to_tree
from ml3_ros.nodes.messages.joint_states import NANO, time_msg
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.urdf import urdf_text

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
START = 1_000 * NANO
ARM = load_robot("sawyer")


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tf2_msgs.msg", reason="run `make setup` again").TFMessage


class Viewer:
    """An arm_frames with an arm before it and a viewer behind, which came late."""

    def __init__(self, graph, tf, **parameters):
        self.graph, self.tree = graph, FrameTree()
        self.node = graph.add(ArmFrames, "arm_frames", **parameters)
        assert self.node.trigger_configure() == SUCCESS
        assert self.node.trigger_activate() == SUCCESS
        self.probe = graph.plain("viewer")
        self.described = graph.listen(self.probe, String, "robot_description", LATCHED_1)
        self.moving = graph.listen(self.probe, tf, "tf", RELIABLE_100)
        self.fixed = graph.listen(self.probe, tf, "tf_static", LATCHED_1)
        self.states = self.probe.create_publisher(JointState, "joint_states", RELIABLE_100)
        graph.connect("joint_states")
        graph.connect("tf")

    def tell(self, q, k=0, names=ARM.names):
        msg = JointState(name=list(names), position=list(map(float, q)))
        msg.header.stamp = time_msg(START + k * NANO // 100)
        self.states.publish(msg)

    def heard(self):
        rate = self.node.diagnostics.rates.get("joint_states")
        return rate.total if rate else 0

    def lookup(self, source, target="base"):
        for msg in self.fixed:
            add_to_tree(self.tree, msg, fixed=True)
        add_to_tree(self.tree, self.moving[-1], fixed=False)
        return self.tree.lookup(target, source, 0)


@pytest.fixture
def viewer(graph, tf):
    return Viewer(graph, tf, robot="sawyer")


def test_whoever_comes_late_gets_the_urdf_and_the_fixed_frames(graph, viewer):
    graph.until(lambda: viewer.described and viewer.fixed)
    assert viewer.described[0].data == urdf_text(ARM)
    pairs = {(t.header.frame_id, t.child_frame_id) for t in viewer.fixed[0].transforms}
    assert pairs == {
        ("base", "right_arm_base_link"),
        ("right_l0", "head"),
        ("right_l6", "right_hand"),
    }


def test_the_hand_is_where_the_model_has_it(graph, viewer):
    q = ARM.home + 0.2
    viewer.tell([0.5, *q], names=("head_pan", *ARM.names))  # and a joint that is not the arm's
    graph.until(lambda: viewer.moving and viewer.fixed)
    (msg,) = viewer.moving
    assert [t.child_frame_id for t in msg.transforms] == [f"right_l{i}" for i in range(7)]
    assert {t.header.stamp.sec for t in msg.transforms} == {1000}
    T = PinocchioModel(ARM).forward_kinematics(q)
    np.testing.assert_allclose(viewer.lookup("right_hand"), T, atol=1e-9)


def test_some_joints_move_their_own_links_alone(graph, viewer):
    viewer.tell([0.1], names=["right_j2"])
    graph.until(lambda: viewer.moving)
    assert [t.child_frame_id for t in viewer.moving[0].transforms] == ["right_l2"]


def test_transforms_come_at_most_at_the_rate_and_go_on_after_a_restart(graph, tf):
    viewer = Viewer(graph, tf, robot="sawyer", rate=10.0)
    for heard, k in enumerate([*range(50), -1000, -999, -980], start=1):  # 0.5 s, then a restart
        viewer.tell(ARM.home, k)
        graph.until(lambda heard=heard: viewer.heard() == heard)
    graph.until(lambda: len(viewer.moving) == 7)
    graph.for_(0.1)
    stamps = [m.transforms[0].header.stamp for m in viewer.moving]
    assert [(s.sec - 1000) * 100 + s.nanosec // 10_000_000 for s in stamps] == [
        *(0, 10, 20, 30, 40),
        *(-1000, -980),
    ]


@pytest.mark.parametrize(
    ("names", "positions", "kind"),
    [
        (ARM.names, [0.0] * 3, "rejected messages"),
        (ARM.names, [float("nan")] * 7, "not finite messages"),
    ],
)
def test_joint_states_that_must_not_be_used_give_no_frames(graph, viewer, names, positions, kind):
    viewer.tell(positions, names=names)
    graph.until(lambda: viewer.node.diagnostics.counts[kind] == 1)
    viewer.tell(ARM.home, 50)
    graph.until(lambda: len(viewer.moving) == 1)


def test_names_may_have_a_prefix_and_the_arm_may_be_a_file_of_the_user(graph, tf, tmp_path):
    path = tmp_path / "mine.urdf"
    path.write_text(urdf_text(load_robot("reacher")).replace('"link0"', '"arm_0"'))
    viewer = Viewer(graph, tf, robot=str(path), frame_prefix="left/")
    viewer.tell([0.1, 0.2], names=["joint0", "joint1"])
    graph.until(lambda: viewer.moving and viewer.described)
    assert viewer.described[0].data == path.read_text()
    assert [t.child_frame_id for t in viewer.moving[0].transforms] == ["left/arm_0", "left/link1"]


def test_an_arm_that_cannot_be_read_is_one_sentence(graph, tf, capfd):
    node = graph.add(ArmFrames, "arm_frames", robot="nowhere.urdf")
    assert node.trigger_configure() == FAILURE
    assert "cannot read nowhere.urdf" in capfd.readouterr().err


def test_without_the_messages_of_tf_it_says_what_to_install(graph, monkeypatch, capfd):
    monkeypatch.setattr("ml3_ros.nodes.arm_frames.TFMessage", None)
    node = graph.add(ArmFrames, "arm_frames")
    assert node.trigger_configure() == FAILURE
    assert "the package tf2_msgs is not installed" in capfd.readouterr().err
