# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure over all arms: what each method leaves, mean over joints, with its range over folds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from ml3_ros.benchmarks.arms.tables import Results
from ml3_ros.reports.figures import house_style
from ml3_ros.reports.styles import FAINT, in_order, method_style

DRAWN = {  # not the rigid body: where efforts are currents it is thousands of times as large
    "classical_fit": "o",
    "physical_simple": "P",
    "physical": "D",
    "extended_fit": "s",
    "hybrid_adam": "^",
    "hybrid_ml3": "*",
    "ridge": "X",
    "ridge_features": "d",
    "mlp_tuned": ">",
}


def arms_figure(results: Results, titles: Mapping[str, str]) -> Figure:
    """Draw one row an arm, one marker a method."""
    present = {m for folds in results.values() for each in folds.values() for m in each.methods}
    methods = [m for m in in_order(list(DRAWN)) if m in present]
    places = np.arange(len(results))[::-1]
    offsets = np.linspace(0.32, -0.32, len(methods))
    with house_style():
        figure = Figure(figsize=(11.0, 1.2 + 0.75 * len(results)), layout="constrained")
        axes = figure.subplots()
        for method, offset in zip(methods, offsets, strict=True):
            style = method_style(method)
            points = []
            for place, folds in zip(places, results.values(), strict=True):
                errors = [each.methods.get(method) for each in folds.values()]
                means = [float(x.mean()) for x in errors if x is not None]
                if means:
                    points.append((float(np.mean(means)), min(means), max(means), place + offset))
            middle, low, high, y = np.array(points).T
            axes.hlines(y, low, high, color=style.color, linewidth=1.2)
            axes.plot(
                middle,
                y,
                DRAWN[method],
                color=style.color,
                markersize=6.0,
                label=style.label,
                markeredgecolor="white",
                markeredgewidth=0.5,
            )
        axes.set(xscale="log", yticks=places, ylim=(-0.6, len(results) - 0.4))
        axes.set_yticklabels([titles[arm] for arm in results])
        axes.set_xlabel(
            "held-out NMSE, mean over joints [-]; marker: mean over folds, line: range"
        )
        for place in places[:-1] - 0.5:
            axes.axhline(place, color=FAINT, linewidth=0.4)
        axes.grid(visible=False, axis="y")
        axes.set_title("What each model leaves of the effort of real arms on held-out blocks")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure
