"""Verdicts: a sentence about every joint that a model predicts badly, and the likely cause."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
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
        best_name: What it is called.
    """
    if rows.on_repeats:
        return [Verdict(joint=", ".join(rows.joint_names), sentence=ON_REPEATS)]
    verdicts = []
    for j, name in enumerate(rows.joint_names):
        out = rows.held_out
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
    out = rows.held_out
    words = [
        f"the classical fit leaves {100.0 * left[0]:.1f} % of the held-out effort's variance, "
        f"{best_name} {100.0 * left[1]:.1f} %"
    ]
    correlation = _correlation(tau_rbd[~out, j], rows.tau[~out, j])
    if correlation < HIDDEN:
        words.append(
            f"rigid-body torque hardly shows (correlation {correlation:.2f}): what moves this "
            "joint is friction and rotor inertia, and its gain means nothing"
        )
    worse = classical if left[0] >= left[1] else best
    error = (rows.tau[out, j] - worse[out, j]) ** 2
    speed = np.abs(rows.v[out, j])
    still = speed < STILL * np.abs(rows.v[~out, j]).max()
    share = float(error[still].sum() / error.sum())
    if share > max(0.3, 2.0 * still.mean()):
        words.append(
            f"{100.0 * share:.0f} % of the squared error of the worse falls on the "
            f"{100.0 * still.mean():.0f} % of time near standstill: dry friction there depends on "
            "where the joint came from; slow passages and reversals would show more of it"
        )
    seen = float(np.mean((rows.tau[~out, j] - best[~out, j]) ** 2) / rows.tau[~out, j].var())
    if left[1] >= BAD and seen < 0.3 * left[1]:
        words.append(
            f"where it learned {best_name} leaves {100.0 * seen:.1f} % only: the held-out motion "
            "is unlike the rest; record longer"
        )
    elif left[1] >= BAD and len(words) == 1:
        words.append("neither friction nor inertia explains the rest: a payload, cables, or noise")
    if left[1] < BAD:
        words.append(f"{best_name} is good enough there")
    return "; ".join(words) + "."


def _correlation(x: Array, y: Array) -> float:
    return float(np.corrcoef(x, y)[0, 1]) if x.std() > 0.0 and y.std() > 0.0 else 0.0
