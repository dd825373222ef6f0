# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Verdicts: a sentence about every joint that a model predicts badly, and the likely cause.

Its words are the template `verdict.txt.j2` beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from ml3_ros.identification.split import Rows

Array = NDArray[np.float64]
BAD = 0.02  # held-out NMSE from which a joint gets a sentence
STILL = 0.05  # of a joint's fastest speed: below it counts as near standstill
HIDDEN = 0.5  # correlation of effort and rigid-body torque below which friction hides it
ON_REPEATS = (
    "not tested: what is held out repeats what was learned from, and a model that only remembers "
    "does as well; record other motion."
)
_TEXTS = Environment(  # one sentence of plain text
    loader=PackageLoader(__package__, "."), autoescape=False, undefined=StrictUndefined
)
_TEXTS.filters["percent"] = lambda share, digits: f"{100.0 * share:.{digits}f} %"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """One joint and the sentence about it."""

    joint: str
    sentence: str


def joint_verdicts(
    rows: Rows, tau_rbd: Array, classical: Array, best: Array, best_name: str
) -> list[Verdict]:
    """Return a verdict for every joint of which the classical fit or the best model leaves BAD.

    Where held-out rows are repeats, one sentence reports that no joint was tested.

    Args:
        rows: The samples; all of them, held-out ones marked.
        tau_rbd: Rigid-body torque [N m], (R, n).
        classical: Effort by the classical fit, (R, n).
        best: Effort by the best learned model, (R, n).
        best_name: Its name.
    """
    if rows.on_repeats:
        return [Verdict(joint=", ".join(rows.joint_names), sentence=ON_REPEATS)]
    verdicts = []
    for j, name in enumerate(rows.joint_names):
        out = rows.scored
        variance = rows.tau[out, j].var()
        if not variance > 0.0:
            verdicts.append(Verdict(joint=name, sentence="its effort never changes: not tested."))
            continue
        left = [
            float(np.mean((rows.tau[out, j] - effort[out, j]) ** 2) / variance)
            for effort in (classical, best)
        ]
        if max(left) >= BAD:
            sentence = _sentence(rows, tau_rbd, classical, best, best_name, j, left)
            verdicts.append(Verdict(joint=name, sentence=sentence))
    return verdicts


def _sentence(
    rows: Rows,
    tau_rbd: Array,
    classical: Array,
    best: Array,
    best_name: str,
    j: int,
    left: list[float],
) -> str:
    """Return the verdict on joint j, whose held-out NMSE by (classical fit, best) is `left`."""
    out, learned_from, good_enough = rows.scored, rows.learnable, left[1] < BAD
    worse = classical if left[0] >= left[1] else best
    error = (rows.tau[out, j] - worse[out, j]) ** 2
    still = np.abs(rows.v[out, j]) < STILL * np.abs(rows.v[learned_from, j]).max()
    still_error, still_time = float(error[still].sum() / error.sum()), float(still.mean())
    correlation = _correlation(tau_rbd[learned_from, j], rows.tau[learned_from, j])
    hidden = correlation < HIDDEN
    standstill = still_error > max(0.3, 2.0 * still_time)
    measured, modelled = rows.tau[learned_from, j], best[learned_from, j]
    learned = float(np.mean((measured - modelled) ** 2) / measured.var())
    return _TEXTS.get_template("verdict.txt.j2").render(
        classical=left[0],
        best=left[1],
        best_name=best_name,
        correlation=correlation,
        hidden=hidden,
        still_error=still_error,
        still_time=still_time,
        standstill=standstill,
        learned=learned,
        unlike=not good_enough and learned < 0.3 * left[1],
        unexplained=not (good_enough or hidden or standstill),
        good_enough=good_enough,
    )


def _correlation(x: Array, y: Array) -> float:
    return float(np.corrcoef(x, y)[0, 1]) if x.std() > 0.0 and y.std() > 0.0 else 0.0
