# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tables of an online run for the terminal: held-out and prequential errors by method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.reports.online.report import RunReport
from ml3_ros.reports.styles import method_style
from ml3_ros.reports.tables import number, text_table

COLUMNS = 6  # held-out columns at most


def report_table(report: RunReport) -> str:
    """Return the held-out table, if anything was held out, and the prequential one."""
    labels = {name: method_style(name).label for name in report.methods}
    tables = []
    if len(report.steps):
        tables.append(_heldout_table(report, labels))
    tables.append(_prequential_table(report, labels))
    meanings = {name: method_style(name).meaning for name in report.methods}
    explained = [f"{labels[name]}: {text}" for name, text in meanings.items() if text]
    return "\n\n".join([*tables, *(["\n".join(explained)] if explained else []), *report.notes])


def _heldout_table(report: RunReport, labels: dict[str, str]) -> str:
    columns = _spread_columns(report.steps)
    times = [f"{report.steps[i]:.0f}\n{number(report.seconds[i])} s" for i in columns]
    header = ["gradient steps\nrobot time", *times, "median\nat the end"]
    rows = []
    for name, method in report.methods.items():
        if method.heldout is None:
            continue
        means = [number(_over_joints(method.heldout[i])[0]) for i in columns]
        rows.append([labels[name], *means, number(_over_joints(method.heldout[-1])[1])])
    return "Held-out NMSE, mean over joints\n" + text_table(header, rows)


def _prequential_table(report: RunReport, labels: dict[str, str]) -> str:
    header = ["", "mean", "median", *report.short_names]
    rows = []
    for name, method in report.methods.items():
        rows.append([labels[name], *_joint_cells(method.prequential)])
        if name == "classical_fit" and report.in_sample:
            rows.append([f"{labels[name]}, in sample", *_joint_cells(report.in_sample["learned"])])
    title = f"Prequential NMSE, {report.learn_seconds:.1f} s learned from"
    title += ": every sample predicted before it is learned from"
    return f"{title}\n{text_table(header, rows)}"


def _joint_cells(values: NDArray[np.float64]) -> list[str]:
    return [number(x) for x in (*_over_joints(values), *values)]


def _over_joints(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return mean and median, leaving out joints whose torque never changes."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.nan, np.nan
    return float(np.mean(known)), float(np.median(known))


def _spread_columns(steps: NDArray[np.float64]) -> list[int]:
    """Choose up to COLUMNS snapshots, even in the logarithm of the steps, the last among them."""
    if len(steps) <= COLUMNS:
        return list(range(len(steps)))
    logs = np.log(np.maximum(steps, 1.0))
    marks = np.linspace(logs[0], logs[-1], COLUMNS)
    return sorted({int(np.abs(logs - mark).argmin()) for mark in marks})
