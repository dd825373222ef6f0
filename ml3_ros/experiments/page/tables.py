# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tables of the results page, in Markdown, from metrics alone."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ml3_ros.experiments.page.metrics_view import Curve, MetricsView
from ml3_ros.experiments.runner.section import Section
from ml3_ros.reports.styles import method_style
from ml3_ros.reports.tables import markdown_table, median_in_range, number, number_in_range

COLUMNS = 6
THOUSAND = 1000.0  # from where numbers without interval are counts, shown whole


def section_tables(section: Section, metrics: MetricsView) -> list[str]:
    """Return all tables of a section: its targets, and its methods or its one run."""
    targets = [targets_table(section, metrics)] if section.targets else []
    return targets + (run_tables(metrics) if section.one_run else curve_tables(section, metrics))


def targets_table(section: Section, metrics: MetricsView) -> str:
    """Return each target, what was measured, and whether it is reached."""
    rows = []
    for target in section.targets:
        value = metrics[target.key]
        rows.append(
            [
                target.text,
                f"{'≤' if target.relation == '<=' else '≥'} {target.value:g}",
                number(value),
                "reached" if target.reached(value) else "**missed**",
            ]
        )
    return markdown_table(["quantity", "target", "measured", ""], rows)


def curve_tables(section: Section, metrics: MetricsView) -> list[str]:
    """Return tables of every panel, folded where there are many."""
    panels = metrics.panels
    if section.panels:
        named = [k for k in section.panels if k in panels or not section.estimates]
        panels = {panel: panels[panel] for panel in named}
    parts = []
    for panel, curves in panels.items():
        if section.rows:
            tables = [_by_row(curves, metrics.content["config"][section.rows])]
        elif section.estimates:
            tables = [_estimates(panel, curves, section.estimates, metrics)]
        else:
            columns = _columns(section, curves)
            tables = [
                _errors(panel, curves, columns, metrics),
                _of_every_column("ratio_at", "ratio to", panel, curves, columns, metrics),
                _of_every_column("step_size_at", "step size", panel, curves, columns, metrics),
            ]
        title, body = section.panels.get(panel, ""), "\n\n".join(filter(None, tables))
        if len(panels) > 2 or section.rows:
            body = f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
        elif title:
            body = f"**{title}**\n\n{body}"
        parts.append(body)
    return parts


def _by_row(curves: Mapping[str, Curve], names: Sequence[str]) -> str:
    """Return a row for each abscissa, which are names, and a column for each method."""
    labels = [method_style(name, list(curves)).label for name in curves]
    rows = [
        [name, *(_cell(curve, float(i)) for curve in curves.values())]
        for i, name in enumerate(names)
    ]
    return markdown_table(["", *labels], rows)


def _estimates(
    panel: str, names: Collection[str], columns: Mapping[str, str], metrics: MetricsView
) -> str:
    """Return a row for each method: headlines by KEY, those with an interval in it."""
    cells = {
        title: {name: _estimate(metrics, panel, name, key) for name in names}
        for title, key in columns.items()
    }
    cells = {title: values for title, values in cells.items() if any(values.values())}
    rows = [
        [
            f"{method_style(name, list(names)).label} (`{name}`)",
            *(values[name] for values in cells.values()),
        ]
        for name in names
    ]
    return markdown_table(["method", *cells], rows)


def _estimate(metrics: MetricsView, panel: str, name: str, key: str) -> str:
    """Return "value [low high]", or the value alone, or nothing where there is none."""
    values = [metrics.of_method(panel, name, f"{key}{x}") for x in ("", "_low", "_high")]
    known = [x for x in values if x is not None]
    if len(known) == len(values):
        return number_in_range(*known)
    if not known:
        return ""
    return f"{known[0]:,.0f}" if known[0] >= THOUSAND else number(known[0])


def _errors(
    panel: str, curves: Mapping[str, Curve], columns: Sequence[float], metrics: MetricsView
) -> str:
    """Return median and range over the seeds of every method."""
    extra = {
        title: {name: metrics.of_method(panel, name, what) for name in curves}
        for title, what in (("step", "step_size"), ("diverged", "diverged"))
    }
    extra = {title: values for title, values in extra.items() if any(_known(values))}
    rows = [
        [
            f"{method_style(name, list(curves)).label} (`{name}`)",
            *(_cell(curve, x) for x in columns),
            *(
                "" if (value := values[name]) is None else number(value)
                for values in extra.values()
            ),
        ]
        for name, curve in curves.items()
    ]
    return markdown_table(["method", *(f"@{x:g}" for x in columns), *extra], rows)


def _of_every_column(
    what: str,
    title: str,
    panel: str,
    curves: Mapping[str, Curve],
    columns: Sequence[float],
    metrics: MetricsView,
) -> str:
    """Return the headlines "METHOD/WHAT_X" as a table, or nothing where there are none."""
    rows = []
    for name in curves:
        values = {x: metrics.of_method(panel, name, f"{what}_{x:g}") for x in columns}
        if any(_known(values)):
            cells = ("" if (value := values[x]) is None else number(value, 2) for x in columns)
            rows.append([method_style(name, list(curves)).label, *cells])
    return markdown_table([title, *(f"@{x:g}" for x in columns)], rows) if rows else ""


def _known(values: Mapping[Any, float | None]) -> list[bool]:
    return [value is not None for value in values.values()]


def run_tables(metrics: MetricsView) -> list[str]:
    """Return the two tables of one run on one robot: held out, and while learning."""
    methods = metrics.content["methods"]
    curves = metrics.curves
    parts = []
    if curves:
        first, curve = next(iter(curves.items()))
        columns = _spread(curve.x)
        seconds = dict(zip(curve.x, methods[first]["seconds"], strict=True))
        header = [
            "held-out NMSE after steps (seconds)",
            *(f"{x:g} ({seconds[x]:.3g} s)" for x in columns),
        ]
        rows = [
            [method_style(name).label, *(number(float(curve.at(x)[0])) for x in columns)]
            for name, curve in curves.items()
        ]
        parts.append(markdown_table(header, rows))
    joints = list(next(iter(methods.values()))["prequential_nmse"])
    rows = []
    for name, entry in methods.items():
        values = np.array(list(entry["prequential_nmse"].values()), dtype=float)
        mean = float(np.nanmean(values))
        rows.append([method_style(name).label, number(mean), *(number(x) for x in values)])
    parts.append(markdown_table(["prequential NMSE", "mean", *joints], rows))
    return parts


def _columns(section: Section, curves: Mapping[str, Curve]) -> list[float]:
    columns = [x for x in section.columns if any(x in curve.x for curve in curves.values())]
    return columns or _spread(next(iter(curves.values())).x)


def _spread(x: np.ndarray) -> list[float]:
    """Choose up to COLUMNS abscissae, even in their logarithm, the last among them."""
    positive = [float(value) for value in x if value > 0] or [float(value) for value in x]
    if len(positive) <= COLUMNS:
        return positive
    marks = np.geomspace(positive[0], positive[-1], COLUMNS)
    return sorted({min(positive, key=lambda value: abs(np.log(value / mark))) for mark in marks})


def _cell(curve: Curve, x: float) -> str:
    """Return "median [lowest highest]" over the seeds, or nothing where none was measured."""
    if x not in curve.x:
        return ""
    values = curve.at(x)
    return median_in_range(values) if len(values) > 1 else number(float(values[0]))
