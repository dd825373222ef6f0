# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure of the experiment on touched arms: one panel a model, one column of markers a family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ml3_ros.experiments.touched.panels import Panel
from ml3_ros.reports.figures import house_style, save_figure
from ml3_ros.reports.styles import in_order, method_style

TITLES = {
    "physical": "linear model",
    "network_on_model": "network on a linear model",
    "network": "network alone, from a pretrained one",
}
CALLED = {"none": "clean"}
MARKERS = "os^vD<>pX"  # in the order of methods, some of which share a colour
WIDTH = 0.7  # of a family's markers, in distances between families


TITLE = "Arms that are touched while they learn: error of their own torque"


def figure(panels: Sequence[Panel], out: Path, stem: str, title: str = TITLE) -> tuple[Path, ...]:
    """Draw geometric means over arms with the range of the seeds, on a log axis."""
    with house_style():
        canvas = Figure(figsize=(9.0, 3.4 * len(panels)), layout="constrained")
        grid = canvas.subplots(len(panels), 1, squeeze=False)
        names = in_order(list({method for panel in panels for method in panel.methods}))
        markers = dict(zip(names, cycle(MARKERS), strict=False))
        for axes, panel in zip(grid.flat, panels, strict=True):
            _draw(axes, panel, markers)
        canvas.suptitle(title, x=0.01, ha="left", fontweight="bold")
        return save_figure(canvas, out, stem)


def _draw(axes: Axes, panel: Panel, markers: Mapping[str, str]) -> None:
    families = list(panel.errors)
    methods = panel.methods
    for k, method in enumerate(methods):
        style = method_style(method, methods)
        shift = WIDTH * ((k + 0.5) / len(methods) - 0.5)
        shown = [(i, f) for i, f in enumerate(families) if method in panel.errors[f]]
        means = np.stack([panel.means(family, method) for _, family in shown])
        middle = np.exp(np.log(means).mean(-1))
        x = np.array([i for i, _ in shown]) + shift
        axes.vlines(x, means.min(-1), means.max(-1), color=style.color, linewidth=1.2)
        shape = markers[method]
        axes.plot(x, middle, shape, color=style.color, label=style.label, markersize=4.5)
    axes.set_xticks(range(len(families)), [CALLED.get(f, f) for f in families])
    axes.set(yscale="log", ylabel="held-out NMSE", xlim=(-0.6, len(families) - 0.4))
    axes.set_title(TITLES.get(panel.model, panel.model))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=7.5)
