# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Values of a stream that only those before show to be wrong: unset memory, unfilled velocity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ml3_ros.data.repair.values import FIELDS, bad_values
from ml3_ros.data.repair.velocities import MOVES, listed
from ml3_ros.errors import MessageError
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, NotFiniteError, time_msg, when

FASTEST = 0.02  # mean speed of a joint whose velocity is called 0 by mistake, at least [rad/s]
LEAST = 10  # samples that show it
CHANGES = 3  # of its position among them; a simulated arm that is reset leaps once
LONGEST = 1.0  # time over which that mean is taken [s]

_SMALLEST = float(np.finfo(np.float64).tiny)


class DenormalError(MessageError):
    """A number is so near to 0 that it must be memory that was not set."""

    kind = "denormal numbers"


class UnfilledVelocityError(MessageError):
    """Velocities are 0 while joints move."""

    kind = "velocities that are not filled"


class ValueChecks:
    """Compares each sample of a stream with those before it.

    Attributes:
        unfilled: Joints (n,) whose velocity is missing, or is 0 though they move.
    """

    def __init__(self, names: Sequence[str], *, any_velocity: bool = False) -> None:
        """Check the joints `names`; with `any_velocity` it is no error that it is never filled."""
        self._names, self._any_velocity = tuple(names), any_velocity
        self.unfilled = np.zeros(len(self._names), dtype=bool)
        self._last: np.ndarray | None = None  # (3, n), without denormal numbers
        self._filled = np.zeros(len(self._names), dtype=bool)  # joints with some velocity
        self._first: JointSample | None = None
        self._samples = 0
        self._changes = np.zeros(len(self._names), dtype=np.intp)  # of positions since the first
        self._q: np.ndarray | None = None

    def check(self, sample: JointSample) -> JointSample:
        """Return a sample with 0 in place of velocities that are missing.

        Raises:
            DenormalError: It holds a denormal number where an ordinary one was before.
            NotFiniteError: A velocity is missing that was there before.
            UnfilledVelocityError: A joint moves, and its velocity has always been 0.
        """
        sample = self._without_nan(sample)
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
        return sample

    def _without_nan(self, sample: JointSample) -> JointSample:
        missing = np.isnan(sample.v)
        if not missing.any():
            return sample
        lost = missing & self._filled
        if lost.any():
            raise NotFiniteError(
                f"velocity of {listed(lost, self._names)} is "
                f"{'missing' if missing.all() else 'NaN'} {when(time_msg(sample.stamp))}: the "
                "message is skipped; check that joint's sensor or controller"
            )
        self.unfilled |= missing
        return replace(sample, v=np.where(missing, 0.0, sample.v))

    def _check_velocity(self, sample: JointSample) -> None:
        self._filled |= sample.v != 0.0
        first = self._first or sample
        seconds = (sample.stamp - first.stamp) / NANO
        way = np.abs(sample.q - first.q)
        self._samples += 1
        self._changes += sample.q != (sample.q if self._q is None else self._q)
        self._q = sample.q
        moves = (way > max(MOVES, FASTEST * seconds)) & (self._changes >= CHANGES)
        if self._samples > LEAST:
            self.unfilled |= moves
            if not 0.0 <= seconds <= LONGEST:
                first, self._samples = sample, 0
                self._changes[:] = 0
        self._first = first
        self.unfilled &= ~self._filled
        if self.unfilled.any() and not self._any_velocity:
            raise UnfilledVelocityError(
                f"velocity of {listed(self.unfilled, self._names)} is 0 while it moves, "
                f"{when(time_msg(sample.stamp))}: nothing can be done with it; let the driver "
                "fill velocities"
            )
