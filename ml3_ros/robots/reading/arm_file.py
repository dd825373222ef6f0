# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a reader of robot files returns, whatever the format: the arm of the joints that move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml3_ros.robots.base import Array, JointLimits
from ml3_ros.robots.reading.choice import Choice

if TYPE_CHECKING:
    import pinocchio


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmFile:
    """An arm as its file describes it.

    Attributes:
        name: Of the robot.
        model: Rigid-body model in which only the chosen joints move; armature [kg m^2], damping
            [N m s/rad] and dry friction [N m] are those of the file.
        choice: Which joints move, and where the others are held.
        limits: Of the joints that move.
        home: Where the file puts the arm at first (n,), None where it does not say.
        tool: Frame that carries the payload.
        base: Frame that poses are in.
        payload_limit: Largest payload that the file names [kg], None where it does not say.
        urdf: Text of the URDF in which the held joints are fixed, "" of a MJCF.
        notes: What was left out, a sentence each.
    """

    name: str
    model: pinocchio.Model
    choice: Choice
    limits: JointLimits
    home: Array | None
    tool: str
    base: str
    payload_limit: float | None
    urdf: str = ""
    notes: tuple[str, ...] = ()
