# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Regularity of samples from their stamps alone: period, jitter, and what is missing.

Stamps may be in any unit; results are in the same one.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]
Stamps = NDArray[np.float64] | NDArray[np.int64]

EVEN = 1e-3  # of the period: steps that differ by no more are even, but for rounding
_MOSTLY = 0.9  # share of even steps from which their median is the period
_SPAN = 10  # steps: over so many, jitter and single losses hardly matter
_SIDE = 8  # samples on either side of a loss that lie a period apart because of it
_LOOK_BACK = 2  # spans that are kept once the period is settled
_LATE = 5  # samples in a row that are late by a period: one is missing
_FORGET = (0.2, 0.02)  # share of a lateness that each sample takes for jitter; once the period is
# known to a percent, the smaller one


def sampling_period(stamps: Stamps) -> float:
    """Return the time between samples of increasing stamps (T,), T >= 2."""
    return even_clock(stamps)[0]


def even_clock(stamps: Stamps) -> tuple[float, float]:
    """Return the period of samples that come with jitter and losses, and by how much they are off.

    Args:
        stamps: Increasing (T,), T >= 2.

    Returns:
        The period; and the stamps' distance from an even clock, as a standard deviation.
    """
    steps = np.diff(stamps)
    typical = float(np.median(steps))
    if np.mean(np.abs(steps - typical) <= EVEN * typical) >= _MOSTLY:
        return typical, 0.0
    span = min(_SPAN, len(steps))
    typical = float(np.median(stamps[span:] - stamps[:-span])) / span
    since = (stamps - stamps[0]) / typical
    count = np.arange(len(stamps)) + _missing_before(since)
    count = count - count.mean()
    slope = float(count @ since / (count @ count))
    behind = since - np.arange(len(stamps))
    near = _medians(behind)
    off = behind[_SIDE // 2 :][: len(near)] - near  # whatever is missing before
    spread = 1.4826 * float(np.median(np.abs(off))) if len(near) else 0.0
    return slope * typical, spread * typical


def _missing_before(since: Array) -> NDArray[np.int64]:
    """Return how many samples are missing before each, from stamps in periods, about (T,).

    After a loss all stamps are late, so medians on both sides tell. Jitter that looks like one
    comes and goes, so what is early again counts against it.
    """
    missing = np.zeros(len(since), dtype=np.int64)
    if len(since) < 2 * _SIDE:
        return missing
    behind = since - np.arange(len(since))
    medians = _medians(behind)
    late = medians[_SIDE:] - medians[:-_SIDE]
    for sign in (1, -1):
        rows = np.flatnonzero(sign * late > 0.5)
        for part in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            if len(part):
                at = part[np.argmax(sign * late[part])]
                missing[at + _SIDE :] += round(late[at])
    return missing


def _medians(behind: Array) -> Array:
    """Return the median of each _SIDE neighbours (T,) -> (T - _SIDE + 1,), or nothing of fewer."""
    if len(behind) < _SIDE:
        return np.empty(0)
    return np.asarray(np.median(sliding_window_view(behind, _SIDE), axis=1))


class Pace:
    """The period of a stream over its last seconds: a quick estimate, refined as it goes on.

    Attributes:
        period: Time between samples; None before there are FIRST steps.
        settled: Whether `span` has been seen, so that the period is known to a percent.
        jitter: Of the stamps, as a standard deviation.
    """

    FIRST = _SPAN  # steps for the first estimate

    def __init__(self, span: int, most: int) -> None:
        """Settle after `span` of time, in the unit of the stamps; keep no more than `most`."""
        self._span = span
        self._stamps: deque[int] = deque(maxlen=most)
        self._behind: deque[float]  # periods by which samples were late
        self._look: int  # samples for the next estimate
        self._looked: int  # stamp of the last one
        self.period: float | None
        self.settled: bool
        self.jitter: float
        self.clear()

    def clear(self) -> None:
        """Begin anew: stamps before do not belong to those that follow."""
        self._stamps.clear()
        self._behind = deque(maxlen=_LATE)
        self._look, self._looked = self.FIRST + 1, 0
        self.period, self.settled, self.jitter = None, False, 0.0

    def push(self, stamp: int) -> int:
        """Take the next stamp; return how many samples before it have turned out to be missing."""
        missing = self._missing(stamp)
        self._stamps.append(stamp)
        if self.settled:
            due = stamp - self._looked >= self._span // 2
        else:
            enough = len(self._stamps) > self.FIRST
            self.settled = enough and stamp - self._stamps[0] >= self._span
            due = self.settled or len(self._stamps) >= self._look
        if due:
            self._estimate()
        return missing

    def _estimate(self) -> None:
        oldest = self._stamps[-1] - _LOOK_BACK * self._span
        while self._stamps[0] < oldest and len(self._stamps) > self.FIRST + 1:
            self._stamps.popleft()
        stamps = np.array(self._stamps)
        self.period, self.jitter = even_clock(stamps)
        self._look, self._looked = 2 * len(stamps), int(stamps[-1])

    def _missing(self, stamp: int) -> int:
        """Count a loss once several samples in a row are late by it: one alone may be jitter."""
        if self.period is None:
            return 0
        behind = self._behind[-1] if self._behind else 0.0
        behind -= _FORGET[self.settled] * min(max(behind, -0.5), 0.5)
        behind += (stamp - self._stamps[-1]) / self.period - 1.0
        self._behind.append(behind)
        missing = round(min(self._behind)) if len(self._behind) == _LATE else 0
        if missing > 0:
            self._behind = deque((late - missing for late in self._behind), maxlen=_LATE)
        return max(missing, 0)
