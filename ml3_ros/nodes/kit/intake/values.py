# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Values of a stream that only those before show to be wrong: unset memory, unfilled velocity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml3_ros.data.repair.values import FIELDS, bad_values
from ml3_ros.data.repair.velocities import MOVES, listed
from ml3_ros.errors import MessageError
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, time_msg, when

FASTEST = 0.02  # mean speed of a joint whose velocity is called 0 by mistake, at least [rad/s]
LEAST = 10  # samples that show it

_SMALLEST = float(np.finfo(np.float64).tiny)


class DenormalError(MessageError):
    """A number is so near to 0 that it must be memory that was not set."""

    kind = "denormal numbers"


class UnfilledVelocityError(MessageError):
    """Velocities are 0 while joints move."""

    kind = "velocities that are not filled"


class ValueChecks:
    """Compares each sample of a stream with those before it."""

    def __init__(self, names: Sequence[str]) -> None:
        """Check the joints `names`."""
        self._names = tuple(names)
        self._last: np.ndarray | None = None  # (3, n), without denormal numbers
        self._filled = np.zeros(len(self._names), dtype=bool)  # joints with some velocity
        self._first: JointSample | None = None
        self._samples = 0

    def check(self, sample: JointSample) -> None:
        """Raise an error where a sample must not be used.

        Raises:
            DenormalError: It holds a denormal number where an ordinary one was before.
            UnfilledVelocityError: A joint moves, and its velocity has always been 0.
        """
        row = np.stack([sample.q, sample.v, sample.tau])
        last = row if self._last is None else self._last
        bad = bad_values(np.stack([last, row]))[-1]
        if bad.any():
            field, joint = np.argwhere(bad)[0]
            raise DenormalError(
                f"{FIELDS[field]} of {self._names[joint]} is {row[field, joint]:g} "
                f"{when(time_msg(sample.stamp))}, which is memory that was not set: the "
                "message is skipped; let its driver fill every number"
            )
        # a filter that fades to rest comes to such numbers step by step, and stays there
        self._last = np.where((row != 0.0) & (np.abs(row) < _SMALLEST), last, row)
        if not self._filled.all():
            self._check_velocity(sample)

    def _check_velocity(self, sample: JointSample) -> None:
        self._filled |= sample.v != 0.0
        first = self._first = self._first or sample
        self._samples += 1
        seconds = (sample.stamp - first.stamp) / NANO
        way = np.abs(sample.q - first.q)
        moves = way > max(MOVES, FASTEST * seconds)
        wrong = moves & ~self._filled
        if wrong.any() and self._samples > LEAST:
            raise UnfilledVelocityError(
                f"velocity of {listed(wrong, self._names)} is 0 while it moves, "
                f"{when(time_msg(sample.stamp))}: nothing can be learned from it; let "
                "the driver fill velocities"
            )
