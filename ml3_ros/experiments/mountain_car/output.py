# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics, losses and figure of MountainCar."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.mountain_car.run import (
    CHECKPOINTS,
    KEPT,
    SOLVED,
    MountainCarConfig,
    prepare,
    run_seed,
)
from ml3_ros.experiments.mountain_car.task import GOAL, WAY_POINT, MountainCar
from ml3_ros.experiments.runner.adaptation import by_method, save_losses
from ml3_ros.experiments.runner.experiment import Arrays, Experiment, Report
from ml3_ros.reports.figures import draw, house_style, label_line_ends, save_figure
from ml3_ros.reports.styles import FAINT, GUIDE, in_order
from ml3_ros.reports.tables import median_in_range, number, text_table

PLANNERS = ("ilqr", "ilqr_tuned")
SHOWN_UPDATES = (0, 1, 2, 5, 10, 20, 100, 500)
DRAWN = ("ml3_shaped", "ml3_unshaped", *PLANNERS)  # trajectories


def finish(
    config: MountainCarConfig, seeds: dict[int, Arrays], shared: Arrays, out: Path, report: Report
) -> tuple[Path, ...]:
    """Write metrics.json, the losses and the figure; report a table."""
    found = distances(seeds, shared)
    result = metrics(config, found)
    result.save(out)
    save_losses(seeds, out)
    report(tables(found, result.headline))
    return figure(found, seeds[min(seeds)] | shared, out)


def distances(seeds: dict[int, Arrays], shared: Arrays) -> dict[str, NDArray[np.float64]]:
    """Return distances (seeds, inits, x) by method; a planner has one seed and one init."""
    planned = {name: shared[f"distance/{name}"][None] for name in PLANNERS}
    return by_method(seeds, "distance") | planned


def kept(distance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which runs (seeds, inits) reach the goal after 20 updates and at all later ones."""
    return np.asarray((distance[..., CHECKPOINTS.index(KEPT) :] <= SOLVED).all(-1))


def metrics(config: MountainCarConfig, found: dict[str, NDArray[np.float64]]) -> Metrics:
    """Return the distance to the goal after each update, mean over initial policies.

    "NAME/kept" is the share of runs that reach the goal after 20 updates and at every later one,
    "NAME/seeds_kept" how many meta-seeds do with all policies, "NAME/first" the median number of
    updates after which it is first reached (infinity if never).
    """
    about = {
        "x": "updates of the policy, or iterations of iLQR",
        "y": "distance to the goal [m]",
        "kept_from": KEPT,
    }
    result = Metrics("mountain_car", resolved(config) | about)
    for name, distance in found.items():
        result.add(name, CHECKPOINTS, distance.mean(1))
        result.headline[f"{name}/kept"] = float(kept(distance).mean())
        result.headline[f"{name}/seeds_kept"] = float(kept(distance).all(-1).sum())
        result.headline[f"{name}/first"] = first_reached(distance)
    result.headline["seeds"] = float(config.seeds)
    return result


def first_reached(distance: NDArray[np.float64]) -> float:
    """Return after how many updates the median run first reaches the goal; infinity if never."""
    there = distance.reshape(-1, len(CHECKPOINTS)) <= SOLVED
    marks = np.where(there.any(-1), np.array(CHECKPOINTS, float)[there.argmax(-1)], np.inf)
    return float(np.median(marks))


def tables(found: dict[str, NDArray[np.float64]], headline: dict[str, float]) -> str:
    """Return a table: distance [m], mean over policies, median over seeds [lowest highest]."""
    rows = []
    for name in in_order(list(found)):
        curve = found[name].mean(1)
        cells = [median_in_range(curve[:, CHECKPOINTS.index(u)]) for u in SHOWN_UPDATES]
        share, first = headline[f"{name}/kept"], headline[f"{name}/first"]
        rows.append([name, *cells, number(first), f"{share:.0%}"])
    header = ["distance to the goal [m]", *(f"@{u}" for u in SHOWN_UPDATES), "first there"]
    return text_table([*header, f"there from {KEPT} on"], rows)


def figure(found: dict[str, NDArray[np.float64]], arrays: Arrays, out: Path) -> tuple[Path, Path]:
    """Draw where the car is during an episode, and the distance over updates."""
    names = in_order(list(found))
    update = CHECKPOINTS.index(KEPT)
    with house_style():
        canvas = Figure(figsize=(12.5, 4.4), layout="constrained")
        paths, curves = canvas.subplots(1, 2)
        on_paths, on_curves = [], []
        for name in (name for name in names if name in DRAWN):
            x = arrays[f"path/{name}"][update if name not in PLANNERS else -1]
            on_paths.append(draw(paths, name, MountainCar().period * np.arange(len(x)), x))
        for place, text in ((GOAL[0], "goal"), (WAY_POINT[0], "way point")):
            paths.axhline(place, color=GUIDE, linewidth=1.0, zorder=1.0)
            paths.text(0.02, place, text, color=FAINT, fontsize=8, va="bottom")
        paths.set(xlabel="time [s]", ylabel="position [m]")
        paths.set_title(f"a  an episode after {KEPT} updates (iLQR: at its end)")
        for name in names:
            curve = found[name].mean(1)
            low, middle, high = np.quantile(curve, (0.0, 0.5, 1.0), axis=0, method="nearest")
            on_curves.append(draw(curves, name, CHECKPOINTS, middle, band=(low, high)))
        curves.set_xscale("symlog", linthresh=1.0)
        curves.set(
            xlim=(0.0, CHECKPOINTS[-1]),
            xlabel="updates of the policy, or iterations of iLQR",
            ylabel="distance to the goal at the end [m]",
        )
        curves.set_title(
            f"b  mean over policies, median and range of {len(found[names[0]])} seeds"
        )
        label_line_ends(paths, on_paths)
        label_line_ends(curves, on_curves)
        return save_figure(canvas, out, "mountain_car")


EXPERIMENTS = {
    "mountain_car": Experiment(
        help="a weak car learns to drive away from its goal first (Fig. 6a, b)",
        config=MountainCarConfig(),
        quick=MountainCarConfig(seeds=2, n_inits=5, outer_steps=120),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
}
