# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure of a run in which an arm was touched: errors of its own torque, and what pushed it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ml3_ros.reports.figures import draw, house_style, label_line_ends
from ml3_ros.reports.online.touched import WINDOW, TouchReport
from ml3_ros.reports.styles import FAINT, GUIDE, INK, MEASURED, method_style

TOUCHED = "touched_live"  # stem of the file
TOLD = "physical_live"  # whose style contact_observer has
N_JOINTS = 3  # that are drawn, those that are pushed most
SETTLED = 0.5  # before, a running error means nothing [s]


def touch_figure(report: TouchReport) -> Figure:
    """Draw running errors of every method over all of the run, and external torques below."""
    with house_style():
        figure = Figure(figsize=(12.0, 8.4), layout="constrained")
        n = min(N_JOINTS, len(report.run.joint_names))
        axes = np.atleast_1d(
            figure.subplots(1 + n, 1, sharex=True, height_ratios=(3.0, *[1.0] * n))
        )
        lines = _errors(axes[0], report)
        joints = _pushed_most(report, n)
        for panel, joint in zip(axes[1:], joints, strict=True):
            _external(panel, report, int(joint))
        axes[1].set_title("(b)  what pushes the arm, told while it is learned", loc="left")
        axes[1].legend(loc="center left", bbox_to_anchor=(1.005, 0.5))
        axes[-1].set_xlabel("robot time [s]")
        axes[-1].set_xlim(0.0, report.run.t[-1])
        for panel in axes:
            _events(panel, report, named=panel is axes[0])
        figure.suptitle(
            "An arm learns its own dynamics while it works, is touched and takes up a load",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
        label_line_ends(axes[0], lines)
    return figure


def _errors(axes: Axes, report: TouchReport) -> list[Line2D]:
    """Draw the running errors on a logarithmic axis."""
    t, names = report.run.t, list(report.running)
    lines = []
    for name, running in report.running.items():
        settled = np.where(t >= SETTLED, running, np.nan)
        lines.append(draw(axes, name, t, settled, others=names))
        if name == "physical_model":
            lines[-1].set_label(f"{lines[-1].get_label()}, {report.physical_loss} loss")
            lines[-1].set_linewidth(2.8)
    # an arm that still rests is easily predicted, and would cost the rest its resolution
    finite = np.concatenate([x[np.isfinite(x) & (x > 0.0)] for x in report.running.values()])
    low, high = np.quantile(finite, (0.15, 0.998))
    axes.set_yscale("log")
    axes.set_ylim(0.5 * low, max(1.5, min(1.5 * high, 30.0)))
    axes.axhline(1.0, color=FAINT, linewidth=0.8, zorder=1)
    axes.set_ylabel(f"NMSE of the last {WINDOW:g} s")
    what = "the arm's own torque, without the hands" if report.truth is not None else "torque"
    axes.set_title(f"(a)  error of {what}", loc="left")
    return lines


def _external(axes: Axes, report: TouchReport, joint: int) -> None:
    """Draw the external torque of one joint as it was told, and as it was."""
    t, style = report.told_t, method_style(TOLD)
    told, spread = report.told[:, joint], 2.0 * report.std[:, joint]
    if report.truth is not None:
        axes.fill_between(
            t, report.truth[:, joint], color=MEASURED, linewidth=0.0, label="truth, $J^T f$"
        )
    axes.fill_between(
        t, told - spread, told + spread, color=style.color, alpha=0.18, linewidth=0.0
    )
    axes.plot(t, told, color=style.color, linewidth=1.0, label="told, ± 2 standard deviations")
    largest = np.abs(told[t > WINDOW]).max(initial=1e-3)
    axes.set_ylim(-1.15 * largest, 1.15 * largest)
    axes.set_ylabel(f"{report.run.short_names[joint]} [N m]")


def _pushed_most(report: TouchReport, n: int) -> NDArray[np.intp]:
    """Return the joints whose external torque is largest against what they usually bear."""
    pushes = report.truth if report.truth is not None else report.told
    size = np.square(pushes[report.told_t > WINDOW]).mean(axis=0)
    return np.sort(np.argsort(-size / np.maximum(report.run.tau.var(axis=0), 1e-12))[:n])


def _events(axes: Axes, report: TouchReport, *, named: bool) -> None:
    """Shade touches; mark changes of the load, and the end of learning."""
    pushed = report.touched if report.truth is None else np.not_equal(report.truth, 0.0)
    for first, last in _spans(report.told_t, np.asarray(pushed.any(axis=1))):
        axes.axvspan(first, last, color=GUIDE, alpha=0.3, linewidth=0.0, zorder=0)
    marks = [(t, f" payload {mass:.3g} kg") for t, mass in report.loads]
    if report.run.t[-1] > report.run.learn_seconds + 1.0:
        marks.append((report.run.learn_seconds, " held out: models are frozen"))
    for i, (t, text) in enumerate(marks):
        axes.axvline(t, color=INK, linewidth=1.0, linestyle=(0, (4.0, 3.0)), zorder=2)
        if named:
            top = axes.get_xaxis_transform()
            height = 0.985 - 0.06 * (i % 2)  # neighbours may be close
            axes.text(t, height, text, transform=top, va="top", color=INK, fontsize=8.5)


def _spans(t: NDArray[np.float64], on: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Return from when to when something was on."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], on, [False])).astype(int)))
    return [(float(t[a]), float(t[b - 1])) for a, b in zip(edges[::2], edges[1::2], strict=True)]
