# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Angles of continuous joints that leap by a turn, made continuous: in recordings and streams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.recording import RecordingChecks
from ml3_ros.data.repair.velocities import listed

Array = NDArray[np.float64]
TURN = 2.0 * math.pi
NEAR = 1.0  # of a turn: a leap that is so near to one is a change of angles, not of place [rad]
LONGEST_STEP = 0.25  # in which no arm turns by TURN - NEAR [s]
BEYOND = 0.1  # a turn, in what is counted within one: further positions are no angles of one [rad]


class AngleUnwrapper:
    """Takes the leaps by a turn out of a stream of positions, joint by joint.

    A driver that keeps angles within one turn, -pi to pi for instance, lets them leap at its ends.
    Of a joint that has been beyond that turn, no leap is one: it counts its turns, or degrees.
    """

    def __init__(self, n: int) -> None:
        """Begin with n joints."""
        self.turns = np.zeros(n, dtype=np.int64)  # added so far
        self._q: Array | None = None  # as they came last
        self._t = 0.0
        self._low, self._high = np.full(n, np.inf), np.full(n, -np.inf)

    def clear(self) -> None:
        """Begin anew: what follows does not go on from what was before."""
        self.turns[:] = 0
        self._q = None

    def push(self, t: float, q: Array) -> Array:
        """Return positions [rad] (n,) of time t [s] that go on from those before."""
        self._low, self._high = np.minimum(self._low, q), np.maximum(self._high, q)
        if self._q is not None and 0.0 < t - self._t <= LONGEST_STEP:
            self.turns -= _leaps(q - self._q) * (self._high - self._low <= TURN + BEYOND)
        self._q, self._t = q, t
        return q + TURN * self.turns if self.turns.any() else q


def unwrapped(t: Array, q: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return positions [rad] (T, n) without leaps by a turn, and which joints (n,) had some.

    Args:
        t: Increasing times [s] (T,).
        q: Positions as they were recorded (T, n).
    """
    near = np.ptp(q, axis=0) <= TURN + BEYOND
    leaps = _leaps(np.diff(q, axis=0)) * near * (np.diff(t) <= LONGEST_STEP)[:, None]
    if not leaps.any():
        return q, np.zeros(q.shape[1], dtype=bool)
    turns = np.concatenate([np.zeros((1, q.shape[1]), dtype=np.int64), np.cumsum(leaps, axis=0)])
    return q - TURN * turns, np.asarray(leaps.any(axis=0))


def continuous(
    t: Array, rows: Array, names: Sequence[str], checks: RecordingChecks
) -> tuple[Array, RecordingChecks]:
    """Return rows (T, k, n) whose first column is positions, these unwrapped, and what was done.

    Args:
        t: Increasing times [s] (T,).
        rows: Positions [rad], and what else was measured.
        names: Of the joints.
        checks: Which get a sentence where something was done.
    """
    q, leapt = unwrapped(t, rows[:, 0])
    if not leapt.any():
        return rows, checks
    sentence = f"position of {listed(leapt, names)} leaps by a turn: it is made continuous"
    rows = rows.copy()
    rows[:, 0] = q
    return rows, replace(checks, notes=(*checks.notes, sentence))


def _leaps(step: Array) -> NDArray[np.int64]:
    """Return 1 or -1 where a step [rad] is about a turn, else 0."""
    return np.asarray(np.sign(step) * (np.abs(np.abs(step) - TURN) <= NEAR)).astype(np.int64)
