# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics, losses, figure and animation of the shaped sine."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.runner.adaptation import by_method, save_losses
from ml3_ros.experiments.runner.experiment import Arrays, Experiment, Report
from ml3_ros.experiments.sine.shaped import (
    CHECKPOINTS,
    FOUND,
    HORIZON,
    OMEGA,
    RUN_AWAY,
    SHOWN,
    ShapedSineConfig,
    prepare,
    recovered,
    run_seed,
)
from ml3_ros.reports.figures import draw, house_style, label_line_ends, save_figure
from ml3_ros.reports.styles import GUIDE, INK, TRUTH, in_order
from ml3_ros.reports.tables import number_in_range, text_table

AT_HORIZON = CHECKPOINTS.index(HORIZON)
DRAWN_LANDSCAPES = {
    "ml3_shaped": "ML3, shaped",
    "ml3_unshaped": "ML3, unshaped",
    "sgd_tuned": "squared error",
}
FAR = 100.0  # distances are drawn as if runs stopped there
SHOWN_STEPS = (5, 10, 20, 50, 100, 500)
FRAMES_PER_SECOND, LAST_FRAMES = 8, 16  # of the animation; the end stays on screen
GIF_DPI = 90


def finish(
    config: ShapedSineConfig, seeds: dict[int, Arrays], shared: Arrays, out: Path, report: Report
) -> tuple[Path, ...]:
    """Write metrics.json, the losses, the figure and the animation; report a table."""
    result = metrics(config, seeds, shared)
    result.save(out)
    save_losses(seeds, out)
    report(tables(seeds, result.headline))
    return (*figure(seeds, out), animation(seeds[0], out))


def metrics(config: ShapedSineConfig, seeds: dict[int, Arrays], shared: Arrays) -> Metrics:
    """Return the share of frequencies that are found, over gradient steps.

    "NAME@distance" is the mean distance to the true frequency; "NAME_recovered" the share found
    after 100 steps, "NAME_run_away" how many of all runs were then farther from the truth than
    any start can be.
    """
    about = {"x": "gradient steps", "y": f"share of frequencies within {FOUND}"}
    result = Metrics("shaped_sine", resolved(config) | about)
    for name, distance in by_method(seeds, "distance").items():
        shares = np.stack([recovered(seed) for seed in distance])
        result.add(name, CHECKPOINTS, shares)
        result.add(f"{name}@distance", CHECKPOINTS, distance.mean(1))
        result.headline[f"{name}_recovered"] = float(shares[:, AT_HORIZON].mean())
        result.headline[f"{name}_recovered_worst_seed"] = float(shares[:, AT_HORIZON].min())
        result.headline[f"{name}_run_away"] = float(run_away(distance))
        result.headline[f"{name}_median_distance"] = float(np.median(distance[..., AT_HORIZON]))
    result.headline["runs"] = float(distance.shape[0] * distance.shape[1])
    for key, value in shared.items():
        if key.startswith("step_size/"):
            result.headline[f"{key.removeprefix('step_size/')}/step_size"] = float(value)
    return result


def run_away(distance: NDArray[np.float64]) -> int:
    """Return how many runs of (seeds, tasks, x) are lost after 100 steps; NaN counts."""
    return int((~(distance[..., AT_HORIZON] <= RUN_AWAY)).sum())


def tables(seeds: dict[int, Arrays], headline: dict[str, float]) -> str:
    """Return a table of shares: mean over the seeds [lowest highest]."""
    found = by_method(seeds, "distance")
    rows = []
    for name in in_order(list(found)):
        shares = np.stack([recovered(seed) for seed in found[name]])
        columns = shares[:, [CHECKPOINTS.index(step) for step in SHOWN_STEPS]].T
        cells = [number_in_range(x.mean(), x.min(), x.max()) for x in columns]
        rows.append([name, *cells, f"{run_away(found[name])} of {headline['runs']:.0f}"])
    header = [f"within {FOUND}", *(f"@{step}" for step in SHOWN_STEPS), "run away @100"]
    return text_table(header, rows)


def figure(seeds: dict[int, Arrays], out: Path) -> tuple[Path, Path]:
    """Draw landscapes of the first seed's losses, and how often the frequency is found."""
    found = by_method(seeds, "distance")
    names = in_order(list(found))
    with house_style():
        canvas = Figure(figsize=(11.5, 6.6), layout="constrained")
        rows = canvas.add_gridspec(2, 1, height_ratios=(1.0, 1.1))
        above = canvas.add_subfigure(rows[0])
        below = canvas.add_subfigure(rows[1])
        for i, (axes, nu) in enumerate(
            zip(above.subplots(1, len(SHOWN), sharey=True), SHOWN, strict=True)
        ):
            for name, label in DRAWN_LANDSCAPES.items():
                _draw_landscape(axes, name, seeds[0][f"landscape/{name}"][i], label=label)
            _mark(axes, nu)
            axes.set_yticks([])
        above.axes[0].legend(loc="upper left", fontsize=7.5)
        above.suptitle(
            "a  loss over omega, scaled to 0 .. 1, for four true frequencies nu (vertical line)",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
        shares, mean = below.subplots(1, 2)
        found_shares = {n: np.stack([recovered(s) for s in found[n]]) for n in names}
        _draw_over_steps(shares, names, found_shares, ylim=(0.0, 1.0))
        shares.set_title(f"b  share within {FOUND} of the truth")
        means = {n: np.minimum(found[n], FAR).mean(1) for n in names}
        _draw_over_steps(mean, names, means, yscale="log", ylabel="rad per unit of x")
        mean.set_title(f"mean distance to the truth (each run at most {FAR:g})")
        below.suptitle(
            f"from random starts: mean over tasks, median and range of {len(seeds)} seeds",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
        return save_figure(canvas, out, "shaped_sine")


def animation(arrays: Arrays, out: Path) -> Path:
    """Draw the landscapes of one seed while the shaped loss is learned, as a GIF."""
    path = out / "shaped_sine.gif"
    with house_style():
        canvas = Figure(figsize=(7.6, 2.5), layout="constrained")
        FigureCanvasAgg(canvas)
        all_axes = canvas.subplots(1, len(SHOWN), sharey=True)
        lines = []
        for i, (axes, nu) in enumerate(zip(all_axes, SHOWN, strict=True)):
            _draw_landscape(axes, "sgd_tuned", arrays["landscape/sgd_tuned"][i], linewidth=1.0)
            lines.append(_draw_landscape(axes, "ml3_shaped", arrays["frames"][0, i]))
            _mark(axes, nu)
            axes.set_yticks([])
        writer = PillowWriter(fps=FRAMES_PER_SECOND)
        with writer.saving(canvas, str(path), GIF_DPI):
            for frame, mark in zip(arrays["frames"], arrays["marks"], strict=True):
                for line, landscape in zip(lines, frame, strict=True):
                    line.set_ydata(_scaled(landscape))
                canvas.suptitle(f"the learned loss over omega after {mark} updates; blue: MSE")
                writer.grab_frame()
            for _ in range(LAST_FRAMES):
                writer.grab_frame()
    return path


def _draw_landscape(
    axes: Axes, name: str, landscape: NDArray[np.float64], **changes: Any
) -> Line2D:
    """Draw a loss over omega, scaled to 0 .. 1."""
    return draw(axes, name, OMEGA, _scaled(landscape), **changes)


def _scaled(landscape: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values in 0 .. 1; a landscape has no unit."""
    low, high = landscape.min(), landscape.max()
    return np.asarray((landscape - low) / max(high - low, 1e-12))


def _mark(axes: Axes, nu: float) -> None:
    """Mark the true frequency."""
    axes.axvline(nu, color=TRUTH, linewidth=1.2, zorder=2.0)
    axes.set(xlim=(OMEGA[0], OMEGA[-1]), xlabel="omega")
    axes.set_title(f"nu = {nu:g}", color=INK)


def _draw_over_steps(
    axes: Axes, names: list[str], curves: dict[str, NDArray[np.float64]], **settings: Any
) -> None:
    """Draw (seeds, x) of every method: median and range over the seeds."""
    lines = []
    for name in names:
        low, middle, high = np.quantile(curves[name], (0.0, 0.5, 1.0), axis=0, method="nearest")
        lines.append(draw(axes, name, CHECKPOINTS[1:], middle[1:], band=(low[1:], high[1:])))
    axes.axvline(HORIZON, color=GUIDE, linewidth=1.0, zorder=1.0)
    axes.set(xscale="log", xlim=(1, CHECKPOINTS[-1]), xlabel="gradient steps", **settings)
    label_line_ends(axes, lines)


EXPERIMENTS = {
    "shaped_sine": Experiment(
        help="frequency of a sine, with a loss that was shaped by the truth (Fig. 5a, b)",
        config=ShapedSineConfig(),
        quick=ShapedSineConfig(seeds=2, n_frequencies=21, n_starts=5, outer_steps=250),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
}
