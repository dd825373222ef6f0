# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Overview figure of the results page: learning curves with bands, from metrics alone."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ml3_ros.experiments.page.metrics_view import Curve, MetricsView
from ml3_ros.experiments.runner.section import Section
from ml3_ros.reports.figures import draw, house_style, label_line_ends
from ml3_ros.reports.styles import FAINT

COLUMNS = 2
SHOWN = 7  # methods in a panel; more would look alike


def overview_figure(
    sections: Sequence[Section], metrics: Mapping[str, MetricsView]
) -> Figure | None:
    """Draw a panel for every section that has curves to show, None if there is none.

    A line is the median over seeds, its band reaches from the best to the worst seed.
    """
    shown = [section for section in sections if section.curves and section.name in metrics]
    if not shown:
        return None
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    with house_style():
        layout = ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.1)
        figure = Figure(figsize=(5.8 * columns, 3.5 * rows), layout=layout)
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat[len(shown) :]:
            axes.remove()
        for axes, section in zip(grid.flat, shown, strict=False):
            _panel(axes, section, metrics[section.name])
        figure.supxlabel(
            "line: median over seeds, band: all seeds; drawn from docs/metrics",
            color=FAINT,
            fontsize=8,
        )
        figure.draw_without_rendering()
        for axes in figure.axes:
            label_line_ends(axes, axes.get_lines(), laid_out=True)
    return figure


def _panel(axes: Axes, section: Section, metrics: MetricsView) -> None:
    panel = metrics.panels[section.curves_panel]
    curves = {name: panel[name] for name in section.curves if name in panel}
    for name, curve in curves.items():
        low, middle, high = curve.quantiles(0.0, 0.5, 1.0)
        kept = curve.x > 0
        band = (low[kept], np.where(np.isfinite(high), high, np.nan)[kept])
        draw(axes, name, curve.x[kept], middle[kept], others=list(curves), band=band)
    axes.set(xscale="log", yscale=section.scale, xlabel=_x(metrics), ylabel=section.y)
    axes.set_title(section.title)
    if section.scale == "log":
        axes.set_ylim(top=min(axes.get_ylim()[1], 3.0 * _start(curves)))


def _x(metrics: MetricsView) -> str:
    return str(metrics.content["config"].get("x", "gradient steps"))


def _start(curves: Mapping[str, Curve]) -> float:
    """Return the value that all methods start from, so that what runs away leaves the panel."""
    return max(float(np.median(curve.per_seed[:, 0])) for curve in curves.values())
