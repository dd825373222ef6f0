# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tables, metrics, losses and figure of the experiment with working arms."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ml3_ros.data.metrics import Metrics
from ml3_ros.experiments.inverse_dynamics.output import Panel, tables
from ml3_ros.experiments.inverse_dynamics.output import metrics as panel_metrics
from ml3_ros.experiments.runner.adaptation import save_losses
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.working.config import WorkingExperimentConfig
from ml3_ros.experiments.working.robots import MEASURED
from ml3_ros.reports.figures import draw, house_style, label_line_ends, save_figure
from ml3_ros.reports.styles import in_order

OWN = (
    "ml3_shaped",
    "ml3_pull_shaped",
    "ml3_from_pretrained",
    "ml3_from_pretrained_inertia",
    "ml3_physical",
)
"""The methods that are held against each of the others."""

COLUMNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "new motion, from random networks": (
        "new_motion",
        (
            "ml3_shaped",
            "ml3_unshaped",
            "ml3_pull_shaped",
            "ml3_pull_unshaped",
            "ml3_free_torque",
            "adam_learned_steps",
            "adam_tuned",
            "sgd_tuned",
        ),
    ),
    "new motion, from what the robots taught": (
        "new_motion",
        (
            "ml3_pull_shaped",
            "ml3_from_pretrained",
            "ml3_from_pretrained_inertia",
            "pretrained",
            "pretrained_inertia",
            "maml",
            "alpaca",
            "ml3_physical",
            "ridge_nominal",
            "consistent_nominal",
        ),
    ),
    "more of the same work": (
        "own_motion",
        (
            "ml3_shaped",
            "ml3_pull_shaped",
            "ml3_unshaped",
            "ml3_from_pretrained",
            "adam_tuned",
            "pretrained",
        ),
    ),
}
"""What the figure's columns show: by title the error, and the methods."""


def finish(
    config: WorkingExperimentConfig,
    seeds: dict[int, Arrays],
    shared: Arrays,
    out: Path,
    report: Report,
) -> tuple[Path, ...]:
    """Write metrics, losses and the figure; report the tables."""
    save_losses(seeds, out)
    panels = list(panels_of(config, seeds, shared))
    metrics(config, panels).save(out)
    for panel in panels:
        report(tables(panel))
    return figure(config, {panel.key: panel for panel in panels}, out)


def panels_of(
    config: WorkingExperimentConfig, seeds: dict[int, Arrays], shared: Arrays
) -> Iterator[Panel]:
    """Yield a panel "ROBOT/ERROR" for every robot and error; what has no seed is repeated."""
    first = next(iter(seeds.values()))
    for robot, marks in config.marks.items():
        prefix = f"curve/{robot}/"
        own = [k.removeprefix(prefix) for k in first if k.startswith(prefix)]
        fixed = [k.removeprefix(prefix) for k in shared if k.startswith(prefix)]
        sizes = {
            k.rsplit("/", 1)[1]: x for k, x in shared.items() if k.startswith(f"size/{robot}/")
        }
        for i, error in enumerate(MEASURED):
            errors = {
                name: np.stack([arrays[prefix + name][0, :, :, i] for arrays in seeds.values()])
                for name in own
            }
            shape = next(iter(errors.values())).shape
            errors |= {
                name: np.broadcast_to(shared[prefix + name][0, :, :, i], shape) for name in fixed
            }
            ordered = {name: errors[name] for name in in_order(list(errors))}
            chosen = {name: x[:, i] for name, x in sizes.items()}
            yield Panel(f"{robot}/{error}", marks, ordered, chosen)


def metrics(config: WorkingExperimentConfig, panels: list[Panel]) -> Metrics:
    """Return the curves of every panel, and the ratios of ours to all others."""
    result = panel_metrics("working", config, panels)
    result.config["y"] = "NMSE of the torque, or relative error of M(q)"
    for panel in panels:
        prefix = "" if panel is panels[0] else f"{panel.key}/"
        for own in OWN:
            for rival in panel.nmse:
                for i, x in enumerate(panel.x):
                    if x > 0 and rival != own:
                        key = f"{prefix}{own}/over_{rival}_at_{x}"
                        result.headline[key] = panel.ratio(own, i, rival)
    return result


def figure(
    config: WorkingExperimentConfig, panels: dict[str, Panel], out: Path
) -> tuple[Path, ...]:
    """Draw a row for each robot: median and quartiles over seeds and robots, on log axes."""
    robots = list(config.marks)
    with house_style():
        canvas = Figure(figsize=(6.0 * len(COLUMNS), 4.4 * len(robots)), layout="constrained")
        grid = canvas.subplots(len(robots), len(COLUMNS), squeeze=False)
        drawn = []
        for row, robot in zip(grid, robots, strict=True):
            for axes, (title, (error, names)) in zip(row, COLUMNS.items(), strict=True):
                drawn.append((axes, _draw(axes, panels[f"{robot}/{error}"], names)))
                axes.set_title(f"{robot}: {title}")
        canvas.suptitle(
            "Arms that learn at work, where joints move together",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
        for axes, lines in drawn:  # labels keep their distance only where nothing moves any more
            label_line_ends(axes, lines)
        return save_figure(canvas, out, "working")


def _draw(axes: Axes, panel: Panel, names: tuple[str, ...]) -> list[Line2D]:
    x = np.array(panel.x, dtype=float)
    kept, lines = x > 0, []
    for name in names:
        flat = panel.nmse[name].reshape(-1, len(x))
        low, middle, high = np.quantile(flat, (0.25, 0.5, 0.75), axis=0, method="nearest")
        band = (low[kept], high[kept])
        lines.append(draw(axes, name, x[kept], middle[kept], others=list(names), band=band))
    axes.set(xscale="log", yscale="log", xlabel="gradient steps", ylabel="NMSE of the torque")
    axes.set_ylim(top=1.5)
    return lines
