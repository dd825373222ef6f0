# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics, losses and figure of learning from demonstrations."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.demonstrations.run import (
    CHECKPOINTS,
    CLONES,
    COMPARED,
    LOSSES,
    REACHED,
    ReacherDemosConfig,
    prepare,
    run_seed,
)
from ml3_ros.experiments.runner.adaptation import by_method, save_losses
from ml3_ros.experiments.runner.experiment import Arrays, Experiment, Report
from ml3_ros.reports.figures import draw, house_style, label_line_ends, save_figure
from ml3_ros.reports.styles import FAINT, GOAL, NEW_GOAL, in_order, method_style
from ml3_ros.reports.tables import median_in_range, text_table

SHOWN_UPDATES = (0, 1, 5, 10, 20, 100, 1000)
DRAWN_UPDATES = 20  # of the paths


def finish(
    config: ReacherDemosConfig, seeds: dict[int, Arrays], shared: Arrays, out: Path, report: Report
) -> tuple[Path, ...]:
    """Write metrics.json, the losses and the figure; report a table."""
    found = distances(seeds)
    result = metrics(config, found)
    result.save(out)
    save_losses(seeds, out)
    report(tables(found))
    report("\n".join(f"{key}: {value:.3g}" for key, value in result.headline.items()))
    return figure(found, seeds[min(seeds)] | shared, out)


def distances(seeds: dict[int, Arrays]) -> dict[str, NDArray[np.float64]]:
    """Return distances (seeds, targets, x) by method; a clone adapts no more, so all x are one."""
    found = by_method(seeds, "distance")
    found |= {name: np.repeat(found[name], len(CHECKPOINTS), axis=-1) for name in CLONES}
    return found


def metrics(config: ReacherDemosConfig, found: dict[str, NDArray[np.float64]]) -> Metrics:
    """Return the distance to new targets over updates.

    "NAME/distance" is that after 100 updates, "NAME/reached" the share of targets reached then,
    "NAME/worst" the largest one between 100 and 1000 updates over it, median over seeds;
    "NAME/updates_to_CLONE", after how many updates a learned loss is as close as that clone
    (infinity if never).
    """
    about = {
        "x": "updates of the policy",
        "y": "distance to new targets at the end [m]",
        "compared_at": COMPARED,
    }
    result = Metrics("reacher_demos", resolved(config) | about)
    at = CHECKPOINTS.index(COMPARED)
    for name, distance in found.items():
        curve = distance.mean(1)
        result.add(name, CHECKPOINTS, curve)
        result.headline[f"{name}/distance"] = float(np.median(curve[:, at]))
        result.headline[f"{name}/reached"] = float((distance[..., at] <= REACHED).mean())
        if name not in CLONES:
            later = curve[:, at:]
            result.headline[f"{name}/worst"] = float(np.median(later.max(-1) / later[:, 0]))
            for clone in CLONES if name in LOSSES else ():
                wins = np.median(curve, axis=0) <= np.median(found[clone].mean(1)[:, 0])
                first = float(CHECKPOINTS[int(wins.argmax())]) if wins.any() else float("inf")
                result.headline[f"{name}/updates_to_{clone}"] = first
    return result


def tables(found: dict[str, NDArray[np.float64]]) -> str:
    """Return a table of distances [m]: median over the seeds [lowest highest]."""
    rows = []
    for name in in_order(list(found)):
        curve = found[name].mean(1)
        cells = [median_in_range(curve[:, CHECKPOINTS.index(u)]) for u in SHOWN_UPDATES]
        reached = found[name][..., CHECKPOINTS.index(COMPARED)] <= REACHED
        rows.append([name, *cells, f"{reached.mean():.0%}"])
    header = ["distance to new targets [m]", *(f"@{u}" for u in SHOWN_UPDATES)]
    return text_table([*header, f"within {REACHED:g} m @{COMPARED}"], rows)


def figure(found: dict[str, NDArray[np.float64]], arrays: Arrays, out: Path) -> tuple[Path, Path]:
    """Draw targets and paths of the first seed, and distances over updates."""
    with house_style():
        canvas = Figure(figsize=(12.0, 4.4), layout="constrained")
        ours, cloned, curves = canvas.subplots(1, 3, width_ratios=(1.0, 1.0, 1.3))
        first, clone = next(iter(LOSSES)), next(iter(CLONES))
        paths = arrays[f"path/{first}"][:, CHECKPOINTS.index(DRAWN_UPDATES)]
        _draw_paths(ours, arrays, paths, first)
        ours.set_title(f"a  learned loss, {DRAWN_UPDATES} updates")
        _draw_paths(cloned, arrays, arrays[f"path/{clone}"][:, 0], clone)
        cloned.set_title("b  behavioural cloning")
        lines = []
        for name in in_order(list(found)):
            curve = found[name].mean(1)
            low, middle, high = np.quantile(curve, (0.0, 0.5, 1.0), axis=0, method="nearest")
            x = np.maximum(CHECKPOINTS, 0.5)  # before the first update
            lines.append(draw(curves, name, x, middle, band=(low, high)))
        curves.set(
            xscale="log",
            yscale="log",
            xlim=(0.5, CHECKPOINTS[-1]),
            xlabel="updates of the policy (left edge: none)",
            ylabel="distance to new targets at the end [m]",
        )
        curves.set_title("c  median and range of the seeds")
        label_line_ends(curves, lines)
        return save_figure(canvas, out, "reacher_demos")


def _draw_paths(axes: Axes, arrays: Arrays, paths: NDArray[np.float64], method: str) -> None:
    """Draw where an episode leads for every new target, and which targets were shown."""
    for path in paths:
        axes.plot(*path.T, color=method_style(method).color, linewidth=1.0)
    axes.plot(*arrays["targets"].T, "o", color=NEW_GOAL, markersize=6)
    axes.plot(*arrays["shown/goals"].T, "o", color=GOAL, markersize=6)
    axes.set(xlim=(-0.02, 0.2), ylim=(-0.16, 0.16), aspect="equal", xlabel="x [m]", ylabel="y [m]")
    axes.text(
        0.02,
        0.98,
        "blue: shown\norange: new",
        transform=axes.transAxes,
        va="top",
        fontsize=8,
        color=FAINT,
    )


EXPERIMENTS = {
    "reacher_demos": Experiment(
        help="an expert's demonstrations shape a loss for new targets (Fig. 6c, d)",
        config=ReacherDemosConfig(),
        quick=ReacherDemosConfig(seeds=2, n_shown=2, outer_steps=120),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
}
