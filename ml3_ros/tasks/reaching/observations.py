"""What a learned loss sees of an arm: plain geometry of joint states and of where the hand is.

A real arm tells both, so nothing here knows kinematics or dynamics. Worlds of meta-training and
policies on a real arm share these functions, so that a loss sees the same in both.
"""

from collections.abc import Callable

import torch
from torch import Tensor

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


OBSERVATIONS: dict[str, tuple[int, Observation]] = {"planar": (2, planar)}
"""By name: how many elements of hand and goal it looks at, and the function."""
