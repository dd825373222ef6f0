# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Choice of the joints that move: those asked for or recorded; the others are held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from ml3_ros.errors import RobotError

_OF_BASES = ("wheel", "caster", "suspension")  # in names of joints that drive a robot about


@dataclass(frozen=True, kw_only=True, slots=True)
class Joint:
    """A joint of a robot file that is not fixed.

    Attributes:
        name: As the file has it.
        slides: Whether its position is in metres; in radians otherwise.
        lower: Position limit, -inf for none.
        upper: Position limit, inf for none.
        rest: Where the file puts it; limits count before this.
        obstacle: Why it cannot be chosen, as the end of a sentence; "" if it can.
        idle: Why it is held unless it is chosen, likewise.
        driver: The joint that it follows, "" for none.
        multiplier: Its position over that of the driver.
        offset: Is added to that [rad, m].
    """

    name: str
    slides: bool
    lower: float = -np.inf
    upper: float = np.inf
    rest: float = 0.0
    obstacle: str = ""
    idle: str = ""
    driver: str = ""
    multiplier: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Which joints move, and where the others are held.

    Attributes:
        moving: Names, in the order of the file.
        held: Position [rad, m] of every other joint.
        note: A sentence that tells of the held ones, "" if there are none.
    """

    moving: tuple[str, ...]
    held: Mapping[str, float]
    note: str


def usually_idle(name: str) -> str:
    """Return why a joint of that name is held unless it is chosen, "" if it is not."""
    return "is of a mobile base" if any(word in name.lower() for word in _OF_BASES) else ""


def choose(
    joints: Mapping[str, Joint],
    what: str,
    *,
    chosen: Sequence[str] | None = None,
    recorded: Sequence[str] | None = None,
    held: Mapping[str, float] | None = None,
) -> Choice:
    """Choose the joints that move.

    Args:
        joints: Of the file, by name.
        what: Names the file in errors.
        chosen: Joints that shall move; None: all that move an arm.
        recorded: Names that a recording or stream carries; without `chosen`, only joints among
            them move. Other names are no joints of this arm's, and left alone.
        held: Positions [rad, m] of joints that are held, where they are known.

    Raises:
        RobotError: A chosen joint is not there or cannot be chosen, or none is left to move.
    """
    moving = _moving(joints, what, chosen, recorded)
    positions = dict(held or {})
    for name, joint in joints.items():
        if name not in moving and not joint.driver:
            rest = min(max(joint.rest, joint.lower), joint.upper)
            positions[name] = float(positions.get(name, rest))
    for name, joint in joints.items():
        if name not in moving and joint.driver:
            driver = positions.get(joint.driver, 0.0)
            followed = joint.multiplier * driver + joint.offset
            positions[name] = float(positions.get(name, followed))
    positions = {name: positions[name] for name in joints if name not in moving}
    said = "; ".join(
        f"{name} at {value:.4g} {'m' if joints[name].slides else 'rad'}{_why(joints[name])}"
        for name, value in positions.items()
    )
    return Choice(
        moving=moving,
        held=positions,
        note=f"joints of {what} that are held: {said}" if said else "",
    )


def _moving(
    joints: Mapping[str, Joint],
    what: str,
    chosen: Sequence[str] | None,
    recorded: Sequence[str] | None,
) -> tuple[str, ...]:
    able = [name for name, joint in joints.items() if not joint.obstacle]
    if chosen is not None:
        missing = [name for name in chosen if name not in joints]
        if missing or not chosen:
            raise RobotError(
                f"{what} has no joint {', '.join(missing) or '(none was chosen)'}: it has "
                f"{', '.join(able) or 'none that moves'}"
            )
        for name in chosen:
            if joints[name].obstacle:
                raise RobotError(
                    f"joint {name!r} of {what} {joints[name].obstacle}: choose among "
                    f"{', '.join(able) or 'others'}"
                )
        return tuple(name for name in able if name in chosen)
    usual = [name for name in able if not joints[name].idle]
    if recorded is None:
        return tuple(usual) or _none_moves(joints, what)
    # a joint that is recorded and no other moves is what the recording is of
    moving = [name for name in usual if name in recorded]
    moving = moving or [name for name in able if name in recorded]
    if not moving:
        raise RobotError(
            f"none of the recorded joints ({', '.join(recorded)}) moves in {what}: it has "
            f"{', '.join(able) or 'none'}; give the file of the arm that was recorded"
        )
    return tuple(moving)


def _why(joint: Joint) -> str:
    reason = joint.obstacle or joint.idle
    return f" ({reason})" if reason else ""


def _none_moves(joints: Mapping[str, Joint], what: str) -> NoReturn:
    reasons = "; ".join(
        f"{joint.name!r} {joint.obstacle or joint.idle}" for joint in joints.values()
    )
    told = f" ({reasons})" if reasons else ""
    raise RobotError(
        f"{what} has no joints that move{told}: give an arm with revolute or prismatic joints"
    )
