# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Excitation by group of parameters: what a motion does not show, and which motion would.

A group is what one joint's link or motor has of a kind: masses, first moments, inertia, rotor,
viscous or dry friction. A parameter does not show where its standard error is larger than its
size. That is a fault of the motion only where a better one exists: every single-joint motion about
the pose of the recording is compared, and the best is the cure. What none of them would show is
too small on this arm to matter here, and is counted, no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.confidence.base_fit import VAGUE, BaseFit
from ml3_ros.identification.confidence.motions import (
    SECONDS,
    Candidate,
    candidate_information,
    candidate_motions,
)
from ml3_ros.identification.confidence.parameters import LimitedModel, Parameter
from ml3_ros.identification.split import Rows

Array = NDArray[np.float64]
HIDDEN = 1.0  # standard error in sizes from which a parameter does not show
CURED = 0.5  # standard error that the cure must reach
MATTERS = 1.3  # factor by which a bent joint must help to be named
NUISANCE = ("offset",)  # has no meaning of its own


@dataclass(frozen=True, kw_only=True, slots=True)
class Hidden:
    """A group that does not show: its worst parameter, and the motion that would show it.

    `known` and `after` are standard errors in units of its size [-], now and after SECONDS of
    the motion; `count` parameters of the group are hidden like it.
    """

    parameter: Parameter
    known: float
    after: float
    motion: Candidate
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Visibility:
    """What a recording shows of an arm's parameters.

    `hidden` groups could show; `small` counts parameters that no motion of one joint would;
    `groups` is the worst standard error of each group in units of its size.
    """

    hidden: tuple[Hidden, ...]
    small: int
    groups: dict[str, float]


def visibility(fit: BaseFit, rows: Rows, model: LimitedModel) -> Visibility:
    """Return what the rows of a recording show, by group of parameters.

    Args:
        fit: Of the base parameters to these rows.
        rows: Samples.
        model: Of the arm, with its limits.
    """
    parameters, relative = fit.base.parameters, fit.relative
    groups: dict[str, float] = {}
    for parameter, error in zip(parameters, relative, strict=True):
        name = group_name(parameter)
        groups[name] = max(groups.get(name, 0.0), float(error))
    dark = [k for k, p in enumerate(parameters) if relative[k] > HIDDEN and p.kind not in NUISANCE]
    if not dark:
        return Visibility(hidden=(), small=0, groups=groups)
    pose = np.median(rows.q, axis=0)
    candidates = list(candidate_motions(model.limits, pose))
    rate = 1.0 / float(np.median(np.diff(rows.t)))
    more = candidate_information(candidates, model, pose, fit.base, fit.sizes, fit.noise, rate)
    prior = fit.information + np.eye(len(parameters)) / VAGUE**2
    now, then = _variances(prior)[dark], _variances(prior + more)[:, dark]
    after = relative[dark] * np.sqrt(np.minimum(then / now, 1.0))
    cures: dict[tuple[str, int], list[Hidden]] = {}
    small = 0
    for place, k in enumerate(dark):
        best = int(np.argmin(after[:, place]))
        if after[best, place] > CURED:
            small += 1
            continue
        motion = _plainest(candidates, after[:, place], best)
        found = Hidden(
            parameter=parameters[k],
            known=float(relative[k]),
            after=float(after[best, place]),
            motion=motion,
            count=1,
        )
        cures.setdefault(parameters[k].group, []).append(found)
    return Visibility(hidden=tuple(map(_worst, cures.values())), small=small, groups=groups)


def _variances(information: Array) -> Array:
    """Return the variance of each parameter (..., p) by information matrices (..., p, p).

    Some are known a million times better than others, so matrices are scaled to a unit diagonal.
    """
    scale = 1.0 / np.sqrt(np.diagonal(information, axis1=-2, axis2=-1))
    scaled = information * scale[..., :, None] * scale[..., None, :]
    diagonal = np.diagonal(np.linalg.pinv(scaled, hermitian=True), axis1=-2, axis2=-1)
    # whatever rounding says, one parameter alone is not known better than by its own information
    return np.asarray(np.maximum(diagonal, 1.0) * scale**2)


def group_name(parameter: Parameter) -> str:
    """Return what a parameter's group is called, for instance "inertia 5"."""
    kind, joint = parameter.group
    return f"{kind} {joint + 1}"


def _plainest(candidates: list[Candidate], after: Array, best: int) -> Candidate:
    """Return the best candidate, without its bend where that hardly helps."""
    plain = candidates[best].others_as_they_were()
    nearly = after[candidates.index(plain)] <= MATTERS * after[best]
    return plain if nearly else candidates[best]


def _worst(found: list[Hidden]) -> Hidden:
    worst = max(found, key=lambda hidden: hidden.known)
    return Hidden(
        parameter=worst.parameter,
        known=worst.known,
        after=worst.after,
        motion=worst.motion,
        count=len(found),
    )


def cure(hidden: Hidden, rows: Rows, units: Sequence[str]) -> str:
    """Return the sentence about a hidden group: what does not show, and what to move how.

    `units` are those of the joints' positions, "rad" or "m".
    """
    motion, names = hidden.motion, rows.joint_names
    number = motion.joint + 1
    joint = f"joint {number} ({names[motion.joint]})"
    if motion.kind == "fast":
        move = f"move {joint} to and fro faster"
    else:
        move = f"sweep {joint} slowly over its range"
    bend = ""
    if motion.bent is not None:
        bend = (
            f" while joint {motion.bent + 1} ({names[motion.bent]}) is bent, at "
            f"{motion.angle:.1f} {units[motion.bent]}"
        )
    also = f", with {hidden.count - 1} more of its kind" if hidden.count > 1 else ""
    known = (
        "nothing is known of it"
        if hidden.known >= VAGUE
        else f"standard error {100.0 * hidden.known:.0f} % of its size"
    )
    return (
        f"{hidden.parameter} does not show in this motion{also} ({known}): {move}{bend}; "
        f"{SECONDS:.0f} s of it would leave {max(100.0 * hidden.after, 1.0):.0f} %"
    )
