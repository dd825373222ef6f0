# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Clip of a two-joint arm that learns to reach goals, as a GIF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ml3_ros.errors import DataError
from ml3_ros.learners.reaching.arm_task import Array
from ml3_ros.learners.reaching.files import EXPERIMENT
from ml3_ros.reports.figures import house_style
from ml3_ros.reports.reaching.report import ReachReport
from ml3_ros.reports.styles import GOAL, INK, method_style

MOST_GOALS = 4
SHOWN = (0, 1, 2, 3, 5)  # updates before the episodes that are shown, beside the last
EVERY, REST = 2, 6  # states that make a frame; frames at the end of an episode
FRAMES_PER_SECOND, DPI = 12, 80
LINK = 0.1  # length of both links of the Reacher [m]


def reach_clip(report: ReachReport, folder: Path) -> Path:
    """Draw what the first method's policies did; return the path of the GIF.

    Raises:
        DataError: The arm of the run is another one.
    """
    if report.config["arm_task"]["observation"] != "planar":
        raise DataError("a clip shows the two-joint arm only: leave --clip out for another one")
    path = folder / f"{EXPERIMENT}.gif"
    method = next(iter(report.hand))
    n, last = min(len(report.goals), MOST_GOALS), report.n_episodes - 1
    with house_style():
        figure = Figure(figsize=(2.0 * n, 2.45), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, n, sharex=True, sharey=True, squeeze=False)[0]
        lines = []
        for axes, goal in zip(panels, report.goals, strict=False):
            axes.plot(*goal[:2], "+", color=GOAL, markersize=13, markeredgewidth=2.5)
            (trail,) = axes.plot([], [], color=method_style(method).color, linewidth=1.2)
            (arm,) = axes.plot([], [], "-o", color=INK, linewidth=3.0, markersize=4)
            axes.set(xlim=(-0.12, 0.23), ylim=(-0.2, 0.2), xticks=[], yticks=[], aspect="equal")
            lines.append((arm, trail))
        writer = PillowWriter(fps=FRAMES_PER_SECOND)
        with writer.saving(figure, str(path), DPI):
            for k in [k for k in SHOWN if k < last] + [last]:
                far = 1e3 * report.distance[method][:n, k].mean()
                title = f"after {k} update{'s' * (k != 1)}, one an episode"
                states, hands = report.state[method][:n, k], report.hand[method][:n, k]
                horizon = states.shape[1]
                for t in [*range(0, horizon, EVERY), *[horizon - 1] * REST]:
                    ended = f": {far:.0f} mm from the goals" if t == horizon - 1 else ""
                    figure.suptitle(title + ended)
                    for (arm, trail), state, hand in zip(lines, states, hands, strict=True):
                        arm.set_data(*_links(state[t]))
                        trail.set_data(*hand[: t + 1, :2].T)
                    writer.grab_frame()
    return path


def _links(state: Array) -> Array:
    """Return base, elbow and fingertip of the Reacher, (2, 3) [m]."""
    first, both = state[0], state[0] + state[1]
    base, elbow, tip = (0.0, 0.0), (np.cos(first), np.sin(first)), (np.cos(both), np.sin(both))
    return (LINK * np.array([base, elbow, tip])).cumsum(axis=0).T
