# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Limits of an exciting motion: joints, speeds, accelerations, torques and a box of the tool.

While a motion is sought, limits are smooth penalties; what is found is then checked on a fine grid
and, where a limit is still exceeded, made smaller about its start until none is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError
from ml3_ros.identification.confidence.parameters import LimitedModel
from ml3_ros.robots.base import JointLimits

Array = NDArray[np.float64]
SHARE = 0.94  # of the limits of speed, acceleration and torque that a motion may use
MARGIN = 0.05  # distance from the position limits [rad]
GRID = 0.02  # spacing [s] at which a motion is checked
_SMALLER = 0.97  # from one attempt to the next


class ToolModel(LimitedModel, Protocol):
    """A rigid-body model that knows its limits and where its tool is."""

    def forward_kinematics(self, q: Array) -> Array:
        """Return T_world_tool [m] (T, 4, 4) of q (T, n)."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MotionLimits:
    """What a motion may use: shares of the joints' limits, and a box.

    `lower`, `upper` [rad], `velocity` [rad/s], `acceleration` [rad/s^2], `effort` [N m] are (n,);
    `box` (2, 3) [m] holds the least and largest coordinates of the tool in the base frame, or is
    absent.
    """

    lower: Array
    upper: Array
    velocity: Array
    acceleration: Array
    effort: Array
    box: Array | None = None

    @staticmethod
    def of(
        limits: JointLimits,
        start: Array,
        *,
        reach: float = np.inf,
        acceleration: float = np.inf,
        box: Array | None = None,
    ) -> MotionLimits:
        """Return what a motion from `start` [rad] (n,) may use of a robot's limits.

        Args:
            limits: Of the robot.
            start: Pose at which it begins and ends.
            reach: Farthest that a joint may go from there [rad]; in metres by `as_far_as`.
            acceleration: Largest acceleration where the robot's file gives none [rad/s^2].
            box: Of the tool, (2, 3) [m].

        Raises:
            ConfigError: The start is not inside the position limits, or the box is empty.
        """
        margin, far = limits.margin(MARGIN), limits.as_far_as(reach)
        lower = np.maximum(limits.lower + margin, start - far)
        upper = np.minimum(limits.upper - margin, start + far)
        outside = ~((lower <= start) & (start <= upper))
        if outside.any():
            worst = int(np.argmax(outside))
            raise ConfigError(
                f"the start of joint {limits.name(worst)} is not {margin[worst]:g} "
                f"{limits.units[worst]} inside its position limits: start elsewhere"
            )
        if box is not None and not (box[0] < box[1]).all():
            raise ConfigError(f"the box {box.tolist()} is empty: give lower corners first")
        return MotionLimits(
            lower=lower,
            upper=upper,
            velocity=SHARE * limits.velocity,
            acceleration=SHARE * np.minimum(limits.acceleration, acceleration),
            effort=SHARE * limits.effort,
            box=box,
        )

    def excess(self, model: ToolModel, q: Array, v: Array, a: Array) -> float:
        """Return by how much a path (T, n) exceeds its worst limit, 0 where it keeps all.

        In units of the limit; of positions in rad, of the box in m.
        """
        worst = [
            (self.lower - q).max(),
            (q - self.upper).max(),
            (np.abs(v) / self.velocity).max() - 1.0,
            (np.abs(a) / self.acceleration).max() - 1.0,
            (np.abs(model.rnea(q, v, a)) / self.effort).max() - 1.0,
        ]
        if self.box is not None:
            tool = model.forward_kinematics(q)[:, :3, 3]
            worst += [(self.box[0] - tool).max(), (tool - self.box[1]).max()]
        return max(0.0, float(max(worst)))

    def check_start(self, model: ToolModel, start: Array) -> None:
        """Reject a pose in which the arm may not rest (ConfigError)."""
        still = np.zeros((1, len(start)))
        if self.excess(model, start[None], still, still) > 0.0:
            raise ConfigError(
                "the arm may not rest at the start: its torque is beyond the effort limits there, "
                "or the tool is outside the box; start elsewhere (--start)"
            )


def shrunk(scale: float) -> float:
    """Return the next smaller scale of a motion."""
    return scale * _SMALLER
