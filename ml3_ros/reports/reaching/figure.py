# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure of a run that reached goals: paths of the hand over episodes, and distances."""

from __future__ import annotations

import math

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ml3_ros.learners.reaching.arm_task import Array
from ml3_ros.reports.figures import draw, house_style
from ml3_ros.reports.reaching.report import ReachReport
from ml3_ros.reports.styles import GOAL, method_style

MOST_GOALS = 8  # that are drawn
COLOURS = colormaps["YlOrRd"]
MARGIN, SPAN = 1.1, np.array([-1.0, 1.0])
SMALLEST = 1e-4  # distance that a logarithmic axis shows [m]


def reach_figure(report: ReachReport) -> Figure:
    """Draw the ways of the hand under the first method, seen from above, and all distances."""
    method = next(iter(report.hand))
    n = min(len(report.goals), MOST_GOALS)
    columns = math.ceil(n / 2) if n > 3 else n
    rows = math.ceil(n / columns)
    with house_style():
        figure = Figure(figsize=(4.6 + 2.7 * columns, 0.9 + 2.8 * rows), layout="constrained")
        widths = (2.7 * columns, 4.6)
        left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=widths)[0]
        panels = left.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat
        ways = report.hand[method][:n, ..., :2].reshape(-1, 2)
        points = np.concatenate([ways, report.goals[:n, :2]])
        middle = (points.max(0) + points.min(0)) / 2
        half = MARGIN * np.ptp(points, axis=0).max() / 2
        for i, axes in enumerate(panels):
            if i < n:
                _ways(axes, report.hand[method][i], report.goals[i], i)
                axes.set(xlim=middle[0] + half * SPAN, ylim=middle[1] + half * SPAN)
            else:
                axes.set_axis_off()
        left.suptitle("Ways of the hand: pale, the random policy; dark, after all updates [m]")
        _distances(right.subplots(), report)
    return figure


def _ways(axes: Axes, hand: Array, goal: Array, number: int) -> None:
    """Draw the ways (K + 1, T + 1, n) to one goal."""
    last = len(hand) - 1
    for k, way in enumerate(hand):
        colour = COLOURS(0.15 + 0.85 * k / max(last, 1))
        width = 2.2 if k == last else 1.0
        axes.plot(way[:, 0], way[:, 1], color=colour, linewidth=width, zorder=2 + k / (last + 1))
    axes.plot(*hand[-1, -1, :2], "o", color=COLOURS(1.0), markersize=5, zorder=4)
    axes.plot(*goal[:2], "+", color=GOAL, markersize=11, markeredgewidth=1.6, zorder=5)
    axes.set_title(f"goal {number + 1}")
    axes.set_aspect("equal")


def _distances(axes: Axes, report: ReachReport) -> None:
    """Draw the distance at the end of an episode over updates, goal by goal and on average."""
    for name, distance in report.distance.items():
        shown = np.maximum(1e3 * distance, 1e3 * SMALLEST)
        updates, colour = np.arange(shown.shape[1]), method_style(name).color
        for row in shown:
            axes.plot(updates, row, color=colour, linewidth=0.6, alpha=0.4)
        draw(axes, name, updates, shown.mean(0))
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("updates, one an episode")
    axes.set_title("distance from the goal at the end [mm]")
    axes.legend()
