# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Spikes in recorded joint states: single values far from their neighbours, left out and told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.recording import JointRecording

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
SIDE = 5  # samples on either side that a value is compared with
SIDE_SECONDS = 0.1  # of them, at most; two are always taken
LONGEST = 4  # samples in a row that are a spike; what lasts longer is real
NOISE = 10.0  # standard deviations of the noise
LOCAL = 8.0  # of the median distance nearby
CHANGE = 6.0  # of the change from sample to sample that 98 % do not exceed
RANGE = {"q": 0.0, "v": 0.1, "tau": 0.25}  # of the signal's range without its outermost percents
STANDSTILL = 0.05  # of a joint's speed: dry friction turns round there, and efforts leap
FAR = 1.5  # ranges: what leaps further is no friction
MOST = 0.02  # share of the samples; with more, the signal is like that


def without_spikes(recording: JointRecording) -> JointRecording:
    """Return a recording without the samples in which a signal has a spike; its notes say so."""
    if len(recording.t) < 8 * SIDE:
        return recording
    side = int(np.clip(SIDE_SECONDS / recording.dt, 2, SIDE))
    spiked = np.zeros(len(recording.t), dtype=bool)
    notes = []
    for field, word in (("q", "position"), ("v", "velocity"), ("tau", "effort")):
        found, size = find_spikes(recording, field, side)
        for j, name in enumerate(recording.names):
            count = int(found[:, j].sum())
            if not count:
                continue
            at = int(np.argmax(size[:, j]))
            notes.append(
                f"{count} spikes in the {word} of {name}, up to {size[at, j]:.3g} at "
                f"{recording.t[at]:.2f} s, left out"
            )
            spiked |= found[:, j]
    if not notes:
        return recording
    checks = replace(
        recording.checks,
        spikes=int(spiked.sum()),
        notes=(*recording.checks.notes, *notes),
        problems=(*recording.checks.problems, *notes),
    )
    signals = {name: getattr(recording, name)[~spiked] for name in ("t", "q", "v", "tau")}
    start = round(float(signals["t"][0]) * 1e9)
    signals["t"] = signals["t"] - signals["t"][0]
    return replace(recording, checks=checks, start_ns=recording.start_ns + start, **signals)


def find_spikes(recording: JointRecording, field: str, side: int) -> tuple[Mask, Array]:
    """Return which values of a field are spikes (T, n), and how far each is off (T, n)."""
    from scipy.ndimage import median_filter  # its import takes longer than most recordings

    x = getattr(recording, field)
    size = (2 * side + 1, 1)
    off = np.abs(x - median_filter(x, size=size, mode="nearest"))
    spread = np.ptp(np.percentile(x, [1.0, 99.0], axis=0), axis=0)
    noise = 1.4826 * np.median(off, axis=0)
    change = np.percentile(np.abs(np.diff(x, axis=0)), 98.0, axis=0)
    least = np.max([NOISE * noise, CHANGE * change, RANGE[field] * spread], axis=0)
    nearby = median_filter(off, size=size, mode="nearest")
    found = (off > np.maximum(least, LOCAL * nearby)) & (off > 0.0)
    if field == "tau":
        speed = np.abs(median_filter(recording.v, size=size, mode="nearest"))
        still = speed < STANDSTILL * np.percentile(np.abs(recording.v), 95.0, axis=0)
        found &= ~still | (off > FAR * spread)
    for j in range(x.shape[1]):
        _drop_long(found[:, j])
        if found[:, j].mean() > MOST:
            found[:, j] = False
    return found, np.where(found, off, 0.0)


def _drop_long(found: Mask) -> None:
    """Take back runs (T,) that last longer than a spike does."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], found, [False]]).astype(int)))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if last - first > LONGEST:
            found[first:last] = False
