# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Clipped and held efforts: measurements that stand still although the arm moves.

A motor at its limit, a converter at the end of its range and a driver that repeats its last value
all put plateaus into an effort. No model explains them, and a fit bends towards them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.recording import JointRecording
from ml3_ros.identification.checks import COARSE, Finding, finding

Array = NDArray[np.float64]
MOVING = 0.02  # of a joint's fastest speed; where no joint is faster, the arm rests
SAME = 1e-6  # of an effort's range: closer values are one
CLIPPED = 0.002  # share of the moving samples at one end of the range
FEWEST = 10  # samples there
RARE = 5.0  # so many times more samples are at a clipped end than at any level beside it
LEVELS = 5  # that are compared with the end
AT_LIMIT = 0.995  # of the effort limit
HELD = 0.1  # for so long an effort that stands still is held [s]
HELD_SHARE = 0.1  # of the time that a joint moves


def check_clipping(recording: JointRecording, limit: Array | None = None) -> Finding:
    """Check whether efforts saturate, or stand still while their joint moves.

    Args:
        recording: As it was read.
        limit: Largest effort of each joint in the recorded unit (n,); unknown if left out.
    """
    limit = np.full(recording.tau.shape[1], np.inf) if limit is None else limit
    fast = np.percentile(np.abs(recording.v), 95.0, axis=0)
    moves = np.abs(recording.v) > np.maximum(MOVING * fast, 1e-3)
    arm_moves = moves.any(axis=1)
    problems, most = [], 0.0
    for j, name in enumerate(recording.names):
        effort = recording.tau[:, j]
        if np.ptp(effort) == 0.0 or len(np.unique(effort)) < COARSE or not arm_moves.any():
            continue  # check_effort reports it
        end, share = _clipped(effort[arm_moves])
        at_limit = float((np.abs(effort[arm_moves]) >= AT_LIMIT * limit[j]).mean())
        most = max(most, share, at_limit)
        if share > 0.0:
            problems.append(
                f"{name}: effort stands at {end:.4g} for {100.0 * share:.1f} % of the motion, the "
                "end of its range: it is clipped; move more slowly, or with less load"
            )
        elif at_limit >= CLIPPED:
            problems.append(
                f"{name}: effort is at its limit of {limit[j]:.4g} for {100.0 * at_limit:.1f} % "
                "of the motion: the motor saturates; move more slowly, or with less load"
            )
        held = _held(recording.t, effort, moves[:, j])
        if held > HELD_SHARE:
            problems.append(
                f"{name}: effort does not change for {HELD:g} s and longer, {100.0 * held:.0f} % "
                "of the time that the joint moves: the driver repeats old values; publish efforts "
                "as often as positions"
            )
    return finding(
        "clipping",
        f"efforts are at an end of their range {100.0 * most:.1f} % of the motion or less",
        problems,
    )


def _clipped(effort: Array) -> tuple[float, float]:
    """Return the end of the range at which an effort (T,) is clipped, and its share of it.

    A peak passes through the levels below it nearly as often as it reaches its top; a clipped
    effort is at its end far more often.
    """
    level = np.round(effort / (SAME * np.ptp(effort)))
    values, counts = np.unique(level, return_counts=True)
    for end, beside in ((-1, counts[-1 - LEVELS : -1]), (0, counts[1 : 1 + LEVELS])):
        count = int(counts[end])
        if count >= max(FEWEST, CLIPPED * len(effort), RARE * beside.max(initial=1)):
            return float(effort[level == values[end]][0]), count / len(effort)
    return 0.0, 0.0


def _held(t: Array, effort: Array, moves: NDArray[np.bool_]) -> float:
    """Return the share of a joint's motion during which its effort stands still for HELD."""
    same = np.concatenate([[False], np.diff(effort) == 0.0])
    begins = np.flatnonzero(~same)
    ends = np.append(begins[1:], len(t)) - 1
    long = t[ends] - t[begins] >= HELD
    held = np.zeros(len(t), dtype=bool)
    for begin, end in zip(begins[long], ends[long], strict=True):
        held[begin : end + 1] = True
    return float((held & moves).sum() / max(moves.sum(), 1))
