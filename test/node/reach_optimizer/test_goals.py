# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Goals: from whom they may come, and in which frame."""

from __future__ import annotations

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped

from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_100
from ml3_ros.nodes.messages.frames import transforms_of
from ml3_ros.nodes.messages.joint_states import NANO, time_msg
from ml3_ros.nodes.messages.poses import pose_to_msg
from ml3_ros.robots.link_frames import Frame

CAMERA = "camera_optical_frame"
HALF = np.sqrt(0.5)


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tf2_msgs.msg", reason="run `make setup` again").TFMessage


def in_frame(arm, frame, stamp=0, pose=None):
    arm.goals.publish(pose_to_msg(arm.GOAL if pose is None else pose, stamp, frame))


def tell(publisher, tf, parent, child, position, quaternion=(0, 0, 0, 1), stamp=0):
    frame = Frame(
        parent=parent, child=child, position=np.array(position), quaternion=np.array(quaternion)
    )
    publisher.publish(tf(transforms=transforms_of([frame], time_msg(stamp))))


def test_a_goal_from_the_command_line_is_taken_once(graph, plant):
    arm = plant()
    goals = graph.plain().create_publisher(PoseStamped, "goal", RELIABLE_100)
    graph.until(goals.get_subscription_count)
    goals.publish(pose_to_msg(np.asarray(arm.GOAL), 0))
    graph.until(lambda: arm.node._goals)
    arm.goal()  # latched, as the conductor's
    graph.until(lambda: len(arm.node._goals) == 2)
    graph.for_(0.2)
    assert len(arm.node._goals) == 2


@pytest.mark.parametrize("frame", ["", "base", "/base"])
def test_a_goal_without_a_frame_is_one_in_that_of_the_base(graph, plant, frame):
    arm = plant()
    in_frame(arm, frame)
    graph.until(lambda: arm.node._goals)
    np.testing.assert_array_equal(arm.node._goals, [arm.GOAL])


def test_a_goal_in_a_frame_that_nobody_knows_is_rejected_with_both_names(graph, plant, capfd):
    arm = plant(frame_timeout=0.3)
    in_frame(arm, CAMERA)
    in_frame(arm, "base")  # waits behind it
    graph.until(lambda: arm.node._goals)
    assert arm.node.diagnostics.counts["rejected goals"] == 1
    np.testing.assert_array_equal(arm.node._goals, [arm.GOAL])
    told = capfd.readouterr().err
    assert (
        f"a goal in the frame '{CAMERA}' cannot be brought into that of the base, 'base'" in told
    )
    shown = arm.node.diagnostic_values()["last rejected goal"]
    assert shown.startswith(f"{CAMERA} in base: tf knows no way")


def test_while_a_goal_waits_diagnostics_name_both_frames(graph, plant):
    arm = plant(frame_timeout=60.0)
    in_frame(arm, CAMERA)
    values = arm.node.diagnostic_values
    graph.until(lambda: "goals wait for tf" in values())
    assert values()["goals wait for tf"] == f"{CAMERA} in base"
    assert not arm.node._goals and not arm.resets


def test_a_goal_is_brought_into_the_base_by_what_was_latched(graph, plant, tf):
    probe = graph.plain()
    table = probe.create_publisher(tf, "tf_static", LATCHED_1)
    mount = probe.create_publisher(tf, "tf_static", LATCHED_1)
    tell(table, tf, "base", "table", [0.5, 0, 0], [0, 0, HALF, HALF])
    tell(mount, tf, "table", CAMERA, [0, 0.5, 0])
    arm = plant()
    in_frame(arm, CAMERA, pose=np.array([0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0]))
    graph.until(lambda: arm.node._goals)
    # the table's y axis is the base's -x axis
    expected = [0.5 + 0.5, 0, 0, 0, 0, HALF, HALF]
    np.testing.assert_allclose(arm.node._goals, [expected], atol=1e-12)
    assert not arm.node.diagnostics.counts


def test_a_goal_waits_for_the_transform_of_its_time(graph, plant, tf):
    arm = plant(frame_timeout=60.0)
    moving = graph.plain().create_publisher(tf, "tf", RELIABLE_100)
    graph.connect("tf")
    tell(moving, tf, "base", "hand", [0.0, 0, 0], stamp=10 * NANO)
    in_frame(arm, "hand", stamp=11 * NANO)
    graph.until(lambda: "goals wait for tf" in arm.node.diagnostic_values())
    graph.for_(0.1)
    assert not arm.node._goals
    tell(moving, tf, "base", "hand", [0.2, 0, 0], stamp=12 * NANO)
    graph.until(lambda: arm.node._goals)
    np.testing.assert_allclose(arm.node._goals[0][:3], [1.1, 0.5, 0])


def test_out_of_reach_is_judged_in_the_base(graph, plant, tf):
    arm = plant()
    table = graph.plain().create_publisher(tf, "tf_static", LATCHED_1)
    tell(table, tf, "base", "table", [5.0, 0, 0])
    in_frame(arm, "table")
    graph.until(lambda: arm.node.diagnostics.counts["rejected goals"])
    assert not arm.node._goals


def test_transforms_that_are_none_do_no_harm(graph, plant, tf):
    arm = plant()
    table = graph.plain().create_publisher(tf, "tf_static", LATCHED_1)
    tell(table, tf, "base", "table", [float("nan"), 0, 0])
    graph.until(lambda: arm.node.diagnostics.counts["unknown frames"])
    tell(table, tf, "base", "table", [0.0, 0, 0])
    in_frame(arm, "table")
    graph.until(lambda: arm.node._goals)


def test_a_hand_pose_in_another_frame_is_not_used(graph, plant):
    arm = plant()
    arm.goal()
    graph.until(lambda: arm.phase() == "settling")
    arm.poses.publish(pose_to_msg(arm.GOAL, arm.stamp, "tool"))
    graph.until(lambda: arm.node.diagnostics.counts["rejected messages"])
    assert not arm.sent
