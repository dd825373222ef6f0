# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure of meta-reinforcement learning: rewards of the episodes of a trial, a panel a world."""

import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ml3_ros.experiments.metarl.config import WORLDS, MetaRlConfig
from ml3_ros.experiments.runner.experiment import Arrays
from ml3_ros.reports.figures import house_style, save_figure
from ml3_ros.reports.styles import GUIDE, method_style

COLUMNS = 2


def figure(config: MetaRlConfig, found: Arrays, out: Path, stem: str) -> tuple[Path, Path]:
    """Draw the mean reward of the last episode of every method, a dot a seed, inside and outside.

    Args:
        config: Of the run.
        found: "inside/WORLD/METHOD" and, where there are tasks outside, "outside/WORLD/METHOD"
            (seeds, episodes, tasks).
        out: Folder.
        stem: Of the files.
    """
    n_columns = min(COLUMNS, len(config.worlds))
    n_rows = math.ceil(len(config.worlds) / n_columns)
    with house_style():
        size = (6.4 * n_columns, 0.9 + 3.2 * n_rows)
        canvas = Figure(figsize=size, layout="constrained")
        grid = canvas.subplots(n_rows, n_columns, squeeze=False).ravel()
        for axes in grid[len(config.worlds) :]:
            axes.set_axis_off()
        for axes, world in zip(grid, config.worlds, strict=False):
            names = config.rows(world)
            for row, name in enumerate(names):
                style = method_style(name, names)
                for where, filled in (("inside", True), ("outside", False)):
                    if f"{where}/{world}/{name}" not in found:
                        continue
                    seeds = found[f"{where}/{world}/{name}"][:, -1].mean(-1)
                    place = np.full(len(seeds), row + (0.0 if filled else 0.25))
                    face = style.color if filled else "none"
                    axes.scatter(seeds, place, 22.0, facecolors=face, edgecolors=style.color)
            axes.set_yticks(range(len(names)), [method_style(name, names).label for name in names])
            axes.invert_yaxis()
            axes.grid(visible=True, axis="x", color=GUIDE, linewidth=0.4)
            about = WORLDS[world]()
            explores = " after exploring" if about.scored else ""
            axes.set_title(f"{world.replace('_', ', ')}: last episode{explores}")
            marks = "; filled: tasks as in meta-training, open: outside"
            axes.set_xlabel(f"mean reward{marks if about.has_outside else ''}")
        return save_figure(canvas, out, stem)
