# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Report of laps tracked live: table, metrics and figure of the tracking error by feedforward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ml3_ros.data.laps_file import Lap
from ml3_ros.reports.figures import draw, house_style, plain_numbers
from ml3_ros.reports.styles import in_order, method_style
from ml3_ros.reports.tables import number, shorten, text_table

STEM = "tracking_live"


def by_feedforward(laps: Sequence[Lap]) -> dict[str, list[Lap]]:
    """Return the laps of each feedforward, in the order of all tables."""
    names = in_order(sorted({lap.feedforward for lap in laps}))
    return {name: [lap for lap in laps if lap.feedforward == name] for name in names}


def in_thousandths(joint_names: Sequence[str], units: Sequence[str]) -> str:
    """Return the unit of errors for a title: "mrad", "mm", or both with the joints that slide."""
    sliding = [name for name, unit in zip(joint_names, units, strict=True) if unit == "m"]
    if not sliding:
        return "mrad"
    return "mm" if len(sliding) == len(units) else f"mrad, mm of {', '.join(sliding)}"


def laps_metrics(
    joint_names: Sequence[str], laps: Sequence[Lap], units: Sequence[str]
) -> dict[str, Any]:
    """Return the laps' entry of metrics.json, by feedforward; errors are RMS [rad, m]."""
    return {
        name: {
            "units": list(units),
            "x": [lap.ended for lap in laps_of_one],
            "updates": [lap.update for lap in laps_of_one],
            "per_seed": [[float(np.mean(lap.rms)) for lap in laps_of_one]],
            "last_lap": dict(zip(joint_names, laps_of_one[-1].rms, strict=True)),
        }
        for name, laps_of_one in by_feedforward(laps).items()
    }


def laps_table(joint_names: Sequence[str], laps: Sequence[Lap], units: Sequence[str]) -> str:
    """Return the tracking error of first and last laps [mrad, mm], for the terminal."""
    short = shorten(joint_names)
    header = ["", "lap", "after", "updates", "mean", *short]
    rows = []
    numbers = {id(lap): i for i, lap in enumerate(laps)}
    for name, laps_of_one in by_feedforward(laps).items():
        for lap in laps_of_one if len(laps_of_one) < 3 else (laps_of_one[0], laps_of_one[-1]):
            rms = 1e3 * np.array(lap.rms)
            rows.append(
                [
                    method_style(name).label,
                    str(numbers[id(lap)]),
                    f"{lap.ended:.0f} s",
                    str(lap.update),
                    *map(number, (rms.mean(), *rms)),
                ]
            )
    unit = in_thousandths(short, units)
    title = f"RMS tracking error of a lap [{unit}]; all laps are the same motion"
    return f"{title}\n{text_table(header, rows)}"


def laps_figure(joint_names: Sequence[str], laps: Sequence[Lap], units: Sequence[str]) -> Figure:
    """Draw the error lap by lap, and joint by joint in the last finished lap of each."""
    joints = shorten(joint_names)
    unit = in_thousandths(joints, units)
    with house_style():
        figure = Figure(figsize=(11.5, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.25))
        laps_of = by_feedforward(laps)
        for name, each in laps_of.items():
            mean = [1e3 * float(np.mean(lap.rms)) for lap in each]
            draw(left, name, [lap.ended for lap in each], mean, others=list(laps_of))
            left.plot(
                [lap.ended for lap in each], mean, "o", color=method_style(name).color, ms=4.0
            )
        left.set(
            yscale="log",
            xlabel="time at the end of the lap [s]",
            ylabel=f"tracking error, mean over joints [{unit}]",
            title="lap by lap",
        )
        plain_numbers(left)
        _bars(right, joints, laps_of)
        right.set_title(f"joint by joint in the last finished lap of each [{unit}]")
        figure.suptitle(
            "One motion, over and over: what is fed forward changes from lap to lap",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
    return figure


def _bars(axes: Axes, joints: Sequence[str], laps_of: dict[str, list[Lap]]) -> None:
    width = 0.84 / len(laps_of)
    for i, (name, each) in enumerate(laps_of.items()):
        style = method_style(name)
        at = np.arange(len(joints)) + (i - (len(laps_of) - 1) / 2) * width
        finished = [lap for lap in each if np.isfinite(lap.rms).any()] or each
        rms = 1e3 * np.array(finished[-1].rms)
        shown = np.where(np.isfinite(rms), rms, np.nan)
        axes.bar(at, shown, 0.9 * width, color=style.color, label=style.label)
    axes.set_yscale("log")
    plain_numbers(axes)
    axes.set_xticks(np.arange(len(joints)), joints)
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
