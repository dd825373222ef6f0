# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A running system as viewers see it: description, frames, markers, and the frame of headers."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from visualization_msgs.msg import MarkerArray

from ml3_msgs.msg import Adaptation
from ml3_ros.data.frame_tree import FrameError, FrameTree
from ml3_ros.nodes.kit.qos import LATCHED_1, LATCHED_100, RELIABLE_100, SENSOR_1
from ml3_ros.nodes.messages.frames import add_to_tree
from ml3_ros.nodes.messages.poses import pose_from_msg
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.urdf import urdf_text
from test.system.waiting import wait_until

pytestmark = pytest.mark.system

# Stands for the real one: takes the URDF as a parameter and publishes it.
STATE_PUBLISHER = """#!{python}
import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String

rclpy.init()
node = Node("x")
text = node.declare_parameter("robot_description", "").value
latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
publisher = node.create_publisher(String, "robot_description", latched)
publisher.publish(String(data=text))
try:
    rclpy.spin(node)
except (KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
    pass
"""


def test_viewers_see_the_arm_its_frames_goals_and_paths(up, gone, viewer, tmp_path):
    tf = pytest.importorskip("tf2_msgs.msg", reason="run `make setup` again").TFMessage
    words = ("goals:=1000", "frames:=arm_frames", f"out:={tmp_path / 'out'}")
    run = up("reacher_reach", *words)
    seen = viewer(
        robot_description=(String, LATCHED_1),
        tf=(tf, RELIABLE_100),
        tf_static=(tf, LATCHED_1),
        hand_pose=(PoseStamped, SENSOR_1),
        joint_states=(JointState, SENSOR_1),
        joint_command=(JointState, SENSOR_1),
        goal=(PoseStamped, LATCHED_100),
        reach_markers=(MarkerArray, LATCHED_1),
        adaptation__ml3_reach=(Adaptation, RELIABLE_100),
    )
    run.expect("after 1 updates")
    headed = {"hand_pose", "joint_states", "joint_command", "goal", "adaptation/ml3_reach"}
    seen.until_all("robot_description", "tf", "tf_static", *headed)
    wait_until(
        lambda: {"goals", "hand paths"} <= {m.ns for m in seen.newest["reach_markers"].markers}
    )
    assert seen.newest["robot_description"].data == urdf_text(load_robot("reacher"))
    for topic in headed:
        assert seen.newest[topic].header.frame_id == "base", topic
    assert {m.header.frame_id for m in seen.newest["reach_markers"].markers} == {"base"}
    tree = FrameTree()

    def hand_agrees() -> bool:
        """Whether tf has the hand where hand_pose says, at one time."""
        add_to_tree(tree, seen.newest["tf_static"], fixed=True)
        add_to_tree(tree, seen.newest["tf"], fixed=False)
        stamp, pose = pose_from_msg(seen.newest["hand_pose"], "hand_pose")
        try:
            T = tree.lookup("base", "fingertip", stamp)
        except FrameError:
            return False
        np.testing.assert_allclose(T[:3, 3], pose[:3], atol=1e-4)
        return True

    wait_until(hand_agrees)
    pids = list(run.nodes().values())
    run.process.terminate()
    assert run.end() == 0, run.output
    gone(pids)


def test_a_viewer_that_crashes_ends_nothing_and_the_standard_node_gets_the_urdf(
    up, viewer, tmp_path, monkeypatch
):
    programs = {
        "robot_state_publisher": STATE_PUBLISHER.format(python=sys.executable),
        "rviz2": '#!/bin/sh\necho shows "$@"\nexit 3\n',
    }
    prefix = tmp_path / "prefix"
    for package, text in programs.items():
        marker = prefix / "share/ament_index/resource_index/packages" / package
        path = prefix / "lib" / package / package
        for file in (marker, path):
            file.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
        path.write_text(text)
        path.chmod(0o755)
    prefixes = [str(prefix), os.environ.get("AMENT_PREFIX_PATH", sys.prefix)]
    monkeypatch.setenv("AMENT_PREFIX_PATH", os.pathsep.join(prefixes))
    words = ("goals:=1", "updates:=1", "speed:=5", f"out:={tmp_path / 'out'}")
    run = up("reacher_reach", *words, "frames:=robot_state_publisher", "rviz:=true")
    seen = viewer(robot_description=(String, LATCHED_1))
    run.expect("rviz2 has ended with rc 3")
    seen.until_all("robot_description")
    assert seen.newest["robot_description"].data == urdf_text(load_robot("reacher"))
    assert run.end() == 0, run.output
    assert "shows -d " in run.output and "-f base --ros-args" in run.output
    assert "Distance of the hand from its goal when an episode ends" in run.output
