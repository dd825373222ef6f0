# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joint states and hand poses, paired by their stamps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState

from ml3_ros.errors import MessageError
from ml3_ros.nodes.kit.joint_stream import JointStream
from ml3_ros.nodes.messages.frames import frame_name
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, listed
from ml3_ros.nodes.messages.poses import pose_from_msg

RESTART = NANO  # a pose so far behind the newest one comes from a source that was restarted

Pair = tuple[JointSample, np.ndarray]


class HandStream:
    """Reads both topics, in whichever order they come, and gives every joint state once.

    Attributes:
        stamp: Of the newest pair [ns]; 0 before the first.
        tolerance: Largest difference between the stamps of a pair [s].
    """

    def __init__(
        self, names: Sequence[str], counts: Counter[str], tolerance: float, base: str
    ) -> None:
        """Read the joints `names`; lost samples are counted in `counts`.

        Args:
            names: Joint names.
            counts: Of the node.
            tolerance: Largest difference between the stamps of a pair [s].
            base: Frame that hand poses are in, where they name one.
        """
        self.stamp = 0
        self._joints = JointStream(names, counts)
        self.tolerance = tolerance
        self._base = frame_name(base)
        self._sample: JointSample | None = None
        self._pose: tuple[int, np.ndarray] | None = None

    def forget(self) -> None:
        """Let go of what has come: the next pair is a new one."""
        self._sample = self._pose = None

    def newest(self) -> int | None:
        """Return the stamp of the newest joint state [ns], also of one without a hand pose."""
        return self._sample.stamp if self._sample is not None else self.stamp or None

    def read_pose(self, msg: PoseStamped) -> Pair | None:
        """Take a hand pose (7,) [m, -]; return the pair that it completes.

        Raises:
            MessageError: It must not be used.
        """
        frame = frame_name(msg.header.frame_id) or self._base
        if frame != self._base:
            raise MessageError(
                f"hand_pose is in the frame '{listed([frame])}', not in that of the base, "
                f"'{self._base}': it is dropped; publish it in the latter, or set `base_frame`"
            )
        stamp, pose = pose_from_msg(msg, "hand_pose")
        if self._pose is not None and 0 <= self._pose[0] - stamp < RESTART:
            raise MessageError(
                "hand_pose is not stamped after its predecessor: it is dropped; let one driver "
                "publish it"
            )
        self._pose = stamp, pose
        return self._paired()

    def read_state(self, msg: JointState) -> Pair | None:
        """Take a joint state; return the pair that it completes.

        Raises:
            MessageError: It must not be used.
        """
        self._sample = self._joints.read(msg)
        return self._paired()

    def _paired(self) -> Pair | None:
        if self._sample is None or self._pose is None:
            return None
        if abs(self._sample.stamp - self._pose[0]) > self.tolerance * NANO:
            return None
        sample, self._sample = self._sample, None
        self.stamp = sample.stamp
        return sample, self._pose[1]
