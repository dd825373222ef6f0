# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Two publishers on one topic of a recording, told apart by messages that jump to and fro."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import DataError

Array = NDArray[np.float64]
LAGS = 4  # messages before one with which it is compared
STEP = 5.0  # of the usual change: larger ones are leaps
APART = 0.2  # share of the signals that leap between messages of two publishers, about
FEWEST = 10  # messages of a second publisher
COME_BACK = 0.02  # share of messages after a jump that continue what was before it
_EQUAL = 1e-9  # of a signal's range: smaller changes are rounding


@dataclass(frozen=True, kw_only=True, slots=True)
class Publisher:
    """Messages (T,) of the one publisher that measures, and a sentence if there are others."""

    kept: NDArray[np.bool_]
    sentence: str = ""


def measuring_publisher(rows: Array, names: Sequence[str], where: str) -> Publisher:
    """Return the messages of the publisher that measures the arm.

    Args:
        rows: Positions, velocities and efforts (T, 3, n), in the order of the file.
        names: Of the joints (n,).
        where: What an error calls the recording.

    Raises:
        DataError: Several publishers measure, so nothing tells which is the arm's.
    """
    everything = Publisher(kept=np.ones(len(rows), dtype=bool))
    if len(rows) < 10 * LAGS:
        return everything
    x = _in_steps(rows.reshape(len(rows), -1))
    returns = _returns(x)
    if returns.sum() < max(FEWEST, COME_BACK * len(returns)):
        return everything
    first = ~_unmeasured(rows[:, 2])
    if first.all():
        first = _first_of_two(x, int(np.argmax(returns)) + LAGS)
    measured = [mine for mine in (first, ~first) if np.ptp(rows[mine, 2], axis=0).any()]
    if len(measured) > 1:
        raise DataError(
            f"two publishers send {', '.join(names)} in {where}, and both measure: let only one "
            "driver publish the arm's joints, and record it again"
        )
    kept = measured[0] if measured else first
    place = ", ".join(
        f"{name} {value:.3g}"
        for name, value in zip(names, np.median(rows[~kept, 0], axis=0), strict=True)
    )
    return Publisher(
        kept=kept,
        sentence=f"two publishers: {int((~kept).sum())} messages jump back to {place} and are "
        "left out; let only the arm's driver publish these joints",
    )


def _in_steps(x: Array) -> Array:
    """Return signals (T, m) in units of STEP usual changes."""
    change = np.min([np.abs(x[LAGS:] - x[LAGS - k : len(x) - k]) for k in _lags()], axis=0)
    usual = np.percentile(change, 90.0, axis=0)
    return np.asarray(x / np.maximum(STEP * usual, _EQUAL * np.ptp(x, axis=0) + 1e-12))


def _lags() -> range:
    return range(1, LAGS + 1)


def _apart(x: Array, y: Array) -> Array:
    """Return how far messages are apart: mean over signals, each 1 at most where it leaps.

    Dry friction makes the effort of one joint leap; of another publisher most signals differ.
    """
    return np.asarray(np.minimum(np.abs(x - y), 1.0).mean(axis=-1))


def _returns(x: Array) -> NDArray[np.bool_]:
    """Return which messages (T - LAGS,) jump from the one before and go on from an earlier one."""
    apart = [_apart(x[LAGS:], x[LAGS - k : len(x) - k]) for k in _lags()]
    return np.asarray((apart[0] > APART) & (np.min(apart[1:], axis=0) < 0.5 * apart[0]))


def _unmeasured(effort: Array) -> NDArray[np.bool_]:
    """Return which messages (T,) have the one effort that comes again and again between others."""
    values, place, counts = np.unique(effort, axis=0, return_inverse=True, return_counts=True)
    same = np.asarray(place.ravel() == int(np.argmax(counts)))
    runs = int(same[0]) + int((same[1:] & ~same[:-1]).sum())
    often = COME_BACK * len(effort) <= same.sum() < 2 * runs
    return same if often and len(values) > 2 else np.zeros(len(effort), dtype=bool)


def _first_of_two(x: Array, back: int) -> NDArray[np.bool_]:
    """Return which messages (T,) are of the first publisher; at `back` its messages go on.

    Each message belongs to the publisher whose last one is nearer.
    """
    first = np.zeros(len(x), dtype=bool)
    first[back] = True
    for order in (range(back + 1, len(x)), range(back - 2, -1, -1)):
        mine, other = x[back], x[back - 1]
        for i in order:
            first[i] = _apart(x[i], mine) < _apart(x[i], other)
            if first[i]:
                mine = x[i]
            else:
                other = x[i]
    return first
