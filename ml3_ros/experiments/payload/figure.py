# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure of the experiment on changes of payload: error by time since the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ml3_ros.reports.figures import house_style, save_figure
from ml3_ros.reports.styles import method_style

DRAWN = (
    *("not_adapting", "learned", "payload_change", "sliding_window", "sliding_window_biweight"),
    *("kalman", "change_detected", "all_known"),
)
"""Methods that are drawn; the tables hold all."""
CALLED = {"none": "no contact", "real": "real UR10e, 2.8 kg"}
COLUMNS = 3


class Drawn(Protocol):
    """Errors of one family."""

    @property
    def name(self) -> str:
        """The family."""
        ...

    @property
    def moments(self) -> tuple[float, ...]:
        """Times since the change [s]."""
        ...

    @property
    def errors(self) -> Mapping[str, NDArray[np.float64]]:
        """By method."""
        ...

    def means(self, method: str) -> NDArray[np.float64]:
        """Return the geometric mean over the arms, (seeds, moments)."""
        ...


def figure(places: Sequence[Drawn], out: Path) -> tuple[Path, ...]:
    """Draw geometric means over arms with the range of the seeds, on logarithmic axes."""
    with house_style():
        n_rows = -(-len(places) // COLUMNS)
        canvas = Figure(figsize=(9.0, 2.7 * n_rows + 0.5), layout="constrained")
        grid = canvas.subplots(n_rows, COLUMNS, squeeze=False)
        for axes in grid.flat[len(places) :]:
            axes.set_axis_off()
        for axes, place in zip(grid.flat, places, strict=False):
            _draw(axes, place)
        for axes in grid[:, 0]:
            axes.set_ylabel("held-out NMSE")
        handles, labels = grid.flat[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        canvas.suptitle(
            "A payload that is taken up: error of the arm's own torque afterwards",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
        return save_figure(canvas, out, "payload")


def _draw(axes: Axes, place: Drawn) -> None:
    changed = np.array([at for at, x in enumerate(place.moments) if x > 0.0])
    x = np.array(place.moments)[changed]
    for method in DRAWN:
        style = method_style(method, DRAWN)
        means = place.means(method)[:, changed]
        middle = np.exp(np.log(means).mean(0))
        axes.fill_between(x, means.min(0), means.max(0), color=style.color, alpha=0.2, lw=0.0)
        axes.plot(
            x,
            middle,
            color=style.color,
            linestyle=style.linestyle,
            linewidth=style.linewidth,
            zorder=style.zorder,
            label=style.label,
        )
    axes.set(xscale="log", yscale="log", xlabel="time since the change [s]")
    axes.set_xticks(x, [f"{value:g}" for value in x])
    axes.minorticks_off()
    axes.set_title(CALLED.get(place.name, place.name))
