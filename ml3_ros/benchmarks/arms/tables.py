# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tables over all arms: means, every joint, and how the physical fit compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ml3_ros.benchmarks.arms.errors import FoldErrors
from ml3_ros.reports.styles import in_order, method_style
from ml3_ros.reports.tables import markdown_table, number, shorten

Array = NDArray[np.float64]
Results = Mapping[str, Mapping[int, FoldErrors]]  # by arm and fold
PHYSICAL = "physical"
RIVALS = {  # of the physical fit
    "classical_fit": "friction fit",
    "physical_simple": "simple",
    "physical_unpulled": "not pulled",
}


def by_joint(folds: Mapping[int, FoldErrors]) -> dict[str, Array]:
    """Return the NMSE (n,) by method, mean over folds and seeds."""
    first = next(iter(folds.values()))
    return {
        name: np.mean([each.methods[name].mean(axis=0) for each in folds.values()], axis=0)
        for name in first.methods
    }


def mean_table(results: Results, titles: Mapping[str, str]) -> str:
    """Return the mean over joints and folds, one row an arm, one column a method."""
    names = _methods(results)
    lines = []
    for arm, folds in results.items():
        errors = by_joint(folds)
        means = [number(float(errors[m].mean())) if m in errors else "" for m in names]
        lines.append([titles[arm], *means])
    return markdown_table(["arm", *(method_style(m).label for m in names)], lines)


def ratio_table(results: Results, titles: Mapping[str, str]) -> str:
    """Return how many times its rivals' error the physical fit leaves, and where it is worst.

    On the mean over joints and folds, and for the worst joint of the mean over folds.
    """
    header = ["physical fit, memory, over"]
    for label in RIVALS.values():
        header += [label, "worst joint"]
    lines = []
    ratios: dict[str, list[float]] = {rival: [] for rival in RIVALS}
    for arm, folds in results.items():
        errors = by_joint(folds)
        if PHYSICAL not in errors:
            continue
        joints = shorten(next(iter(folds.values())).joints)
        cells = [titles[arm]]
        for rival in RIVALS:
            each = errors[PHYSICAL] / errors[rival]
            ratio = float(errors[PHYSICAL].mean() / errors[rival].mean())
            ratios[rival].append(ratio)
            worst = int(each.argmax())
            cells += [f"{ratio:.2f}", f"{each[worst]:.2f} ({joints[worst]})"]
        lines.append(cells)
    means = ["geometric mean"]
    for rival in RIVALS:
        means += [f"{np.exp(np.mean(np.log(ratios[rival]))):.2f}", ""]
    return markdown_table(header, [*lines, means])


def joint_table(folds: Mapping[int, FoldErrors]) -> str:
    """Return the errors of one arm, one row a method, one column a joint."""
    joints = shorten(next(iter(folds.values())).joints)
    errors = by_joint(folds)
    lines = []
    for name in in_order(list(errors)):
        means = [float(each.methods[name].mean()) for each in folds.values()]
        spread = f"{number(min(means), 2)} to {number(max(means), 2)}"
        cells = [number(float(x)) for x in (errors[name].mean(), *errors[name])]
        lines.append([method_style(name).label, cells[0], spread, *cells[1:]])
    return markdown_table(["held-out NMSE", "mean", "folds", *joints], lines)


def marked_table(results: Results, titles: Mapping[str, str]) -> str:
    """Return the share of rows that the contact check marks, by arm and fold."""
    lines = [
        [titles[arm], *(f"{100.0 * each.marked:.1f} %" for each in folds.values())]
        for arm, folds in results.items()
        if PHYSICAL in next(iter(folds.values())).methods
    ]
    folds = sorted({fold for each in results.values() for fold in each})
    return markdown_table(["marked as touched", *(f"fold {fold}" for fold in folds)], lines)


def recovery_table(results: Results, titles: Mapping[str, str]) -> str:
    """Return how often 90 % intervals hold a known truth on the motion of each arm."""
    lines = []
    for arm, folds in results.items():
        found = [each.recovered for each in folds.values() if each.recovered is not None]
        if found:
            held = 100.0 * np.mean([each.held for each in found])
            shown = np.mean([each.shown for each in found])
            lines.append([titles[arm], f"{held:.0f} %", f"{shown:.0f} of {found[0].parameters}"])
    header = ["simulated efforts on the recorded motion", "hold the truth", "parameters that show"]
    return markdown_table(header, lines)


def page(results: Results, titles: Mapping[str, str]) -> str:
    """Return all tables in Markdown."""
    parts = [
        "### Means over joints and folds",
        mean_table(results, titles),
        "### The physical fit against others",
        ratio_table(results, titles),
        "### 90 % intervals of base parameters",
        recovery_table(results, titles),
        "### Rows that the contact check marks",
        marked_table(results, titles),
    ]
    for arm, folds in results.items():
        parts += [f"### {titles[arm]}", joint_table(folds)]
    return "\n\n".join(parts) + "\n"


def _methods(results: Results) -> Sequence[str]:
    names = {m for folds in results.values() for each in folds.values() for m in each.methods}
    return in_order(list(names))
