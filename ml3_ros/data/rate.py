# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Playback rate of a recording: how many samples are due, not too far ahead of a reader."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BURST = 20  # samples due at once, at most: a fifth of what subscribers keep; time slips instead
STALL_S = 5.0  # a reader that is silent for so long is not waited for
LONGEST_PAUSE = 1.0  # between samples of a recording; longer ones are skipped [s]
PAUSED_PERIODS = 10.0  # sampling periods that no pause is shorter than, however slow they are


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pauses:
    """Pauses of a recording that a player skips, and the times of its samples without them.

    Attributes:
        played: Times at which samples are sent (T,): a sampling period stands for a pause [s].
        stamped: Times that they bear (T,): a pause lasts LONGEST_PAUSE, so that whoever reads
            them sees that both sides are different moments [s].
        sentence: What is skipped; "" for nothing.
    """

    played: NDArray[np.float64]
    stamped: NDArray[np.float64]
    sentence: str = ""

    @staticmethod
    def of(t: NDArray[np.float64], period: float) -> Pauses:
        """Find the pauses between samples at times t [s] (T,) with a sampling period [s]."""
        steps = np.diff(t)
        long = steps > max(LONGEST_PAUSE, PAUSED_PERIODS * period)
        if not long.any():
            return Pauses(played=t, stamped=t)
        at = int(np.argmax(steps))
        played, stamped = (
            t[0] + np.concatenate(([0.0], np.cumsum(np.where(long, instead, steps))))
            for instead in (period, LONGEST_PAUSE)
        )
        return Pauses(
            played=played,
            stamped=stamped,
            sentence=f"{int(long.sum())} pause(s) in the recording, {steps[long].sum():.1f} s in "
            f"all, are skipped: the longest lasts {steps[at]:.1f} s from {t[at]:.2f} s on",
        )


class PlaybackRate:
    """Turns the time of a clock into the number of samples that are due.

    Where a reader acknowledges what it has used, no more than `max_ahead` samples are due beyond
    that, and only then does the recording run faster than in real time: so no queue flows over. A
    silent reader is waited for during STALL_S, then time goes on in real time.
    """

    _rate: float
    _max_ahead: int

    def __init__(self, t: NDArray[np.float64], *, rate: float, max_ahead: int) -> None:
        """Start at the first sample.

        Args:
            t: Times of the samples [s], (T,), increasing from 0.
            rate: Seconds of the recording per second of the clock [-].
            max_ahead: See above; 0: no reader is waited for.
        """
        self._t = t
        self.set(rate=rate, max_ahead=max_ahead)
        self._position = 0.0
        self._clock: float | None = None
        self._read: int | None = None
        self._read_at = 0.0

    def set(self, *, rate: float, max_ahead: int) -> None:
        """Go on at another pace from where the recording is; see `__init__`."""
        self._rate, self._max_ahead = rate, max_ahead

    def acknowledge(self, count: int, now: float) -> None:
        """Note at clock time `now` [s] that the reader has used the first `count` samples."""
        if self._read is None or count > self._read:
            self._read, self._read_at = count, now

    def due(self, now: float, sent: int) -> int:
        """Return how many samples are due at clock time `now` [s], `sent` of them being out."""
        step = 0.0 if self._clock is None else now - self._clock
        self._clock = now
        self._position += step * self._speed(now, sent)
        due = int(np.searchsorted(self._t, self._position, side="right"))
        if due > sent + BURST:
            due = sent + BURST
            self._position = float(self._t[due - 1])
        return due

    def _speed(self, now: float, sent: int) -> float:
        """Return seconds of the recording per second of the clock."""
        if self._max_ahead == 0:
            return self._rate
        if self._read is not None:
            if sent - self._read < self._max_ahead:
                return self._rate
            if now - self._read_at < STALL_S:
                return 0.0
        return min(self._rate, 1.0)
