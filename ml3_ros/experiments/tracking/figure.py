# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure of tracking: from scratch, on top of a model, joint by joint, and a growing payload."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from ml3_ros.experiments.tracking.config import METHODS
from ml3_ros.reports.figures import (
    draw,
    house_style,
    label_line_ends,
    plain_numbers,
    save_figure,
)
from ml3_ros.reports.styles import FAINT, INK, method_style
from ml3_ros.robots.base import Array

CHANGE = (
    "feedback_only",
    "rigid_body",
    "sgd_tuned",
    "adam_tuned",
    "ml3_shaped",
    "ml3_prior",
    "adam_tuned_forgetting",
    "ml3_shaped_forgetting",
    "ml3_prior_forgetting",
    "least_squares_forgetting",
)
BARS = ("feedback_only", "rigid_body", "adam_tuned", "ml3_shaped", "ml3_adaptive", "ml3_prior")
LINES = ("feedback_only", "rigid_body", "least_squares_friction")
"""References that stand in both panels of errors."""


def figure(
    marks: Sequence[float],
    errors: Mapping[str, Array],
    times: Array,
    levels: Mapping[str, Array],
    added: float,
    out: Path,
    stem: str,
) -> tuple[Path, Path]:
    """Draw median and quartiles over all runs.

    Args:
        marks: Seconds of adaptation (C,).
        errors: RMS errors of each method [rad], (runs, C, n).
        times: Seconds after the payload grew (T,).
        levels: Running error of each method [rad], (runs, T).
        added: Mass that was added [kg].
        out: Folder.
        stem: Of the files.
    """
    scratch = [name for name in errors if not name.endswith(("_residual", "_forgetting"))]
    with_model = [name for name in errors if name.endswith("_residual") or name in LINES]
    with_model += [name for name in ("ml3_prior",) if name in errors]
    has_residuals = any(name.endswith("_residual") for name in errors)
    with house_style():
        layout = ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.12)
        canvas = Figure(figsize=(13.6, 9.4), layout=layout)
        (a, b), (c, d) = canvas.subplots(2, 2)
        drawn = [(a, _errors(a, marks, errors, scratch))]
        a.set_title("a  the learned model alone is fed forward")
        if has_residuals:
            drawn.append((b, _errors(b, marks, errors, with_model)))
            b.set_title("b  a model of the arm as described is given")
            b.set_ylim(a.get_ylim())
        else:
            b.set_visible(False)
        _joints(c, marks, errors)
        drawn.append((d, _change(d, times, levels)))
        d.set_title(f"d  the payload grows by {added:g} kg, learning goes on")
        canvas.suptitle(
            "Tracking of perturbed arms with low gains and a learned feedforward "
            "(median and quartiles)",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
        for axes, lines in drawn:
            label_line_ends(axes, lines)
        return save_figure(canvas, out, stem)


def _errors(
    axes: Axes, marks: Sequence[float], errors: Mapping[str, Array], names: Sequence[str]
) -> list[Line2D]:
    places = np.arange(len(marks))
    lines = []
    for name in names:
        runs = 1e3 * errors[name].mean(-1)
        low, middle, high = np.quantile(runs, (0.25, 0.5, 0.75), axis=0, method="nearest")
        learns = METHODS[name].kind != "nothing"
        band = (low, high) if learns else None
        lines.append(draw(axes, name, places, middle, others=list(errors), band=band))
        if learns:
            axes.plot(places, middle, "o", color=lines[-1].get_color(), markersize=3.0)
    axes.set(
        yscale="log",
        xlabel="seconds of adaptation",
        ylabel="tracking error, mean over joints [mrad]",
        xlim=(0.0, places[-1]),
    )
    axes.set_xticks(places, [f"{mark:g}" for mark in marks])
    plain_numbers(axes)
    return lines


def _joints(axes: Axes, marks: Sequence[float], errors: Mapping[str, Array]) -> None:
    names = [name for name in BARS if name in errors]
    n = next(iter(errors.values())).shape[-1]
    width = 0.84 / len(names)
    for i, name in enumerate(names):
        style = method_style(name)
        low, middle, high = np.quantile(
            1e3 * errors[name][:, -1], (0.25, 0.5, 0.75), axis=0, method="nearest"
        )
        at = np.arange(n) + (i - (len(names) - 1) / 2) * width
        axes.bar(at, middle, 0.9 * width, color=style.color, label=style.label)
        axes.vlines(at, low, high, color=INK, linewidth=0.8)
    axes.set(yscale="log", ylabel="tracking error [mrad]", xlabel="joint")
    axes.set_xticks(np.arange(n), [str(i + 1) for i in range(n)])
    plain_numbers(axes)
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3)
    axes.set_title(f"c  joint by joint after {marks[-1]:g} s")


def _change(axes: Axes, times: Array, levels: Mapping[str, Array]) -> list[Line2D]:
    lines = []
    for name in CHANGE:
        if name not in levels:
            continue
        middle = np.quantile(1e3 * levels[name], 0.5, axis=0, method="nearest")
        lines.append(draw(axes, name, times, middle, others=list(levels)))
    axes.axvline(0.0, color=FAINT, linewidth=0.9)
    axes.set(
        yscale="log",
        xlabel="seconds after the payload grew",
        ylabel="error over the last period [mrad]",
        xlim=(times[0], times[-1]),
    )
    plain_numbers(axes)
    return lines
