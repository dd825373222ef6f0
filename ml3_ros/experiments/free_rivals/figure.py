# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure of the rivals of model-free losses: returns on new goals, and over meta-training."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ml3_ros.experiments.free_rivals.config import GOAL_PPO, FreeRivalsConfig
from ml3_ros.experiments.model_free.config import MAIN
from ml3_ros.experiments.model_free.figure import Array, halves, panel
from ml3_ros.experiments.runner.adaptation import by_method
from ml3_ros.experiments.runner.experiment import Arrays
from ml3_ros.reports.figures import house_style, label_line_ends, save_figure
from ml3_ros.reports.styles import FAINT, in_order, method_style


def name_of(config: FreeRivalsConfig) -> str:
    """Return the experiment's name."""
    return f"{config.world}_free_rivals"


def figure(
    config: FreeRivalsConfig, seeds: dict[int, Arrays], steps: int, out: Path
) -> tuple[Path, Path]:
    """Draw returns over steps on new goals, as trained, elsewhere, with weak motors; and before.

    Args:
        config: Of the run.
        seeds: Its arrays.
        steps: Environment steps of a rival's meta-training.
        out: Folder.
    """
    found, motors = by_method(seeds, "cost"), by_method(seeds, "motors")
    names = in_order(list(found))
    panels = {
        "new goals as in meta-training": {name: -halves(found[name])[0] for name in names},
        "goals elsewhere": {name: -halves(found[name])[1] for name in names},
    }
    if motors:
        title = f"motors at {config.strength:.0%}; all goals"
        panels[title] = {name: -motors[name].mean(1) for name in names}
    with house_style():
        canvas = Figure(figsize=(4.8 * (len(panels) + 1), 4.2), layout="constrained")
        axes = canvas.subplots(1, len(panels) + 1)
        drawn = [
            panel(each, title, curves, config.x)
            for each, (title, curves) in zip(axes, panels.items(), strict=False)
        ]
        before = np.stack([arrays["pretraining"] for arrays in seeds.values()])
        fresh = [-float(half.mean()) for half in np.split(before[..., 0], 2, axis=1)]
        for each, curves, level in zip(axes, panels.values(), fresh, strict=False):
            _from_fresh(each, list(curves.values()), level)
        axes[0].set_ylabel("return of an episode")
        for each, lines in zip(axes, drawn, strict=False):
            label_line_ends(each, lines)
        _before(axes[-1], -before.mean(1), config.pretraining_x(steps), found.get(MAIN))
        canvas.supxlabel(
            f"line: mean over {len(seeds)} seeds, band: their standard deviation; dotted: a "
            "policy that is not trained; steps of meta-training are counted on the right alone",
            color=FAINT,
            fontsize=8,
        )
        return save_figure(canvas, out, name_of(config))


def _from_fresh(axes: Axes, curves: list[Array], level: float) -> None:
    """Draw what a policy that is not trained reaches, and let the axis begin there."""
    top = max(float((curve.mean(0) + curve.std(0)).max()) for curve in curves)
    axes.axhline(level, color=FAINT, linewidth=1.0, linestyle=":")
    axes.set_ylim(level - 0.05 * (top - level), top + 0.05 * (top - level))


def _before(axes: Axes, curve: Array, x: tuple[int, ...], loss: Array | None) -> None:
    """Draw what meta-training alone gives PPO on new goals, beside the best under the loss.

    Args:
        axes: Where.
        curve: Returns (seeds, x).
        x: Environment steps of meta-training.
        loss: Costs (seeds, goals, x) under the loss, if it was run.
    """
    title = "without a step on the goal; all goals"
    (line,) = panel(axes, title, {GOAL_PPO: curve}, x)
    axes.xaxis.set_minor_formatter(NullFormatter())  # there are too few decades to leave them out
    axes.set_xlabel("environment steps of meta-training (left edge: 0)")
    label_line_ends(axes, [line])
    if loss is None:
        return
    best = method_style(MAIN)
    level = -float(loss.min(-1).mean())
    axes.axhline(level, color=best.color, linewidth=1.2, linestyle=":")
    axes.annotate(
        f"{best.label}: best of all its steps",
        (x[-1], level),
        (-4, -4),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=8,
        color=best.color,
    )
