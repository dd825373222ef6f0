# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Near twins of held-out rows: left out of what is learned from, or reported where too many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.recording import JointRecording
from ml3_ros.identification.checks import Finding
from ml3_ros.identification.models.repeats import (
    TWIN,
    TWIN_OF_REPEATS,
    Repeats,
    find_repeats,
    near_twins,
    standardised,
)
from ml3_ros.identification.split import HELD_OUT, INNER, Rows, SplitConfig, block_rows

LEAST = 0.25  # share of the learnable rows; with fewer left there is nothing to learn from
OTHER_MOTION = "record several different trajectories, each of them once"


def rows_without_repeats(
    recording: JointRecording, config: SplitConfig
) -> tuple[Rows, list[Finding]]:
    """Cut a recording, leave out what held-out rows repeat, and return both findings."""
    repeats = find_repeats(recording.names, recording.t, recording.q, recording.v)
    rows, twins = without_twins(block_rows(recording, config), repeats, config.window)
    return rows, [check_repeats(repeats), twins]


def check_repeats(repeats: Repeats) -> Finding:
    """Return whether motion comes again, and after how long."""
    text = str(repeats)
    if repeats.periods:
        text += f": these numbers say nothing of other motion; {OTHER_MOTION}"
    return Finding(topic="repeats", fine=not repeats.periods, text=f"{text}.")


def without_twins(rows: Rows, repeats: Repeats, window: float) -> tuple[Rows, Finding]:
    """Return rows without the learnable ones that are near twins of held-out ones, and a finding.

    Where too few were left, all stay, and the rows are marked as tested on repeats. Where motion
    repeats, twins across inner groups are marked, so that nothing is chosen on repeats either.

    Args:
        rows: In order of time.
        repeats: What is known to come again in them.
        window: Rows between two twins no further apart than this [s] are twins as well.
    """
    apart = TWIN_OF_REPEATS if repeats.periods else TWIN
    twin = _twins(rows, ~rows.held_out, rows.held_out, apart, window)
    count, learnable = int(twin.sum()), int((~rows.held_out).sum())
    share = f"{count} of {learnable} rows that may be learned from are near twins of held-out ones"
    left = rows.subset(~twin)
    blocks = np.unique(left.block[~left.held_out])
    if learnable - count < LEAST * learnable or len(blocks) < INNER:
        text = (
            f"{share} and too few are left without them, so all are learned from: errors are on "
            f"repeats and validate no model; {OTHER_MOTION}."
        )
        return replace(rows, on_repeats=True), Finding(topic="twins", fine=False, text=text)
    group = np.where(left.held_out, HELD_OUT, np.searchsorted(blocks, left.block) % INNER)
    left = replace(left, group=group)
    if repeats.periods:
        left = replace(left, twins=_across_groups(left, apart, window))
    return left, Finding(topic="twins", fine=True, text=f"{share}: left out.")


def _across_groups(rows: Rows, apart: float, window: float) -> NDArray[np.bool_]:
    """Return of which inner groups a row repeats another (R, INNER); none where too few do not."""
    twins = np.zeros((len(rows.t), INNER), dtype=bool)
    for group in range(INNER):
        members = rows.group == group
        others = ~rows.held_out & ~members
        twin = _twins(rows, others, members, apart, window)
        if (others & ~twin).sum() >= LEAST * others.sum():
            twins[:, group] = twin
    return twins


def _twins(
    rows: Rows,
    among: NDArray[np.bool_],
    of: NDArray[np.bool_],
    apart: float,
    window: float,
) -> NDArray[np.bool_]:
    """Return the rows `among` some (R,) that are nearly one `of` others (R,), or between such."""
    x, twin = standardised(rows.q, rows.v, rows.a), np.zeros(len(rows.t), dtype=bool)
    twin[among] = near_twins(x[among], x[of], apart)
    at = np.flatnonzero(twin)
    near = (np.diff(rows.t[at]) <= window) & (np.diff(rows.block[at]) == 0)
    for first, last in zip(at[:-1][near], at[1:][near], strict=True):
        twin[first:last] = True
    return twin
