# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table of held-out errors by method and joint: for the terminal, the HTML report and Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.models.friction_fit import COEFFICIENTS
from ml3_ros.identification.models.scores import mean_over_joints
from ml3_ros.identification.run import Identification
from ml3_ros.reports.styles import method_style
from ml3_ros.reports.tables import markdown_table, number, shorten, text_table


def error_rows(
    heldout: Mapping[str, NDArray[np.float64]], joints: Sequence[str], measure: str
) -> tuple[list[str], list[list[str]]]:
    """Return the header, and per method its label, mean, spread over seeds and every joint.

    Args:
        heldout: Held-out NMSE (S, n) by method.
        joints: Names of the joints (n,).
        measure: What the errors are called, see `Rows.measure`.
    """
    header = [measure, "mean", "± seeds", *shorten(joints)]
    lines = []
    for name, each in heldout.items():
        means = mean_over_joints(each)
        known = len(each) > 1 and np.isfinite(means).all()
        spread = number(float(means.std(ddof=1))) if known else ""
        cells = [number(float(x)) for x in (means.mean(), *each.mean(axis=0))]
        lines.append([method_style(name).label, cells[0], spread, *cells[1:]])
    return header, lines


def friction_rows(result: Identification) -> tuple[list[str], list[list[str]]]:
    """Return the header, and per joint each coefficient of the classical fit with its interval.

    Without coefficients there are no lines.
    """
    header = ["joint", *COEFFICIENTS]
    if result.coefficients is None or result.intervals is None:
        return header, []
    lines = [
        [
            name,
            *(
                f"{number(float(value))} ({number(float(low))} to {number(float(high))})"
                for value, (low, high) in zip(values, ends, strict=True)
            ),
        ]
        for name, values, ends in zip(
            result.rows.joint_names, result.coefficients, result.intervals, strict=True
        )
    ]
    return header, lines


def error_table(result: Identification) -> str:
    """Return the table for a terminal."""
    header, lines = error_rows(result.heldout, result.rows.joint_names, result.rows.measure)
    return text_table(header, lines)


def error_markdown(
    methods: Mapping[str, Mapping[str, Any]],
    joints: Sequence[str],
    measure: str = "held-out NMSE",
) -> str:
    """Return the table in Markdown, from the methods of a metrics.json."""
    heldout = {name: np.array(method["per_seed"], float) for name, method in methods.items()}
    return markdown_table(*error_rows(heldout, joints, measure))
