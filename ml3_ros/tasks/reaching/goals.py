"""Goals drawn at random from a part of a cylinder around the arm's vertical axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

UPRIGHT = (0.0, 0.0, 0.0, 1.0)


def draw_goals(
    n: int,
    seed: int,
    radius: Sequence[float],
    angle: Sequence[float],
    height: Sequence[float],
) -> NDArray[np.float64]:
    """Return poses (n, 7): positions [m] and the quaternion x, y, z, w of no rotation.

    Args:
        n: How many.
        seed: Equal seeds give equal goals.
        radius: Smallest and largest distance from the axis [m].
        angle: Range of directions, from the x axis [rad].
        height: Range of heights [m].
    """
    rng = np.random.default_rng(seed)
    r, a, z = (rng.uniform(*sorted(limits), n) for limits in (radius, angle, height))
    return np.column_stack([r * np.cos(a), r * np.sin(a), z, np.tile(UPRIGHT, (n, 1))])
