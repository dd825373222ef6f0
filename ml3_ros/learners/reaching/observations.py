# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Observations of an arm for a learned loss: geometry of joint states and hand pose.

A real arm measures both, so nothing here knows kinematics or dynamics. Worlds of meta-training and
policies on a real arm share these functions, so that a loss sees the same in both.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ml3_ros.core.quaternions import about_z, difference, rotate
from ml3_ros.core.types import Batch

Observation = Callable[[Tensor, Tensor, Tensor], Batch]
"""(state, hand, goal) -> what is seen, by name, each (*lead, k); state is q and v in a row."""


def planar(state: Tensor, hand: Tensor, goal: Tensor) -> Batch:
    """Return what is seen of two links in a plane.

    Args:
        state: Angles and velocities (*lead, 4) [rad, rad/s].
        hand: Position of the fingertip (*lead, 2) [m], in the frame of the first joint.
        goal: Where it shall be, likewise.

    Returns:
        "error", the way that is left in the first link's frame [m], "elbow", cosine and sine of
        the second angle, and "velocity" [rad/s], each (*lead, 2).
    """
    x, y = (goal - hand).unbind(-1)
    c, s = state[..., 0].cos(), state[..., 0].sin()
    elbow = state[..., 1]
    return {
        "error": torch.stack([c * x + s * y, c * y - s * x], dim=-1),
        "elbow": torch.stack([elbow.cos(), elbow.sin()], dim=-1),
        "velocity": state[..., 2:],
    }


def posed(state: Tensor, hand: Tensor, goal: Tensor) -> Batch:
    """Return what is seen of an arm on a vertical first axis, whose hand has to reach a pose.

    All of it is the same when arm and goal turn about that axis together.

    Args:
        state: Angles and velocities (*lead, 2 n) [rad, rad/s].
        hand: Pose in the frame of the base (*lead, 7): position [m], quaternion x, y, z, w.
        goal: What it shall be, likewise.

    Returns:
        "error" (*lead, 3) [m] and "turn" (*lead, 3) [rad], what is left of the way and of the
        turn, in a frame that turns with the first joint; "posture", cosines and sines of the
        other angles (*lead, 2 n - 2); "velocity" (*lead, n) [rad/s].
    """
    q, v = state.chunk(2, -1)
    back = about_z(-q[..., 0])
    others = q[..., 1:]
    return {
        "error": rotate(back, goal[..., :3] - hand[..., :3]),
        "turn": rotate(back, difference(goal[..., 3:], hand[..., 3:])),
        "posture": torch.cat([others.cos(), others.sin()], dim=-1),
        "velocity": v,
    }


OBSERVATIONS: dict[str, tuple[int, Observation]] = {"planar": (2, planar), "posed": (7, posed)}
"""By name: how many elements of hand and goal it uses, and the function."""
