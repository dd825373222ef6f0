# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Values that no arm has: NaN, infinity, absurd and denormal numbers, named by field and joint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Beyond any arm, in rad (or m), rad/s and N m: whoever sends that is broken, and one such number
# would drown all that a learner has seen.
LARGEST: Mapping[str, float] = {"position": 1e4, "velocity": 1e3, "effort": 1e5}
FIELDS = tuple(LARGEST)
CAUSES = {
    "effort": "the driver has no effort interface, or does not fill it",
    "velocity": "the driver has no velocity interface",
    "position": "the driver does not measure it",
}
_SMALLEST = float(np.finfo(np.float64).tiny)  # denormal numbers are nearer to 0 than this
_NO_DECAY = 1e-200  # a filter that fades away passes through all smaller numbers


def bad_values(rows: Array) -> Mask:
    """Return which values cannot be used, (T, 3, n), of positions, velocities and efforts.

    A denormal number is bad where the value before it was an ordinary one: it then is memory that
    was not set. A filter that fades to rest comes to such numbers step by step.
    """
    largest = np.array([LARGEST[name] for name in FIELDS])[:, None]
    bad = ~(np.abs(rows) <= largest)  # NaN is not
    size = np.abs(rows)
    denormal = (size > 0.0) & (size < _SMALLEST)
    if denormal.any():
        index = np.where(denormal, -1, np.arange(len(rows))[:, None, None])
        before = np.maximum.accumulate(index, axis=0)
        value = np.take_along_axis(size, np.maximum(before, 0), axis=0)
        bad |= denormal & ((value > _NO_DECAY) | (before < 0))
    return np.asarray(bad)


def describe_bad(bad: Mask, rows: Array, t: Array, names: Sequence[str]) -> list[str]:
    """Return a sentence for each field with bad values: which joints, what, how often, when.

    Args:
        bad: Of `bad_values`, (T, 3, n).
        rows: The values.
        t: Times since the first message [s] (T,).
        names: Of the joints.
    """
    sentences = []
    for i, name in enumerate(FIELDS):
        joints = np.flatnonzero(bad[:, i].any(axis=0))
        if not len(joints):
            continue
        count = int(bad[:, i].any(axis=1).sum())
        first = int(np.argmax(bad[:, i].any(axis=1)))
        value = rows[first, i, int(np.argmax(bad[first, i]))]
        listed = ", ".join(names[int(j)] for j in joints)
        sentences.append(
            f"{name} of {listed} is {number(value)} or the like in {count} messages, first at "
            f"{t[first]:.2f} s"
        )
    return sentences


def never_good(bad: Mask, names: Sequence[str]) -> list[str]:
    """Return a sentence for each field that has joints without a single good value."""
    sentences = []
    for i, name in enumerate(FIELDS):
        joints = [names[int(j)] for j in np.flatnonzero(bad[:, i].all(axis=0))]
        if joints:
            sentences.append(f"{name} of {', '.join(joints)}")
    return sentences


def number(value: float) -> str:
    """Return a value as a sentence says it: NaN, infinite, or its number."""
    if np.isnan(value):
        return "NaN"
    return "infinite" if np.isinf(value) else f"{value:.4g}"
