# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Findings about a motion: rank and condition of its regressor, what it shows of each group."""

from __future__ import annotations

import numpy as np

from ml3_ros.identification.checks import Finding, finding
from ml3_ros.identification.confidence.base_fit import BaseFit
from ml3_ros.identification.confidence.parameters import LimitedModel
from ml3_ros.identification.confidence.visibility import cure, visibility
from ml3_ros.identification.split import Rows

CONDITION = (
    300.0  # of the base regressor with columns of unit length; random motions have 50 to 100
)
TOGETHER = 0.4  # weight of a parameter in the direction that shows least, from which it is named
MOST_NAMED = 4
SHOWS_WELL = 0.3  # standard error in sizes up to which a group shows well


def check_rank(fit: BaseFit) -> Finding:
    """Check the rank and the condition of the scaled base regressor."""
    measured = (
        f"{fit.rank} of {len(fit.sizes)} directions of the base parameters show above the noise; "
        f"condition {fit.condition:.3g} of the scaled regressor"
    )
    problems = []
    if fit.condition > CONDITION:
        lengths = np.sqrt(np.diag(fit.information))
        dark = [str(fit.base.parameters[k]) for k in np.flatnonzero(lengths == 0.0)]
        if dark:
            named = dark[:MOST_NAMED]
            more = f" and {len(dark) - len(named)} more" if len(dark) > len(named) else ""
            problems.append(
                f"{', '.join(named)}{more} have no part in this motion: move the joint"
            )
        else:
            scaled = fit.information / np.outer(lengths, lengths)
            weakest = np.linalg.eigh(scaled)[1][:, 0]
            order = np.argsort(-np.abs(weakest))
            number = max(2, min(MOST_NAMED, int((np.abs(weakest) > TOGETHER).sum())))
            named = [str(fit.base.parameters[k]) for k in order[:number]]
            last = max(fit.base.parameters[k].joint for k in order[:number]) + 1
            apart = (
                f"move joints 1 to {last} independently of one another"
                if last > 1
                else "vary poses and speeds of joint 1"
            )
            problems.append(f"{' and '.join(named)} cannot be told apart in this motion: {apart}")
    return finding("rank", measured, problems)


def check_groups(fit: BaseFit, rows: Rows, model: LimitedModel) -> Finding:
    """Check group by group whether the parameters of links, motors and friction show."""
    seen = visibility(fit, rows, model)
    well = sum(error <= SHOWS_WELL for error in seen.groups.values())
    measured = (
        f"{well} of {len(seen.groups)} groups of parameters are known to {100.0 * SHOWS_WELL:.0f} "
        "% of their size"
    )
    if seen.small:
        measured += (
            f"; {seen.small} parameters are too small to show in any motion of one joint, and "
            "stay as in the arm's file"
        )
    return finding(
        "parameters", measured, [cure(hidden, rows, model.limits.units) for hidden in seen.hidden]
    )
