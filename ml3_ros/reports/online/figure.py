# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure of an online run: errors while learning and on held-out data, and the torques."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from ml3_ros.identification.models.scores import mean_over_joints
from ml3_ros.reports.figures import draw, house_style, label_line_ends
from ml3_ros.reports.online.report import RunReport
from ml3_ros.reports.styles import FAINT, INK, MEASURED

WIDTH = 12.0  # [inch], as all lengths below
LEFT, RIGHT = 0.72, 0.18  # margins
LABELS = 1.65  # right of an error panel, for the names of its lines
CURVES, TORQUES = 3.2, 1.2  # heights of a row of panels
LAST_SECONDS = 5.0  # of the torques [s]
SETTLED = 0.5  # before, an average over the last seconds means nothing [s]
FLOOR, CEILING = 1e-8, 10.0  # errors shown [-]
LEGEND = "solid: learns from the stream alone     dashed: is given a model of the arm"


def live_figure(report: RunReport) -> Figure:
    """Draw prequential and held-out errors over robot time and gradient steps, and torques."""
    n = len(report.joint_names)
    rows = math.ceil(n / 4)
    columns = math.ceil(n / rows)
    errors_top = 1.05
    torques_top = errors_top + CURVES + 1.3
    height = torques_top + rows * TORQUES + (rows - 1) * 0.62 + 0.55
    with house_style():
        figure = Figure(figsize=(WIDTH, height))
        _write(figure, LEFT, 0.28, _title(report), fontsize=12.0, fontweight="bold", color=INK)
        _write(figure, WIDTH - RIGHT, 0.28, LEGEND, fontsize=8.5, color=FAINT, ha="right")
        panels = _panels(report)
        shared = len(panels) == 3  # three panels share the names at the right of the last
        gap = 0.75 if shared else 0.75 + LABELS
        width = (WIDTH - LEFT - RIGHT - LABELS - (len(panels) - 1) * gap) / len(panels)
        for i, panel in enumerate(panels):
            left = LEFT + i * (width + gap)
            axes = _axes(figure, left, errors_top, width, CURVES)
            lines = _error_panel(axes, report, panel)
            heading = f"({'abc'[i]})  {(SHORT_HEADINGS if shared else HEADINGS)[panel]}"
            _write(figure, left, errors_top - 0.45, heading, **HEADING)
            if not shared or i == len(panels) - 1:
                label_line_ends(axes, lines)
        gap = 0.62
        width = (WIDTH - LEFT - RIGHT - (columns - 1) * gap) / columns
        tiles = [
            _axes(
                figure,
                LEFT + (j % columns) * (width + gap),
                torques_top + (j // columns) * (TORQUES + 0.62),
                width,
                TORQUES,
            )
            for j in range(n)
        ]
        handles = _torque_panels(tiles, columns, report)
        seconds = min(LAST_SECONDS, report.t[-1] - report.t[0])
        frozen = report.t[-1] - seconds >= report.learn_seconds - 1.0
        heading = f"({'abcd'[len(panels)]})  torque of each joint, last {seconds:.0f} s"
        heading += ", held out: nothing is learned any more" if frozen else ""
        _write(figure, LEFT, torques_top - 0.42, heading, **HEADING)
        figure.legend(
            handles=handles,
            loc="center right",
            bbox_to_anchor=(1 - RIGHT / WIDTH, 1 - (torques_top - 0.42) / height),
            ncols=len(handles),
            borderaxespad=0.0,
            columnspacing=2.0,
        )
    return figure


HEADING: dict[str, Any] = {"fontsize": 10.0, "fontweight": "bold", "color": INK}
HEADINGS = {
    "prequential": "while learning: predicted first, then learned from",
    "steps": "on held-out motion",
}
SHORT_HEADINGS = {
    "prequential": "while learning",
    "steps": "on held-out motion, by steps",
    "seconds": "on held-out motion, by time",
}


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes by lengths in inches, `top` counted from the upper edge."""
    total = figure.get_figheight()
    box = (left / WIDTH, 1 - (top + height) / total, width / WIDTH, height / total)
    return figure.add_axes(box)


def _write(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
    """Write text at inches from the left and upper edge."""
    figure.text(x / WIDTH, 1 - y / figure.get_figheight(), text, va="center", **style)


def _title(report: RunReport) -> str:
    robot = Path(str(report.config.get("robot", "arm"))).stem
    seconds = round(2 * report.learn_seconds) / 2
    return f"Inverse dynamics of {robot}, learned in {seconds:g} s of motion"


def _panels(report: RunReport) -> tuple[str, ...]:
    """Return the error panels: held-out over steps and seconds are one, where one is the other."""
    if not len(report.steps):
        return ("prequential",)
    apart = np.abs(report.seconds - report.steps * _seconds_per_step(report))
    one_clock = bool((apart <= np.maximum(0.05 * report.seconds, 0.2)).all())
    return ("prequential", "steps") if one_clock else ("prequential", "steps", "seconds")


def _seconds_per_step(report: RunReport) -> float:
    return float(report.seconds[-1] / max(report.steps[-1], 1.0))


def _error_panel(axes: Axes, report: RunReport, panel: str) -> list[Line2D]:
    """Draw one error of every method; return the lines."""
    lines, names = [], list(report.methods)
    abscissa = {"prequential": report.t, "steps": report.steps, "seconds": report.seconds}[panel]
    for name, method in report.methods.items():
        if panel == "prequential":
            settled = np.where(report.t >= SETTLED, method.running, np.nan)
            lines.append(draw(axes, name, abscissa, settled, others=names))
        elif method.heldout is not None:
            y = mean_over_joints(method.heldout)
            lines.append(draw(axes, name, abscissa, y, others=names))
    axes.set_yscale("log")
    axes.set_ylabel("NMSE of the last 5 s" if panel == "prequential" else "NMSE")
    if panel == "prequential":
        axes.set_xlabel("robot time [s]")
        axes.set_xlim(0.0, report.learn_seconds)
    else:
        axes.set_xscale("log")
        axes.set_xlabel("gradient steps" if panel == "steps" else "robot time learned from [s]")
        axes.set_xlim(*_positive_range(abscissa))
        _plain_decades(axes.xaxis, abscissa)
    _error_limits(axes, lines)
    if panel == "steps" and "seconds" not in _panels(report):
        _second_clock(axes, report)
    return lines


def _error_limits(axes: Axes, lines: Sequence[Line2D]) -> None:
    """Show the errors from FLOOR to CEILING, and mark 1: no better than the mean.

    A curve may leave the panel for a twentieth of its length: an arm that still rests is easily
    predicted, and would cost the rest of the figure its resolution.
    """
    curves = [np.asarray(line.get_ydata(), float) for line in lines]
    curves = [y[np.isfinite(y) & (y > 0)] for y in curves]
    ends = [np.quantile(y, (0.05, 0.95)) for y in curves if len(y)]
    low = max(min((low for low, _ in ends), default=0.5), FLOOR)
    high = min(max((high for _, high in ends), default=1.0), CEILING)
    axes.set_ylim(low / 2.0, max(high, 1.0) * 2.0)
    axes.axhline(1.0, color=FAINT, linewidth=0.8, zorder=1)
    axes.yaxis.set_major_locator(LogLocator(10.0, numticks=12))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(visible=False, axis="x")


def _second_clock(axes: Axes, report: RunReport) -> None:
    """Write robot time on top of an axis of gradient steps."""
    per_step = _seconds_per_step(report)

    def seconds(steps: Any) -> Any:
        return steps * per_step

    def steps(seconds: Any) -> Any:
        return seconds / per_step

    top = axes.secondary_xaxis("top", functions=(seconds, steps))
    top.tick_params(labelsize=7.5, pad=1.0)
    _plain_decades(top.xaxis, report.seconds, " s")


def _plain_decades(axis: Axis, x: NDArray[np.float64], unit: str = "") -> None:
    """Write 1, 10, 100 on a logarithmic axis, and 2 and 5 where it is short."""
    low, high = _positive_range(x)
    subs = (1.0,) if high / low > 30.0 else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(10.0, subs=subs, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}{unit}"))
    axis.set_minor_formatter(NullFormatter())


def _torque_panels(tiles: Sequence[Axes], columns: int, report: RunReport) -> list[Line2D]:
    """Draw measured and predicted torques; return the lines of one tile, for a legend."""
    shown = _shown_methods(report)
    recent = report.t >= report.t[-1] - LAST_SECONDS
    t = report.t[recent]
    handles: list[Line2D] = []
    for j, (axes, name) in enumerate(zip(tiles, report.short_names, strict=True)):
        measured = report.tau[recent, j]
        (line,) = axes.plot(
            t, measured, color=MEASURED, linewidth=3.4, label="measured", solid_capstyle="round"
        )
        predicted = [(m, report.methods[m].predicted[recent, j]) for m in shown]
        handles = [line, *(draw(axes, m, t, y, linewidth=1.3) for m, y in predicted)]
        _torque_limits(axes, measured)
        axes.set_title(name, fontsize=9.0, fontweight="normal", pad=3.0)
        axes.set_xlim(t[0], t[-1])
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        if j % columns == 0:
            axes.set_ylabel("torque [N m]")
        if j >= len(tiles) - columns:
            axes.set_xlabel("robot time [s]")
    return handles


def _torque_limits(axes: Axes, measured: NDArray[np.float64]) -> None:
    """Let the measured torque fill the panel, whatever a prediction does."""
    low, high = float(measured.min()), float(measured.max())
    margin = 0.25 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)


def _shown_methods(report: RunReport) -> list[str]:
    """Choose two methods to compare: learned loss and best rival, or learner and classical fit."""
    learners = [name for name, method in report.methods.items() if not method.reference]
    by_error = sorted(
        learners, key=lambda name: float(mean_over_joints(report.methods[name].prequential))
    )
    learned = [name for name in by_error if name.startswith("ml3")]
    rivals = [name for name in by_error if not name.startswith("ml3")]
    shown = [*learned[:1], *rivals[:1]] if learned else rivals[:1]
    if len(shown) < 2 and "classical_fit" in report.methods:
        shown.append("classical_fit")
    return shown


def _positive_range(x: NDArray[np.float64]) -> tuple[float, float]:
    positive = x[x > 0]
    return float(positive.min()), float(max(positive.max(), positive.min() * 1.01))
