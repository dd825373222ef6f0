# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Times of a stream's samples: their stamps, or times of reception where these are useless."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from ml3_ros.data.repair.clock import JUMP, MOST_JUMPS, USELESS
from ml3_ros.errors import MessageError
from ml3_ros.nodes.messages.joint_states import NANO, JointSample

LOOKED_AT = 50  # samples by which stamps are judged
GOOD_AGAIN = 0.1  # share of useless stamps below which stamps are taken again


class UnstampedError(MessageError):
    """A message has no stamp."""

    kind = "messages without a stamp"


class SampleTimes:
    """Chooses the time of each sample of a stream, and reports once what stamps are worth.

    Stamps are useless where most samples bear that of the one before (whole seconds, none at
    all), or where they jump again and again. A message that is sent twice has the same stamp
    rightly.

    Attributes:
        by_reception: Whether times of reception are taken.
    """

    def __init__(self, report: Callable[[str], object]) -> None:
        """Take stamps at first; a change is reported with a sentence."""
        self.by_reception = False
        self._report = report
        self._last: JointSample | None = None
        self._repeated: deque[bool] = deque(maxlen=LOOKED_AT)
        self._jumped: deque[bool] = deque(maxlen=LOOKED_AT)
        self._alternating: deque[bool] = deque(maxlen=LOOKED_AT)  # goes on from the last but one
        self._before = 0  # stamp of the last but one

    def choose(self, sample: JointSample, received: int) -> int:
        """Return the time [ns] of a sample that came at `received` [ns].

        Raises:
            UnstampedError: It has no stamp, and others may have some.
        """
        last, self._last = self._last, sample
        if last is not None and not _same(last, sample):
            step = sample.stamp - last.stamp
            self._repeated.append(step == 0)
            self._jumped.append(abs(step) > JUMP * NANO)
            self._alternating.append(0 < sample.stamp - self._before <= JUMP * NANO)
            self._before = last.stamp
            if len(self._repeated) == LOOKED_AT:
                self._judge(sample.stamp)
        if self.by_reception:
            return received
        if sample.stamp == 0:
            raise UnstampedError(
                "joint_states has no stamp: the message is skipped; let the driver stamp samples "
                "where it measures them, and start it after the clock"
            )
        return sample.stamp

    def _judge(self, stamp: int) -> None:
        repeated, jumps = float(np.mean(self._repeated)), sum(self._jumped)
        if np.mean(self._alternating) > USELESS:  # two clocks, each of which is in order
            jumps = 0
        if not self.by_reception and (repeated > USELESS or jumps > MOST_JUMPS):
            what = f"jump {jumps} times in {LOOKED_AT} samples"
            if repeated > USELESS:
                what = "are 0" if stamp == 0 else "repeat themselves"
                what = "are whole seconds" if stamp and stamp % NANO == 0 else what
            self.by_reception = True
            self._report(
                f"stamps of joint_states {what}, so times of reception are taken, which are "
                "uneven: let the driver stamp samples where it measures them"
            )
        elif self.by_reception and repeated < GOOD_AGAIN and jumps == 0:
            self.by_reception = False
            self._report("stamps of joint_states are times of samples now, and are taken again")


def _same(a: JointSample, b: JointSample) -> bool:
    return bool((a.q == b.q).all() and (a.v == b.v).all() and (a.tau == b.tau).all())
