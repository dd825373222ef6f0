# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ROS messages to arrays and back: by joint name, checked, without state.

Arrays are float64, SI units, in the order of `names`, which is a parameter of the node and never
taken from a message. Whatever must not be used raises `MessageError`, which names the joint and
the cure; its `kind` is the word under which a node counts it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import JointState

from ml3_ros.data.repair.values import LARGEST, number
from ml3_ros.errors import MessageError

NANO = 1_000_000_000

_QUOTED = 12  # names that a sentence repeats, and characters of each
_QUOTED_LENGTH = 40


class PartialMessageError(MessageError):
    """A message holds only some of the joints, or none of them."""

    kind = "partial messages"


class NotFiniteError(MessageError):
    """A message holds NaN or infinity."""

    kind = "not finite messages"


class ImplausibleError(MessageError):
    """A message holds a number that no arm can have."""

    kind = "implausible messages"


class StampError(MessageError):
    """A stamp is no time."""

    kind = "stamps that are no time"


@dataclass(frozen=True, kw_only=True, slots=True)
class JointSample:
    """One joint state in the order of the caller's names.

    Attributes:
        stamp: Time of the sample [ns].
        q: Position [rad], shape (n,).
        v: Velocity [rad/s], shape (n,).
        tau: Effort, gravity included [N m], shape (n,).
    """

    stamp: int
    q: np.ndarray
    v: np.ndarray
    tau: np.ndarray


def nanoseconds(stamp: Time) -> int:
    """Return a stamp as an integer, exactly [ns].

    Raises:
        StampError: It lies before 1970, or has a whole second of nanoseconds or more.
    """
    if stamp.sec < 0 or stamp.nanosec >= NANO:
        raise StampError(
            f"a stamp of {stamp.sec} s and {stamp.nanosec} ns is no time: the message is skipped; "
            "check the clock of its sender"
        )
    return stamp.sec * NANO + stamp.nanosec


def time_msg(stamp: int) -> Time:
    """Return a stamp [ns] as a message."""
    return Time(sec=stamp // NANO, nanosec=stamp % NANO)


def when(stamp: Time) -> str:
    """Return for a sentence of what time a message is."""
    return f"at {stamp.sec}.{stamp.nanosec // 1_000_000:03d} s"


def listed(names: Sequence[str]) -> str:
    """Return names for a sentence, however many and long they are."""
    shown = [
        n if len(n) <= _QUOTED_LENGTH else n[:_QUOTED_LENGTH] + "..." for n in names[:_QUOTED]
    ]
    rest = [f"{len(names) - _QUOTED} more"] if len(names) > _QUOTED else []
    return ", ".join(shown + rest)


def sample_from_msg(
    msg: JointState, names: Sequence[str], *, any_velocity: bool = False
) -> JointSample:
    """Read a joint state; joints beyond `names` are ignored.

    With `any_velocity` velocities may be missing or NaN, and are NaN then.

    Raises:
        PartialMessageError: Some joint of `names` is not in the message.
        NotFiniteError: A number is NaN or infinite.
        ImplausibleError: A number is beyond `LARGEST`.
        StampError: The stamp is no time.
        MessageError: Arrays and names differ in length, or a joint appears twice.
    """
    index = _indices(msg, names, "joint_states")
    if any_velocity and not len(msg.velocity):
        v = np.full(len(names), np.nan)
    else:
        v = _column(msg, "velocity", names, index, nan=any_velocity)
    return JointSample(
        stamp=nanoseconds(msg.header.stamp),
        q=_column(msg, "position", names, index),
        v=v,
        tau=_column(msg, "effort", names, index),
    )


def sample_to_msg(sample: JointSample, names: Sequence[str], frame_id: str = "") -> JointState:
    """Return a joint state with all three arrays."""
    msg = JointState(name=list(names))
    msg.header.stamp = time_msg(sample.stamp)
    msg.header.frame_id = frame_id
    msg.position = sample.q.tolist()
    msg.velocity = sample.v.tolist()
    msg.effort = sample.tau.tolist()
    return msg


def effort_from_msg(msg: JointState, names: Sequence[str]) -> np.ndarray:
    """Read a joint command: full joint torques [N m], shape (n,).

    Raises:
        MessageError: The command is for other joints, misses some, or is not finite; a command
            is taken whole or not at all.
    """
    foreign = sorted(set(msg.name) - set(names))
    if foreign:
        raise MessageError(
            f"joint_command is for {listed(foreign)}, which this arm does not have: it is "
            f"rejected; send efforts for {', '.join(names)}"
        )
    return _column(msg, "effort", names, _indices(msg, names, "joint_command"))


def effort_to_msg(
    tau: np.ndarray, names: Sequence[str], stamp: int, frame_id: str = ""
) -> JointState:
    """Return a joint command [N m], stamped with the state that it answers [ns]."""
    msg = JointState(name=list(names), effort=np.asarray(tau, dtype=float).tolist())
    msg.header.stamp = time_msg(stamp)
    msg.header.frame_id = frame_id
    return msg


def _indices(msg: JointState, names: Sequence[str], topic: str) -> list[int]:
    position = {name: i for i, name in enumerate(msg.name)}
    if len(position) != len(msg.name):
        twice = sorted(name for name, count in Counter(msg.name).items() if count > 1)
        raise MessageError(
            f"{topic} names {listed(twice)} twice: the message is skipped; let only one "
            "driver publish each joint"
        )
    missing = [name for name in names if name not in position]
    if missing:
        present = listed(msg.name) or "no joints"
        raise PartialMessageError(
            f"{topic} has no {listed(missing)} (it has {present}): the message is skipped; "
            "check the remapping and the `robot` parameter"
        )
    return [position[name] for name in names]


def _column(
    msg: JointState, field: str, names: Sequence[str], index: list[int], *, nan: bool = False
) -> np.ndarray:
    """Return the numbers (n,) of a field, which may be `nan`."""
    values = getattr(msg, field)
    if len(values) != len(msg.name):
        raise MessageError(
            f"{len(msg.name)} joints are named but {field} has {len(values)} numbers: the message "
            f"is skipped; the sender must fill {field} for every joint it names"
        )
    column = np.asarray(values, dtype=float)[index]
    finite = np.isfinite(column) | (nan & np.isnan(column))
    if not finite.all():
        at = int(np.argmin(finite))
        raise NotFiniteError(
            f"{field} of {names[at]} is {number(column[at])} {when(msg.header.stamp)}: the "
            "message is skipped; check that joint's sensor or controller"
        )
    large = np.abs(column) > LARGEST[field]
    if large.any():
        at = int(np.argmax(large))
        raise ImplausibleError(
            f"{field} of {names[at]} is {number(column[at])} {when(msg.header.stamp)}: the "
            "message is skipped; check that joint's sensor or controller, and its unit"
        )
    return column
