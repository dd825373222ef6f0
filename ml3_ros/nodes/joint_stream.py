"""The order of a stream of joint states: nothing twice, nothing backwards, gaps counted."""

from __future__ import annotations

import statistics
from collections import Counter, deque
from collections.abc import Sequence

from sensor_msgs.msg import JointState

from ml3_ros.bridges.messages import NANO, JointSample, sample_from_msg
from ml3_ros.errors import MessageError

RESTART_AFTER = 20  # samples in order among themselves, behind the newest one
RESTART_GAP = NANO  # in `seconds`, so that filters see that two moments do not belong together
STEPS_KEPT = 9  # the sampling period is the median of so many steps


class BackwardsError(MessageError):
    """A stamp does not increase."""

    kind = "stamps out of order"


class JointStream:
    """Reads joint states one by one and keeps their time increasing.

    A sample whose stamp does not increase is dropped. When `RESTART_AFTER` samples in a row lie
    behind but in order, their source was restarted: the stream goes on from there, `restarts` is
    raised, and `seconds` goes on one second after where it was.
    """

    def __init__(self, names: Sequence[str], counts: Counter[str]) -> None:
        """Read `names`; lost samples are counted in `counts`."""
        self.names = tuple(names)
        self.restarts = 0
        self._counts = counts
        self._newest: int | None = None
        self._origin = 0
        self._behind: list[int] = []
        self._steps: deque[int] = deque(maxlen=STEPS_KEPT)

    def read(self, msg: JointState) -> JointSample:
        """Return the sample of a message.

        Raises:
            MessageError: The message must not be used; its `kind` says how to count it.
        """
        sample = sample_from_msg(msg, self.names)
        if self._newest is not None and sample.stamp <= self._newest:
            self._accept_restart_or_raise(sample.stamp)
        if self._newest is None:
            self._origin = sample.stamp
        else:
            self._count_gap(sample.stamp - self._newest)
        self._behind.clear()
        self._newest = sample.stamp
        return sample

    @property
    def period(self) -> float | None:
        """Median time between samples [s]; None before there are some."""
        return statistics.median(self._steps) / NANO if len(self._steps) == STEPS_KEPT else None

    def seconds(self, stamp: int) -> float:
        """Return a stamp relative to the first sample of the stream [s]; it never runs back."""
        return (stamp - self._origin) / NANO

    def stamp(self, seconds: float) -> int:
        """Return the stamp [ns] of a time of the stream."""
        return self._origin + round(seconds * NANO)

    def _count_gap(self, step: int) -> None:
        if len(self._steps) == STEPS_KEPT:
            missing = round(step / statistics.median(self._steps)) - 1
            if missing > 0:
                self._counts["lost samples"] += missing
        self._steps.append(step)

    def _accept_restart_or_raise(self, stamp: int) -> None:
        if self._behind and stamp <= self._behind[-1]:
            self._behind.clear()
        self._behind.append(stamp)
        assert self._newest is not None
        if len(self._behind) < RESTART_AFTER:
            back = (self._newest - stamp) * 1e-9
            raise BackwardsError(
                f"joint_states is stamped {back:.3f} s before its predecessor: the sample is "
                "dropped; let one driver publish the arm's joints and keep its clock monotonic"
            )
        self.restarts += 1
        self._origin += stamp - self._newest - RESTART_GAP
        self._newest = stamp - RESTART_GAP
        self._steps.clear()
