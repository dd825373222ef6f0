# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Poses of a hand to messages and back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ml3_ros.errors import MessageError
from ml3_ros.nodes.messages.joint_states import NANO, NotFiniteError
from ml3_ros.nodes.messages.poses import matrix_of, pose_from_msg, pose_of, pose_to_msg

POSE = np.array([0.1, -0.2, 0.3, 0.5, -0.5, 0.5, 0.5])


def test_a_pose_goes_to_a_message_and_back():
    msg = pose_to_msg(POSE, 3 * NANO + 7, "base")
    assert msg.header.frame_id == "base"
    stamp, pose = pose_from_msg(msg, "hand_pose")
    assert stamp == 3 * NANO + 7
    np.testing.assert_array_equal(pose, POSE)
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = Rotation.from_quat(POSE[3:]).as_matrix(), POSE[:3]
    np.testing.assert_allclose(pose_of(T), POSE, atol=1e-12)
    np.testing.assert_allclose(matrix_of(POSE), T, atol=1e-12)


def test_the_quaternion_of_a_rotation_is_that_of_scipy():
    half_turns = Rotation.from_quat(np.eye(4))
    for rotation in [*Rotation.random(200, random_state=0), *half_turns]:
        T = np.eye(4)
        T[:3, :3] = rotation.as_matrix()
        expected = Rotation.from_matrix(T[:3, :3]).as_quat()
        np.testing.assert_allclose(pose_of(T)[3:], expected, atol=1e-12)


def test_a_quaternion_is_made_exactly_one_or_rejected():
    _, pose = pose_from_msg(pose_to_msg(POSE * [1, 1, 1, 1.005, 1.005, 1.005, 1.005], 0), "goal")
    np.testing.assert_allclose(pose, POSE, atol=1e-12)
    with pytest.raises(MessageError, match=r"the quaternion of goal has length 0\.000"):
        pose_from_msg(pose_to_msg(POSE * [1, 1, 1, 0, 0, 0, 0], 0), "goal")


@pytest.mark.parametrize("i", range(7))
def test_what_is_not_finite_is_rejected(i):
    pose = POSE.copy()
    pose[i] = np.nan
    with pytest.raises(NotFiniteError, match="hand_pose holds NaN"):
        pose_from_msg(pose_to_msg(pose, 0), "hand_pose")
