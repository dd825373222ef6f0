# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics, losses and heat maps of the experiment on other networks."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.generalisation.run import GRIDS, GeneralisationConfig, prepare, run_seed
from ml3_ros.experiments.generalisation.tasks import TRAINED
from ml3_ros.experiments.runner.experiment import Arrays, Experiment, Report
from ml3_ros.files import write_atomically
from ml3_ros.reports.figures import house_style, save_figure
from ml3_ros.reports.styles import FAINT, INK
from ml3_ros.reports.tables import median_in_range, number, text_table

Errors = dict[str, dict[str, NDArray[np.float64]]]
"""Logarithm of the held-out error (seeds, architectures), mean over the tasks, by setting and
method; infinity where a network diverged."""

TITLES = {"sine": "sine regression", "reacher": "inverse dynamics, two links"}
BASELINES = {"adam_tuned": "tuned Adam", "sgd_tuned": "tuned SGD"}
COLORS = "RdBu_r"  # blue: the learned loss is better
LIMIT = np.log(8.0)  # where the colours end


def finish(
    config: GeneralisationConfig,
    seeds: dict[int, Arrays],
    shared: Arrays,
    out: Path,
    report: Report,
) -> tuple[Path, ...]:
    """Write metrics.json, the losses and the heat maps; report a table."""
    errors: Errors = {
        setting: {
            method: np.stack([a[f"log_error/{setting}/{method}"].mean(-1) for a in seeds.values()])
            for method in ("ml3_adam", *GRIDS)
        }
        for setting in config.settings
    }
    metrics(config, errors).save(out)
    for seed, arrays in seeds.items():
        for setting in config.settings:
            path = out / "losses" / setting / f"seed_{seed}.safetensors"
            write_atomically(path, arrays[f"loss/{setting}"].tobytes())
    report(tables(config, errors))
    return figure(config, errors, out)


def ratio(errors: dict[str, NDArray[np.float64]], baseline: str) -> NDArray[np.float64]:
    """Return error over error of a baseline (architectures,): geometric mean over the seeds.

    Where only the baseline diverged it is 0; where the learned loss did, infinite.
    """
    ours, theirs = errors["ml3_adam"].mean(0), errors[baseline].mean(0)
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(ours), np.exp(ours - theirs), np.inf)


def metrics(config: GeneralisationConfig, errors: Errors) -> Metrics:
    """Return the error of every architecture, counted by x; further settings are panels."""
    names = [architecture.name for architecture in config.architectures()]
    settings = resolved(config) | {"x": "architecture", "architectures": names}
    result = Metrics("generalisation", settings)
    unseen = np.array([name != TRAINED.name for name in names])
    for i, (setting, methods) in enumerate(errors.items()):
        for method, values in methods.items():
            name = method if i == 0 else f"{method}@{setting}"
            result.add(name, range(len(names)), np.exp(values))
        for baseline in BASELINES:
            ratios = ratio(methods, baseline)[unseen]
            key = f"{setting}/over_{baseline}"
            with np.errstate(divide="ignore"):
                logs = np.log(ratios)
            result.headline[f"{key}/median"] = float(np.exp(np.median(logs)))
            result.headline[f"{key}/worst"] = float(ratios.max())
            result.headline[f"{key}/better"] = float((ratios < 1.0).mean())
    return result


def tables(config: GeneralisationConfig, errors: Errors) -> str:
    """Return one line per architecture: median error of the learned loss, ratios to baselines."""
    parts = []
    for setting, methods in errors.items():
        rows = []
        ratios = {baseline: ratio(methods, baseline) for baseline in BASELINES}
        for i, architecture in enumerate(config.architectures()):
            error = median_in_range(np.exp(methods["ml3_adam"][:, i]))
            rows.append([architecture.name, error, *(number(ratios[b][i]) for b in BASELINES)])
        header = [TITLES[setting], "error [range]", *(f"/ {b}" for b in BASELINES)]
        parts.append(text_table(header, rows))
    return "\n\n".join(parts)


def figure(config: GeneralisationConfig, errors: Errors, out: Path) -> tuple[Path, Path]:
    """Draw a row of heat maps per setting: baselines by nonlinearities, depth over width."""
    n_columns = len(BASELINES) * len(config.activations)
    shape = (len(config.activations), len(config.depths), len(config.widths))
    with house_style():
        canvas = Figure(figsize=(11.5, 0.9 + 2.5 * len(errors)), layout="constrained")
        grid = canvas.subplots(len(errors), n_columns, squeeze=False)
        for row, (setting, methods) in zip(grid, errors.items(), strict=True):
            for i, (baseline, label) in enumerate(BASELINES.items()):
                maps = ratio(methods, baseline).reshape(shape)
                for j, (activation, cells) in enumerate(
                    zip(config.activations, maps, strict=True)
                ):
                    axes = row[i * len(config.activations) + j]
                    _heat_map(axes, config, cells, activation)
                    axes.set_title(f"{activation}, over {label}", fontsize=8.5)
            row[0].set_ylabel(f"{TITLES[setting]}\nhidden layers", fontsize=9)
        for axes in grid[-1]:
            axes.set_xlabel("width")
        canvas.suptitle(
            "Error after 100 steps under one learned loss, over that of tuned baselines "
            "(blue: smaller)",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
        canvas.text(
            0.99,
            0.995,
            "framed: meta-trained on this alone; 0: the baseline diverged",
            ha="right",
            va="top",
            color=FAINT,
            fontsize=8,
        )
        return save_figure(canvas, out, "generalisation")


def _heat_map(
    axes: Axes, config: GeneralisationConfig, cells: NDArray[np.float64], activation: str
) -> None:
    """Draw ratios (depths, widths) with their numbers."""
    with np.errstate(divide="ignore"):
        colors = np.clip(np.log(cells), -LIMIT, LIMIT)
    axes.imshow(colors, cmap=COLORS, vmin=-LIMIT, vmax=LIMIT, aspect="auto")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks(range(len(config.widths)), [str(width) for width in config.widths])
    axes.set_yticks(range(len(config.depths)), [str(depth) for depth in config.depths])
    for (i, j), value in np.ndenumerate(cells):
        dark = abs(colors[i, j]) > 0.65 * LIMIT
        text = (
            f"{value:.1g}" if value < 0.1 else f"{value:.2f}" if value < 10.0 else f"{value:.0f}"
        )
        color = "white" if dark else INK
        axes.text(j, i, text, ha="center", va="center", fontsize=8, color=color)
        here = (config.depths[i], config.widths[j], activation)
        if here == (TRAINED.depth, TRAINED.width, TRAINED.activation):
            frame = Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=1.8)
            frame.set_clip_on(False)
            axes.add_patch(frame)


EXPERIMENTS = {
    "generalisation": Experiment(
        help="one learned loss for networks that it never saw",
        config=GeneralisationConfig(),
        quick=GeneralisationConfig(
            depths=(1, 2, 4),
            widths=(16, 64, 128),
            activations=("tanh", "relu"),
            seeds=2,
            n_tasks=2,
            n_validation_tasks=2,
            outer_steps=40,
        ),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
}
