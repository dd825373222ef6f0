"""Learnable rows that a held-out row repeats: left out, or said where nothing else is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml3_ros.baselines.repeats import (
    TWIN,
    TWIN_OF_REPEATS,
    Repeats,
    find_repeats,
    near_twins,
    standardised,
)
from ml3_ros.bridges.bags import JointRecording
from ml3_ros.experiments.identification.checks import Finding
from ml3_ros.experiments.identification.split import HELD_OUT, INNER, Rows, SplitConfig, block_rows

LEAST = 0.25  # share of the learnable rows; with fewer left there is nothing to learn from
OTHER_MOTION = "record several different trajectories, each of them once"


def judged_rows(recording: JointRecording, config: SplitConfig) -> tuple[Rows, list[Finding]]:
    """Cut a recording, leave out what held-out rows repeat, and say so."""
    repeats = find_repeats(recording.names, recording.t, recording.q, recording.v)
    rows, twins = without_twins(block_rows(recording, config), repeats, config.window)
    return rows, [check_repeats(repeats), twins]


def check_repeats(repeats: Repeats) -> Finding:
    """Judge whether motion comes again."""
    text = str(repeats)
    if repeats.periods:
        text += f": these numbers say nothing of other motion; {OTHER_MOTION}"
    return Finding(topic="repeats", fine=not repeats.periods, text=f"{text}.")


def without_twins(rows: Rows, repeats: Repeats, window: float) -> tuple[Rows, Finding]:
    """Return rows without the learnable ones that are near twins of held-out ones, and a finding.

    Where too few were left, all stay, and the rows are marked as judged on repeats.

    Args:
        rows: In order of time.
        repeats: What is known to come again in them.
        window: Rows between two twins no further apart than this [s] are twins as well.
    """
    twin = _twins(rows, TWIN_OF_REPEATS if repeats.periods else TWIN)
    _close(twin, rows, window)
    count, learnable = int(twin.sum()), int((~rows.held_out).sum())
    share = f"{count} of {learnable} rows that may be learned from are near twins of held-out ones"
    left = rows.subset(~twin)
    blocks = np.unique(left.block[~left.held_out])
    if learnable - count < LEAST * learnable or len(blocks) < INNER:
        text = (
            f"{share} and too few are left without them, so all are learned from: errors are on "
            f"repeats and judge no model; {OTHER_MOTION}."
        )
        return replace(rows, on_repeats=True), Finding(topic="twins", fine=False, text=text)
    group = np.where(left.held_out, HELD_OUT, np.searchsorted(blocks, left.block) % INNER)
    finding = Finding(topic="twins", fine=True, text=f"{share}: left out.")
    return replace(left, group=group), finding


def _twins(rows: Rows, apart: float) -> NDArray[np.bool_]:
    """Return the learnable rows (R,) that are nearly a held-out one."""
    x, out = standardised(rows.q, rows.v, rows.a), rows.held_out
    twin = np.zeros(len(x), dtype=bool)
    twin[~out] = near_twins(x[~out], x[out], apart)
    return twin


def _close(twin: NDArray[np.bool_], rows: Rows, window: float) -> None:
    """Mark rows between two twins of one block that are at most `window` [s] apart."""
    at = np.flatnonzero(twin)
    near = (np.diff(rows.t[at]) <= window) & (np.diff(rows.block[at]) == 0)
    for first, last in zip(at[:-1][near], at[1:][near], strict=True):
        twin[first:last] = True
