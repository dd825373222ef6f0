# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Poses of a hand to arrays and back: position [m] and quaternion x, y, z, w, (7,), in the base.

Whatever must not be used raises `MessageError`, as in `nodes.messages.joint_states`.
"""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import PoseStamped

from ml3_ros.errors import MessageError
from ml3_ros.nodes.messages.joint_states import NotFiniteError, nanoseconds, time_msg

UNIT_TOLERANCE = 1e-2  # of a quaternion's length; drivers round


def pose_to_msg(pose: np.ndarray, stamp: int, frame_id: str = "") -> PoseStamped:
    """Return a pose (7,), stamped [ns]."""
    msg = PoseStamped()
    msg.header.stamp = time_msg(stamp)
    msg.header.frame_id = frame_id
    position, orientation = msg.pose.position, msg.pose.orientation
    position.x, position.y, position.z = (float(x) for x in pose[:3])
    orientation.x, orientation.y, orientation.z, orientation.w = (float(x) for x in pose[3:])
    return msg


def pose_from_msg(msg: PoseStamped, topic: str) -> tuple[int, np.ndarray]:
    """Return the stamp [ns] and the pose (7,).

    Raises:
        NotFiniteError: A number is NaN or infinite.
        MessageError: The quaternion is none.
    """
    p, o = msg.pose.position, msg.pose.orientation
    pose = np.array([p.x, p.y, p.z, o.x, o.y, o.z, o.w])
    if not np.isfinite(pose).all():
        raise NotFiniteError(f"{topic} holds NaN or infinity: it is skipped; check its sender")
    length = float(np.linalg.norm(pose[3:]))
    if abs(length - 1.0) > UNIT_TOLERANCE:
        raise MessageError(
            f"the quaternion of {topic} has length {length:.3f}: it is skipped; send one of "
            "length 1, for instance 0, 0, 0, 1"
        )
    pose[3:] /= length
    return nanoseconds(msg.header.stamp), pose


def matrix_of(pose: np.ndarray) -> np.ndarray:
    """Return the homogeneous matrix (4, 4) of a pose (7,)."""
    x, y, z, w = pose[3:]
    T = np.eye(4)
    T[:3, 3] = pose[:3]
    T[:3, :3] += 2.0 * np.array(
        [
            [-y * y - z * z, x * y - w * z, x * z + w * y],
            [x * y + w * z, -x * x - z * z, y * z - w * x],
            [x * z - w * y, y * z + w * x, -x * x - y * y],
        ]
    )
    return T


def pose_of(T: np.ndarray) -> np.ndarray:
    """Return the pose (7,) of a homogeneous matrix (4, 4)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = T[:3, :3].tolist()
    outer = np.array(  # 4 q q^T; the row of the largest component loses no digits
        [
            [1.0 + xx - yy - zz, xy + yx, xz + zx, zy - yz],
            [xy + yx, 1.0 - xx + yy - zz, yz + zy, xz - zx],
            [xz + zx, yz + zy, 1.0 - xx - yy + zz, yx - xy],
            [zy - yz, xz - zx, yx - xy, 1.0 + xx + yy + zz],
        ]
    )
    row = outer[outer.diagonal().argmax()]
    return np.concatenate([T[:3, 3], row / np.linalg.norm(row)])
