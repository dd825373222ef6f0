# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure of recordings of real arms: one panel a recording and kind of friction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ml3_ros.experiments.touched.figure import MARKERS, WIDTH
from ml3_ros.experiments.touched.panels import Panel
from ml3_ros.experiments.touched_real.config import NO_MOTION
from ml3_ros.experiments.touched_real.recordings import ARMS
from ml3_ros.experiments.touched_real.run import DESCRIBED
from ml3_ros.reports.figures import house_style, save_figure
from ml3_ros.reports.styles import in_order, method_style

COLUMNS = {"simple": "viscous and dry friction", "memory": "friction that remembers"}
CALLED = {
    "none": "clean",
    "hand": "real\npushes",
    "hand_after": "pushed\nafter",
}


def figure(panels: Sequence[Panel], out: Path, stem: str) -> tuple[Path, ...]:
    """Draw geometric means over stretches with the range of the draws, on a log axis.

    Of arms that do not move, where errors are far larger, tables tell.
    """
    titles = list(dict.fromkeys(panel.model.split("/")[0] for panel in panels))
    names = in_order(list({method for panel in panels for method in panel.methods}))
    shown = [name for name in names if name != DESCRIBED]
    markers = dict(zip(shown, MARKERS, strict=False))
    with house_style():
        canvas = Figure(figsize=(12.0, 2.6 * len(titles) + 0.8), layout="constrained")
        grid = canvas.subplots(len(titles), len(COLUMNS), squeeze=False, sharey="row")
        for panel in panels:
            recording, friction = panel.model.split("/")
            axes = grid[titles.index(recording), list(COLUMNS).index(friction)]
            _draw(axes, panel, markers)
            axes.set_title(f"{ARMS[recording].title}: {COLUMNS[friction]}")
        for axes in grid[:, 0]:
            axes.set_ylabel("held-out NMSE")
        handles, labels = grid[0, 0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        canvas.suptitle(
            "Real arms that something touches while they are learned",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
        return save_figure(canvas, out, stem)


def _draw(axes: Axes, panel: Panel, markers: Mapping[str, str]) -> None:
    families = [name for name in panel.errors if name != NO_MOTION]
    for k, (method, shape) in enumerate(markers.items()):
        style = method_style(method, list(markers))
        shift = WIDTH * ((k + 0.5) / len(markers) - 0.5)
        means = np.stack([panel.means(family, method) for family in families])
        x = np.arange(len(families)) + shift
        axes.vlines(x, means.min(-1), means.max(-1), color=style.color, linewidth=1.2)
        middle = np.exp(np.log(means).mean(-1))
        axes.plot(x, middle, shape, color=style.color, label=style.label, markersize=4.5)
    axes.set_xticks(range(len(families)), [CALLED.get(name, name) for name in families])
    axes.set(yscale="log", xlim=(-0.6, len(families) - 0.4))
