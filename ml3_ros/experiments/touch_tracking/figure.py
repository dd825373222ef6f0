# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure of touched arms that track: error over time of one run and of all, hands and payload."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ml3_ros.experiments.external_torque.arm import GAINS
from ml3_ros.experiments.runner.experiment import Arrays
from ml3_ros.experiments.touch_tracking.config import TouchTrackingConfig
from ml3_ros.reports.figures import (
    draw,
    house_style,
    label_line_ends,
    plain_numbers,
    save_figure,
)
from ml3_ros.reports.styles import FAINT, GUIDE, MEASURED, in_order
from ml3_ros.robots.base import Array

STEP = 5  # periods from one point to the next


def figure(config: TouchTrackingConfig, found: Arrays, out: Path, stem: str) -> tuple[Path, Path]:
    """Draw the first run with its hands, and the median of all runs around the payload.

    Args:
        config: Of the run.
        found: "level/NAME" (seeds, robots, T) [rad] and "pushed" (seeds, robots, T) [N].
        out: Folder.
        stem: Of the files.
    """
    names = in_order([key.removeprefix("level/") for key in found if key.startswith("level/")])
    pushed = found["pushed"][0, 0]
    times = (1 + np.arange(len(pushed))) / GAINS.rate
    up, _, end = config.changes
    with house_style():
        canvas = Figure(figsize=(13.0, 8.8), layout="constrained")
        one, force, every = canvas.subplots(3, 1, height_ratios=(1.0, 0.3, 1.0))
        first = {name: found[f"level/{name}"][0, 0] for name in names}
        lines = _errors(one, times, first, config)
        one.set_title("a  one arm: error over the last period")
        force.fill_between(times, pushed, color=MEASURED, linewidth=0.0)
        force.set(ylabel="hands [N]", xlim=(times[0], end), xlabel="time [s]")
        middle = {name: np.median(found[f"level/{name}"], axis=(0, 1)) for name in names}
        medians = _errors(every, times, middle, config)
        every.set(xlabel="time [s]", xlim=(up - config.period, end))
        every.set_title(
            f"b  median of {found['pushed'][..., 0].size} arms: {config.added_payload:g} kg are "
            "taken up and put down"
        )
        for axes, drawn in ((one, lines), (every, medians)):
            label_line_ends(axes, drawn)
        return save_figure(canvas, out, stem)


def _errors(
    axes: Axes, times: Array, levels: dict[str, Array], config: TouchTrackingConfig
) -> list[Line2D]:
    """Draw errors (T,) by method, and when the payload changes."""
    up, down, end = config.changes
    lines = [
        draw(axes, name, times[::STEP], 1e3 * level[::STEP], others=list(levels))
        for name, level in levels.items()
    ]
    axes.set(yscale="log", ylabel="error [mrad]", xlim=(times[0], end))
    plain_numbers(axes)
    for t, text in ((config.peace, "people come"), (up, "payload up"), (down, "down")):
        axes.axvline(t, color=GUIDE, linewidth=0.9)
        axes.annotate(
            text,
            (t, 0.98),
            (3.0, 0.0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            color=FAINT,
            fontsize=8.0,
            va="top",
            annotation_clip=True,
        )
    return lines
