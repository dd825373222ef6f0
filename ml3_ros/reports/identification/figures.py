# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figures of an identification: errors by joint and method, efforts, friction."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ml3_ros.identification.run import Identification
from ml3_ros.reports.figures import house_style
from ml3_ros.reports.styles import FAINT, MEASURED, method_style
from ml3_ros.reports.tables import shorten

Array = NDArray[np.float64]
WIDTH = 11.0  # [inch]
LINE = 0.21  # of the legend beside a panel [inch]
LEGEND_HEIGHT = 0.3  # of a line of legends below all panels [inch]
TOUCHED, SHADE = "#b0243f", 0.18  # of stretches in which something touched the arm
POINTS = 1000  # of a cloud, about: more hide one another, and make a file large
MARKERS = "osD^vP*Xhd<>"


def error_figure(result: Identification) -> Figure:
    """Draw the held-out NMSE of every method for every joint, and its mean."""
    names = [*shorten(result.rows.joint_names), "mean"]
    methods = list(result.heldout)
    with house_style():
        height = max(1.7 + 0.52 * len(names), 1.0 + LINE * len(methods))
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        _title(figure, f"{result.name}: what each model leaves of the effort on held-out blocks")
        axes = figure.subplots()
        places = np.arange(len(names))[::-1]
        offsets = np.linspace(0.3, -0.3, len(methods))
        for name, marker, offset in zip(
            methods, MARKERS * math.ceil(len(methods) / len(MARKERS)), offsets, strict=False
        ):
            style = method_style(name, methods)
            each = result.heldout[name]
            each = np.column_stack([each, each.mean(axis=1)])
            each = np.where(np.isfinite(each), each, np.nan)
            middle, low, high = each.mean(axis=0), each.min(axis=0), each.max(axis=0)
            axes.hlines(places + offset, low, high, color=style.color, linewidth=1.2)
            axes.plot(
                middle,
                places + offset,
                marker,
                color=style.color,
                markersize=5.5,
                label=style.label,
                markeredgecolor="white",
                markeredgewidth=0.5,
            )
        axes.set(xscale="log", yticks=places, ylim=(-0.6, len(names) - 0.4))
        axes.set_yticklabels(names)
        axes.set_xlabel(f"{result.rows.measure} [-]; marker: mean over seeds, line: all seeds")
        for place in places[:-1] - 0.5:
            axes.axhline(place, color=FAINT, linewidth=0.4)
        axes.grid(visible=False, axis="y")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def effort_figure(result: Identification) -> Figure:
    """Draw measured and predicted efforts of the held-out blocks, one panel a joint."""
    rows, out = result.rows, result.rows.held_out
    shown = ["classical_fit", result.best()]
    names = shorten(rows.joint_names)
    where, breaks = _side_by_side(rows.t[out], rows.block[out])
    with house_style():
        figure, grid = _panels(f"{result.name}: held-out efforts", len(names), 1.75)
        for j, axes in enumerate(grid):
            _lines(axes, where, rows.tau[out, j], breaks, MEASURED, 3.5, "-")
            for name in shown:
                style = method_style(name)
                value = result.predicted[name][:, out, j].mean(axis=0)
                line = "-" if name == result.best() else "--"
                _lines(axes, where, value, breaks, style.color, 1.3, line)
            for at in breaks:
                axes.axvline((where[at - 1] + where[at]) / 2, color=FAINT, linewidth=0.6, ls=":")
            if rows.touched is not None:
                shade(axes, where, rows.touched[out, j], rows.block[out])
            axes.set_title(names[j])
            axes.margins(x=0.01)
        for axes in grid[-2:]:
            axes.set_xlabel("held-out blocks side by side [s]")
        grid[0].set_ylabel("effort")
        handles: list[Artist] = [Line2D([], [], color=MEASURED, linewidth=3.5, label="measured")]
        handles += [
            Line2D(
                [],
                [],
                color=method_style(name).color,
                linestyle="-" if name == result.best() else "--",
                label=_label(result, name),
            )
            for name in shown
        ]
        if rows.touched is not None:
            handles.append(Patch(color=TOUCHED, alpha=SHADE, label="touched: not in the score"))
        below = LEGEND_HEIGHT / figure.get_figheight()
        figure.set_layout_engine(ConstrainedLayoutEngine(rect=(0.0, below, 1.0, 1.0 - below)))
        figure.legend(handles=handles, loc="lower right", ncols=len(handles))
    return figure


def _label(result: Identification, name: str) -> str:
    """Return what a method is called, and whether nothing of a network is in it."""
    label = method_style(name).label
    return f"{label} (no network in it)" if name in result.without_network else label


def contact_figure(result: Identification) -> Figure:
    """Draw the effort of the whole recording, with the stretches in which it was touched."""
    rows, names = result.rows, shorten(result.rows.joint_names)
    assert rows.touched is not None
    breaks = [int(i) for i in np.flatnonzero(np.diff(rows.block)) + 1]
    with house_style():
        figure, grid = _panels(f"{result.name}: what touched the arm", len(names), 1.75)
        for j, axes in enumerate(grid):
            _lines(axes, rows.t, rows.tau[:, j], breaks, MEASURED, 1.3, "-")
            shade(axes, rows.t, rows.touched[:, j], rows.block)
            axes.set_title(f"{names[j]}: touched {100.0 * rows.touched[:, j].mean():.0f} %")
            axes.margins(x=0.01)
        for axes in grid[-2:]:
            axes.set_xlabel("time [s]")
        grid[0].set_ylabel("effort")
    return figure


def shade(axes: Axes, x: Array, some: NDArray[np.bool_], block: NDArray[np.intp]) -> None:
    """Shade where `some` (R,) is true over x (R,), block by block."""
    edge = np.flatnonzero((np.diff(some.astype(int)) != 0) | (np.diff(block) != 0)) + 1
    for part in np.split(np.arange(len(x)), edge):
        if len(part) and some[part[0]]:
            axes.axvspan(x[part[0]], x[part[-1]], color=TOUCHED, alpha=SHADE, linewidth=0.0)


def agreement_figure(result: Identification) -> Figure:
    """Draw predicted over measured efforts of held-out rows, for rows in no order of time."""
    out, names = result.rows.held_out, shorten(result.rows.joint_names)
    method = result.best()
    style = method_style(method)
    with house_style():
        title = f"{result.name}: held-out efforts as {style.label} predicts them"
        figure, grid = _panels(title, len(names), 2.6, columns=4)
        for j, axes in enumerate(grid):
            measured = result.rows.tau[out, j]
            predicted = result.predicted[method][:, out, j].mean(axis=0)
            axes.plot(measured, predicted, ".", color=style.color, markersize=2.0, alpha=0.6)
            axes.axline((0.0, 0.0), slope=1.0, color=FAINT, linewidth=0.8)
            axes.set(title=f"joint {names[j]}", xlabel="measured")
        grid[0].set_ylabel("predicted")
    return figure


def friction_figure(result: Identification) -> Figure:
    """Draw what the rigid-body torque leaves of the effort over velocity, with the fitted line."""
    assert result.tau_rbd is not None and result.coefficients is not None
    rows, names = result.rows, shorten(result.rows.joint_names)
    with house_style():
        title = f"{result.name}: what the rigid-body torque leaves, and the classical fit of it"
        some = slice(None, None, max(1, len(rows.t) // POINTS))
        figure, grid = _panels(title, len(names), 1.9)
        for j, axes in enumerate(grid):
            gain, viscous, coulomb, offset = result.coefficients[j]
            left = rows.tau[:, j] - gain * result.tau_rbd[:, j]
            speed = rows.v[:, j]
            axes.plot(speed[some], left[some], ".", color=MEASURED, markersize=2.0)
            for sign in (-1.0, 1.0):
                ends = np.array([0.0, sign * np.abs(speed).max()])
                axes.plot(
                    ends,
                    viscous * ends + sign * coulomb + offset,
                    color=method_style("classical_fit").color,
                )
            axes.set_title(f"{names[j]}:  {viscous:.3g} v {coulomb:+.3g} sign v {offset:+.2g}")
            unit = result.units[j] if result.units else "rad"
            if unit != "rad" or j >= len(names) - 2:
                axes.set_xlabel(f"velocity [{unit}/s]")
        grid[0].set_ylabel("effort - gain τ")
    return figure


def _panels(title: str, count: int, height: float, columns: int = 2) -> tuple[Figure, list[Axes]]:
    columns = min(columns, count)
    lines = math.ceil(count / columns)
    figure = Figure(figsize=(WIDTH, 0.8 + height * lines), layout="constrained")
    _title(figure, title)
    grid = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes in grid[count:]:
        axes.remove()
    return figure, grid[:count]


def _title(figure: Figure, title: str) -> None:
    """Put a title above all else, so that no legend can run into it."""
    figure.suptitle(title, x=0.01, ha="left", fontsize=11.0, fontweight="bold", wrap=True)


def _side_by_side(t: Array, block: NDArray[np.intp]) -> tuple[Array, list[int]]:
    """Return times without what lies between blocks [s], and where blocks begin."""
    breaks = [int(i) for i in np.flatnonzero(np.diff(block)) + 1]
    steps = np.diff(t, prepend=t[0])
    usual = float(np.median(steps[1:])) if len(t) > 1 else 1.0
    steps[breaks] = usual
    return np.cumsum(steps), breaks


def _lines(
    axes: Axes,
    x: Array,
    y: Array,
    breaks: Sequence[int],
    color: str,
    width: float,
    line: str,
) -> None:
    """Draw a curve that ends at each break."""
    for part in np.split(np.arange(len(x)), breaks):
        axes.plot(x[part], y[part], color=color, linewidth=width, linestyle=line)
