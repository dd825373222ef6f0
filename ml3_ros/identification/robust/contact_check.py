# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Contact check: stretches in which the arm was touched, marked in the rows and named.

A contact is evidence beyond the width of the fit for at least SHORTEST seconds, and SEED times as
much somewhere in it; what narrower fits leave out may be friction, and counts from LEAST_WIDTH
on. Rows that were learned from are measured by the noise that the fit left of them; rows that were
not, by the error of rows that were left out, so that a model that extrapolates badly is not taken
for a hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.checks import Finding, finding
from ml3_ros.identification.fits import Explained, training_masks
from ml3_ros.identification.robust.contacts import Search, search
from ml3_ros.identification.robust.irls import REACH, RobustConfig, as_little_beside
from ml3_ros.identification.robust.problems import FEWEST
from ml3_ros.identification.robust.weights import WEIGHTS, evidence
from ml3_ros.identification.split import INNER, Rows

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
SHORTEST = 0.25  # of a contact [s], the window that residuals are pooled over included
LEAST_WIDTH = 3.0  # least evidence of a contact [scales], where the fit is narrower
SEED = 2.0  # evidence that a contact must reach somewhere, in units of that of its ends
APART = 0.5  # stretches nearer to each other are named as one [s]: rows at seams are missing
NAMED = 6  # stretches, the longest, in the sentence


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A contact: from `start` to `end` [s] of the recording, felt up to joint `furthest`."""

    start: float
    end: float
    furthest: str

    def __str__(self) -> str:
        return f"from {self.start:.1f} to {self.end:.1f} s (up to {self.furthest})"


def without_contacts(data: Explained, config: RobustConfig) -> tuple[Explained, Finding]:
    """Return the data with touched rows marked and weighted down, and a finding.

    Where nothing touched the arm, the data are returned as they are: every row counts the same.
    """
    if not config.enabled:
        return data, Finding(topic="contact", fine=True, text="not checked.")
    found = search(data, config)
    touched = touched_rows(data.rows, found, config.half)
    rows = replace(data.rows, touched=touched)
    if found.width is None or not touched.any():
        return data, check_contact(data.rows)
    weight, _ = WEIGHTS[config.loss]
    counts = []
    for residual, scale in zip(found.residual, found.scale, strict=True):
        u = evidence(residual, scale, rows.t, config.half)
        far = REACH * found.width
        counts.append(as_little_beside(weight(u, far), u, far))
    return replace(data, rows=rows, counts=usable(np.stack(counts), rows)), check_contact(rows)


def usable(counts: Array, rows: Rows) -> Array:
    """Return counts (INNER + 1, R, n), all 1 of a joint of which a fit would have too few rows."""
    masks = training_masks(rows)
    fits = [*zip(masks, counts, strict=True), *((mask, counts[INNER]) for mask in masks)]
    few = np.any([(each[mask] > 0.0).sum(axis=0) < FEWEST for mask, each in fits], axis=0)
    return np.where(few, 1.0, counts)


def touched_rows(rows: Rows, found: Search, half: float) -> Mask:
    """Return which rows and joints were touched, (R, n)."""
    if found.width is None:
        return np.zeros(rows.tau.shape, dtype=bool)
    learned = ~rows.held_out
    seen = evidence(found.residual[INNER], found.scale[INNER], rows.t, half)
    unseen = found.residual[INNER].copy()
    for group in range(INNER):
        unseen[rows.group == group] = found.residual[group][rows.group == group]
    agree = (seen < found.width) & learned[:, None]
    power = np.square(unseen * agree).sum(axis=0) / np.maximum(agree.sum(axis=0), 1)
    scale = np.maximum(np.sqrt(power), found.scale[INNER])
    u = np.where(learned[:, None], seen, evidence(unseen, scale, rows.t, half))
    return np.stack([_lasting(x, rows.t, found.width) for x in u.T], axis=-1)


def stretches(rows: Rows) -> list[Stretch]:
    """Return the contacts of a recording in order of time."""
    if rows.touched is None:
        return []
    found: list[Stretch] = []
    last = -np.inf
    furthest = 0
    for first, after in _runs(~rows.untouched):
        reach = int(np.flatnonzero(rows.touched[first:after].any(axis=0)).max())
        start, end = float(rows.t[first]), float(rows.t[after - 1])
        if start - last < APART:
            start, furthest = found.pop().start, max(furthest, reach)
        else:
            furthest = reach
        found.append(Stretch(start=start, end=end, furthest=rows.joint_names[furthest]))
        last = end
    return found


def check_contact(rows: Rows) -> Finding:
    """Return whether something touched the arm, when, and up to which joint."""
    found = stretches(rows)
    if not found:
        nothing = "nothing touched the arm: what no model explains does not come in stretches"
        return finding("contact", nothing, [])
    longest = sorted(found, key=lambda s: s.start - s.end)[:NAMED]
    named = ", ".join(str(s) for s in found if s in longest)
    rest = len(found) - len(longest)
    also = f" and {rest} times more" if rest else ""
    share = 100.0 * float((~rows.untouched).mean())
    out = rows.held_out
    left, held = int((out & ~rows.scored).sum()), int(out.sum())
    scored = (
        f"{left} of {held} held-out rows are left out of the score"
        if left or rows.untouched[out].all()
        else "too few held-out rows are untouched, so all are scored"
    )
    touched = f"touched {share:.0f} % of the time: {named}{also}"
    cure = f"such rows count little in every fit, and {scored}. Record without touching the arm"
    return finding("contact", "something touches the arm", [f"{touched}; {cure}"])


def _lasting(u: Array, t: Array, width: float) -> Mask:
    """Return where evidence (R,) is beyond the width for long enough, and far enough once."""
    kept, ends = np.zeros(len(u), dtype=bool), max(width, LEAST_WIDTH)
    for first, after in _runs(u > ends):
        if u[first:after].max() > SEED * ends and t[after - 1] - t[first] >= SHORTEST:
            kept[first:after] = True
    return kept


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """Return (first, after) of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
