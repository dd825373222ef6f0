# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Goals as they come: each is brought into the frame of the base, or rejected."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import numpy as np
from geometry_msgs.msg import PoseStamped

from ml3_ros.data.frame_tree import FrameError
from ml3_ros.nodes.kit.frame_listener import FrameListener
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.qos import LATCHED_100
from ml3_ros.nodes.messages.frames import frame_name
from ml3_ros.nodes.messages.joint_states import listed
from ml3_ros.nodes.messages.poses import matrix_of, pose_from_msg, pose_of
from ml3_ros.nodes.reach_optimizer.parameters import ReachOptimizerParameters
from ml3_ros.nodes.reach_optimizer.setup import GoalError

MOST_WAITING = 100  # for their frames
POLL_S = 0.05


class GoalInbox:
    """Takes goals in any frame that tf knows, in the order in which they come.

    A goal waits for a transform at its own time, for `frame_timeout` at most, and those after it
    wait with it. One without a frame is taken to be in that of the base.
    """

    def __init__(
        self, node: Ml3Node[ReachOptimizerParameters], take: Callable[[np.ndarray], None]
    ) -> None:
        """Subscribe `node` to goals; `take` gets their poses in the base, (7,)."""
        self._node, self._take = node, take
        self._base = frame_name(node.parameters.base_frame)
        self._waiting: deque[tuple[float, str, int, np.ndarray]] = deque()
        self._rejected = ""
        self._frames = FrameListener(node, self.poll)
        node.subscribe(PoseStamped, "goal", self._on_goal, LATCHED_100, always=True)
        node.every(POLL_S, self.poll)

    def diagnostic_values(self) -> dict[str, object]:
        """Return which goals wait for a transform, and why the last one was rejected."""
        values: dict[str, object] = {}
        if self._waiting:
            frames = sorted({frame for _, frame, _, _ in self._waiting})
            values["goals wait for tf"] = f"{listed(frames)} in {self._base}"
        if self._rejected:
            values["last rejected goal"] = self._rejected
        return values

    def poll(self) -> None:
        """Pass on the goals whose transforms are known; reject the first one that is too old."""
        while self._waiting:
            deadline, frame, stamp, pose = self._waiting[0]
            try:
                T = self._frames.tree.lookup(self._base, frame, stamp)
            except FrameError as error:
                if time.monotonic() < deadline:
                    return
                self._waiting.popleft()
                self._reject(frame, str(error))
                continue
            self._waiting.popleft()
            self._node.guarded(self._take)(pose_of(T @ matrix_of(pose)))

    def _on_goal(self, msg: PoseStamped) -> None:
        stamp, pose = pose_from_msg(msg, "goal")
        frame = frame_name(msg.header.frame_id) or self._base
        if frame == self._base and not self._waiting:
            self._take(pose)
            return
        if len(self._waiting) >= MOST_WAITING:
            raise GoalError(f"{MOST_WAITING} goals wait for their frames already: send it later")
        deadline = time.monotonic() + self._node.parameters.frame_timeout
        self._waiting.append((deadline, frame, stamp, pose))
        self.poll()

    def _reject(self, frame: str, reason: str) -> None:
        self._rejected = f"{listed([frame])} in {self._base}: {reason}"
        self._node.reject(
            GoalError(
                f"a goal in the frame '{listed([frame])}' cannot be brought into that of the "
                f"base, '{self._base}': {reason}; let somebody publish that transform, or send "
                f"goals in '{self._base}'"
            )
        )
