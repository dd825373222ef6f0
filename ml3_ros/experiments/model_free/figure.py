# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Figure of the model-free experiments: costs over environment steps, beside PPO."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ml3_ros.experiments.model_free.config import ModelFreeConfig
from ml3_ros.experiments.runner.adaptation import by_method
from ml3_ros.experiments.runner.experiment import Arrays
from ml3_ros.reports.figures import draw, house_style, label_line_ends, save_figure
from ml3_ros.reports.styles import FAINT, in_order

RIVAL = "ppo"

Array = NDArray[np.float64]


def name_of(config: ModelFreeConfig) -> str:
    """Return the experiment's name."""
    return f"{config.world}_free"


def halves(cost: Array) -> tuple[Array, Array]:
    """Return the mean cost (seeds, x) on new goals where meta-training was, and elsewhere."""
    n = cost.shape[1] // 2
    return cost[:, :n].mean(1), cost[:, n:].mean(1)


def figure(config: ModelFreeConfig, seeds: dict[int, Arrays], out: Path) -> tuple[Path, Path]:
    """Draw returns over environment steps: two halves of the goals, and four architectures."""
    found, layers = by_method(seeds, "cost"), by_method(seeds, "layers")
    names = in_order(list(found))
    titles = ("new goals as in meta-training", "goals elsewhere")
    panels = {
        title: {name: -halves(found[name])[i] for name in names} for i, title in enumerate(titles)
    }
    other = {f"hidden_layers_{n}": -cost.mean(1) for n, cost in layers.items()}
    panels["the same loss, other policies; all goals"] = other | {RIVAL: -found[RIVAL].mean(1)}
    greedy = np.stack([arrays["wanted"] for arrays in seeds.values()]).mean(0)
    doing = [-greedy[: len(greedy) // 2].mean(), -greedy[len(greedy) // 2 :].mean()]
    with house_style():
        canvas = Figure(figsize=(16.0, 4.2), layout="constrained")
        axes = canvas.subplots(1, len(panels))
        drawn = [
            panel(each, title, curves, config.x)
            for each, (title, curves) in zip(axes, panels.items(), strict=True)
        ]
        for each, level in zip(axes, [*doing, -greedy.mean()], strict=True):
            each.axhline(level, color=FAINT, linewidth=1.0, linestyle=":", zorder=1.5)
        axes[0].set_ylabel("return of an episode")
        for each, lines in zip(axes, drawn, strict=True):
            label_line_ends(each, lines)
        canvas.supxlabel(
            f"line: mean over {len(seeds)} seeds, band: their standard deviation; dotted: the "
            "target action of the loss, without a policy; steps of meta-training are not counted",
            color=FAINT,
            fontsize=8,
        )
        return save_figure(canvas, out, name_of(config))


def panel(axes: Axes, title: str, curves: dict[str, Array], x: tuple[int, ...]) -> list[Line2D]:
    """Draw the curves (seeds, x) of a panel; what falls far below the start leaves it.

    Curves may have fewer evaluations than others; their x is the first part of the others'.
    """
    places = np.maximum(np.array(x, float), 0.5 * x[1])  # 0 is at the left edge
    lines = [
        draw_spread(axes, name, places[: curve.shape[1]], curve, list(curves))
        for name, curve in curves.items()
    ]
    top = max(float(curve.mean(0).max()) for curve in curves.values())
    low = min(float(curve[:, 0].min()) for curve in curves.values())
    axes.set(xscale="log", xlim=(places[0], places[-1]), title=title)
    axes.set(xlabel="environment steps (left edge: 0)")
    axes.set_ylim(low - 0.3 * (top - low), top + 0.1 * (top - low))
    return lines


def draw_spread(
    axes: Axes, name: str, x: Array, curve: Array, others: Sequence[str] = ()
) -> Line2D:
    """Draw the mean over the seeds of curves (seeds, x) with their spread."""
    mean, spread = curve.mean(0), curve.std(0)
    return draw(axes, name, x, mean, others=others, band=(mean - spread, mean + spread))
