# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Frames of links as a URDF says: those of Pinocchio, and what a file may say wrong."""

from __future__ import annotations

import numpy as np
import pinocchio
import pytest
from scipy.spatial.transform import Rotation

from ml3_ros.errors import RobotError
from ml3_ros.robots.link_frames import LinkFrames
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.urdf import urdf_text

URDF = """<robot name="r">
  <link name="root"/><link name="a"/><link name="b"/><link name="c"/><link name="d"/>
  <joint name="turn" type="continuous"><parent link="root"/><child link="a"/>
    <origin xyz="0 0 1" rpy="0.1 0.2 0.3"/><axis xyz="0 3 4"/></joint>
  <joint name="slide" type="prismatic"><parent link="a"/><child link="b"/>
    <origin xyz="1 0 0" rpy="0 0 1.5"/><axis xyz="1 0 0"/></joint>
  <joint name="follower" type="revolute"><parent link="b"/><child link="c"/>
    <axis xyz="0 0 1"/><mimic joint="turn" multiplier="-2" offset="0.5"/></joint>
  <joint name="loose" type="floating"><parent link="c"/><child link="d"/></joint>
</robot>
"""


def poses(frames, root):
    """Return the pose of each link in the root, (4, 4), by name."""
    found, waiting = {root: np.eye(4)}, list(frames)
    while ready := [f for f in waiting if f.parent in found]:
        for frame in ready:
            T = np.eye(4)
            T[:3, :3], T[:3, 3] = Rotation.from_quat(frame.quaternion).as_matrix(), frame.position
            found[frame.child] = found[frame.parent] @ T
            waiting.remove(frame)
    return found


@pytest.mark.parametrize("name", ["sawyer", "reacher"])
def test_links_are_where_pinocchio_has_them(name):
    arm = load_robot(name)
    links = LinkFrames(urdf_text(arm))
    q = arm.home + np.random.default_rng(0).uniform(-1.0, 1.0, arm.nq)
    moving = links.moving(dict(zip(arm.names, q.tolist(), strict=True)))
    assert len(moving) == arm.nq
    found = poses([*links.fixed, *moving], arm.base)
    model = pinocchio.buildModelFromXML(urdf_text(arm))
    data = model.createData()
    pinocchio.framesForwardKinematics(model, data, q)
    bodies = [f for f in model.frames if f.type == pinocchio.FrameType.BODY and f.name in found]
    assert {f.name for f in bodies} == set(found) and arm.tool in found
    for frame in bodies:
        T = data.oMf[model.getFrameId(frame.name, pinocchio.FrameType.BODY)].homogeneous
        np.testing.assert_allclose(found[frame.name], T, atol=1e-9)


def test_joints_slide_and_follow_others_and_what_is_not_known_is_left_out():
    links = LinkFrames(URDF)
    assert links.fixed == [] and links.moving({}) == []
    turned, slid, followed = links.moving({"turn": 0.4, "slide": 0.2})
    expected = Rotation.from_euler("xyz", [0.1, 0.2, 0.3]) * Rotation.from_rotvec([0, 0.24, 0.32])
    np.testing.assert_allclose(turned.quaternion, expected.as_quat())
    np.testing.assert_allclose(slid.position, [1 + 0.2 * np.cos(1.5), 0.2 * np.sin(1.5), 0])
    np.testing.assert_allclose(followed.quaternion, [0, 0, np.sin(-0.15), np.cos(-0.15)])
    (only,) = links.moving({"slide": 0.2, "stranger": 1.0})
    assert (only.parent, only.child) == ("a", "b")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('xyz="0 3 4"', 'xyz="0 0 0"'),
        ('xyz="1 0 0"', 'xyz="1 0"'),
        ('xyz="0 0 1" rpy', 'xyz="0 0 nan" rpy'),
        ('multiplier="-2"', 'multiplier="x"'),
        ('<parent link="root"/>', ""),
    ],
)
def test_a_joint_that_is_not_readable_is_named(old, new):
    with pytest.raises(
        RobotError, match=r"joint (turn|slide|follower) of the robot's description"
    ):
        LinkFrames(URDF.replace(old, new, 1))


def test_what_is_no_urdf_is_rejected():
    with pytest.raises(RobotError, match="it is no URDF"):
        LinkFrames("<mujoco/>")
    with pytest.raises(RobotError, match="not well-formed"):
        LinkFrames("")
