# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joint states in order of time: duplicates and late ones are rejected, gaps are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sensor_msgs.msg import JointState

from ml3_ros.data.stamps import Pace
from ml3_ros.errors import MessageError
from ml3_ros.nodes.messages.joint_states import (
    NANO,
    JointSample,
    PartialMessageError,
    listed,
    sample_from_msg,
)

RESTART_AFTER = 0.2  # [s] of samples in order among themselves, apart from the newest one
RESTART_LEAST = 5  # such samples, however slow
SET_BACK_LEAST = 3  # samples in order behind the newest one, until they have caught up with it
RESTART_GAP = NANO  # in `seconds`, so that filters see that two moments do not belong together
LONGEST_GAP = NANO  # between samples that belong together
SETTLED_AFTER = 2.0  # [s] from which the sampling period is known to a percent
MOST_KEPT = 10_000  # stamps
MOST_PARTS = 20  # sets of joints that are remembered of partial messages


class BackwardsError(MessageError):
    """A stamp does not follow on that of the sample before."""

    kind = "stamps out of order"


class SplitMessageError(MessageError):
    """A message holds a part of the joints, and others held the rest."""

    kind = "joints in separate messages"


class JointStream:
    """Reads joint states one by one and keeps their time increasing.

    A sample whose stamp does not increase, or leaps by more than `LONGEST_GAP`, is dropped: its
    stamp may be wrong. When samples in a row lie apart but in order for `RESTART_AFTER`, their
    source was restarted or its clock was set: the stream goes on from there, `restarts` is raised,
    and `seconds` goes on one second after where it was. So it does, without a restart, when a few
    samples in order behind the newest one catch up with it: the clock was set back by little.

    Attributes:
        pace: The sampling period [ns].
    """

    def __init__(self, names: Sequence[str], counts: Counter[str]) -> None:
        """Read `names`; lost samples are counted in `counts`."""
        self.names = tuple(names)
        self.restarts = 0
        self._counts = counts
        self._newest: int | None = None
        self._origin = 0
        self._apart: list[int] = []
        self._parts: set[frozenset[str]] = (
            set()
        )  # joints of the partial messages since a whole one
        self.pace = Pace(round(SETTLED_AFTER * NANO), MOST_KEPT)

    def read(self, msg: JointState) -> JointSample:
        """Return the sample of a message.

        Raises:
            MessageError: The message must not be used; its `kind` says how to count it.
        """
        try:
            sample = sample_from_msg(msg, self.names)
        except PartialMessageError:
            self._raise_if_split(msg)
            raise
        self._parts.clear()
        if self._newest is not None:
            if not _follows(sample.stamp, self._newest):
                self._accept_restart_or_raise(sample.stamp)
            elif len(self._apart) >= SET_BACK_LEAST and _follows(sample.stamp, self._apart[-1]):
                self._counts["clocks set back"] += 1
                self._origin -= RESTART_GAP
        if self._newest is None:
            self._origin = sample.stamp
        self._count_losses(sample.stamp)
        self._apart.clear()
        self._newest = sample.stamp
        return sample

    @property
    def period(self) -> float | None:
        """Time between samples over the last seconds [s]; None before there are some."""
        return self.pace.period / NANO if self.pace.period is not None else None

    def seconds(self, stamp: int) -> float:
        """Return a stamp relative to the first sample of the stream [s]; it never runs back."""
        return (stamp - self._origin) / NANO

    def stamp(self, seconds: float) -> int:
        """Return the stamp [ns] of a time of the stream."""
        return self._origin + round(seconds * NANO)

    def _raise_if_split(self, msg: JointState) -> None:
        """Raise SplitMessageError if partial messages in a row hold all joints together."""
        part = frozenset(self.names).intersection(msg.name)
        if not part:  # of other joints
            return
        if len(self._parts) >= MOST_PARTS:
            self._parts.clear()
        self._parts.add(part)
        if frozenset().union(*self._parts) == frozenset(self.names):
            rest = [name for name in self.names if name not in part]
            raise SplitMessageError(
                f"joint_states come in separate messages, {listed(sorted(part))} apart from "
                f"{listed(rest)}: all of them are skipped; let one driver publish all joints in "
                "every message, or put a node that merges them between"
            )

    def _count_losses(self, stamp: int) -> None:
        missing = self.pace.push(stamp)
        if missing:
            self._counts["lost samples"] += missing

    def _accept_restart_or_raise(self, stamp: int) -> None:
        if self._apart and not _follows(stamp, self._apart[-1]):
            self._apart.clear()
        self._apart.append(stamp)
        assert self._newest is not None
        lasting = stamp - self._apart[0] >= RESTART_AFTER * NANO
        if not lasting or len(self._apart) < RESTART_LEAST:
            step = (stamp - self._newest) * 1e-9
            where = f"{abs(step):.3f} s {'before' if step <= 0.0 else 'after'}"
            raise BackwardsError(
                f"joint_states is stamped {where} its predecessor: the sample is dropped; let "
                "one driver publish the arm's joints and keep its clock monotonic"
            )
        self.restarts += 1
        self._counts["restarts of the stream"] += 1
        self._origin += stamp - self._newest - RESTART_GAP
        self._newest = stamp - RESTART_GAP
        self.pace.clear()


def _follows(stamp: int, before: int) -> bool:
    """Return whether a stamp [ns] may be that of the sample after `before` [ns]."""
    return 0 < stamp - before <= LONGEST_GAP
