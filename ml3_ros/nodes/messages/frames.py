# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages of tf to transforms and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped

from ml3_ros.data.frame_tree import FrameTree
from ml3_ros.nodes.messages.joint_states import nanoseconds

if TYPE_CHECKING:
    from ml3_ros.robots.link_frames import Frame


def _message_of_tf() -> Any:
    """Return the class of tf's messages; None on a ROS 2 without tf."""
    try:
        from tf2_msgs.msg import TFMessage
    except ImportError:
        return None
    return TFMessage


TFMessage = _message_of_tf()


def transforms_of(
    frames: Iterable[Frame], stamp: Time, prefix: str = ""
) -> list[TransformStamped]:
    """Return the transforms of links; `prefix` stands before each name."""
    return [_transform(frame, stamp, prefix) for frame in frames]


def _transform(frame: Frame, stamp: Time, prefix: str) -> TransformStamped:
    msg = TransformStamped(child_frame_id=prefix + frame.child)
    msg.header.stamp, msg.header.frame_id = stamp, prefix + frame.parent
    to, turn = msg.transform.translation, msg.transform.rotation
    to.x, to.y, to.z = (float(x) for x in frame.position)
    turn.x, turn.y, turn.z, turn.w = (float(x) for x in frame.quaternion)
    return msg


def add_to_tree(tree: FrameTree, msg: Any, *, fixed: bool) -> None:
    """Put the transforms of a TFMessage into a tree.

    Raises:
        FrameError: One of them is none; those before it are in the tree.
        MessageError: A stamp is no time.
    """
    for one in msg.transforms:
        to, turn = one.transform.translation, one.transform.rotation
        tree.add(
            frame_name(one.header.frame_id),
            frame_name(one.child_frame_id),
            nanoseconds(one.header.stamp),
            np.array([to.x, to.y, to.z]),
            np.array([turn.x, turn.y, turn.z, turn.w]),
            fixed=fixed,
        )


def frame_name(frame_id: str) -> str:
    """Return the name of a frame, without the slash that ROS 1 put before it."""
    return frame_id.lstrip("/")
