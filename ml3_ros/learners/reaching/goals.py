# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Goals drawn at random from a part of a cylinder around the arm's vertical axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class GoalRanges:
    """Where goals are: poses around the arm's vertical axis, which turn with their direction.

    Attributes:
        radius: Smallest and largest distance from the axis [m].
        angle: Range of directions, from the x axis [rad].
        height: Range of heights above the base [m].
        orientation: Of a goal in direction 0, quaternion x, y, z, w.
        turn: Range of a further turn about the vertical [rad].
    """

    radius: Sequence[float]
    angle: Sequence[float]
    height: Sequence[float] = (0.0, 0.0)
    orientation: Sequence[float] = (0.0, 0.0, 0.0, 1.0)
    turn: Sequence[float] = (0.0, 0.0)

    def draw(self, n: int, seed: int) -> NDArray[np.float64]:
        """Return n poses (n, 7): position [m] and quaternion; equal seeds give equal ones."""
        from scipy.spatial.transform import Rotation  # slow to import, for who draws no goals

        rng = np.random.default_rng(seed)
        ranges = (self.radius, self.angle, self.height, self.turn)
        r, a, z, turn = (rng.uniform(min(limits), max(limits), n) for limits in ranges)
        upright = Rotation.from_euler("z", (a + turn)[:, None]) * Rotation.from_quat(
            self.orientation
        )
        return np.column_stack([r * np.cos(a), r * np.sin(a), z, upright.as_quat()])
