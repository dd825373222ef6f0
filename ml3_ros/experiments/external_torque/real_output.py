# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics and figure of the external torque of a real arm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.external_torque.config import LEARNED
from ml3_ros.experiments.external_torque.real import NOMINAL, RealContactConfig
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.touched_real.recordings import PUSHES, UR_JOINTS
from ml3_ros.reports.figures import draw, house_style, save_figure
from ml3_ros.reports.styles import GRID, INK, MEASURED, in_order, method_style
from ml3_ros.reports.tables import median_in_range, text_table

NAME = "external_torque_real"
SHOWN, BESIDE = "robust_observer", "learned_observer"  # the default of nodes, and the learned loss
METHODS = in_order([*LEARNED, NOMINAL])


def finish(
    config: RealContactConfig, seeds: dict[int, Arrays], shared: Arrays, out: Path, report: Report
) -> tuple[Path, ...]:
    """Write metrics.json and the figure; report a table."""
    metrics(config, seeds).save(out)
    report(table(seeds))
    return figure(config, seeds[min(seeds)], shared, out)


def metrics(config: RealContactConfig, seeds: dict[int, Arrays]) -> Metrics:
    """Return per stretch the RMS external torque of each joint apart from pushes.

    "NAME@largest" has the largest during pushes. Headlines, medians over stretches: "NAME/area",
    "NAME/found" and "NAME/false", see `real.run_seed`.
    """
    about = {"x": "number of the joint", "y": "RMS apart from pushes [N m]"}
    result = Metrics(NAME, resolved(config) | about | {"data": bool(config.data)})
    for name in METHODS:
        for what, suffix in (("free", ""), ("largest", "@largest")):
            values = _over(seeds, f"{what}/{name}")
            result.add(f"{name}{suffix}", range(1, values.shape[1] + 1), values)
        for what in ("area", "found", "false"):
            if f"{what}/{name}" in seeds[min(seeds)]:
                middle = float(np.median(_over(seeds, f"{what}/{name}")))
                result.headline[f"{name}/{what}"] = middle
    return result


def table(seeds: dict[int, Arrays]) -> str:
    """Return one line a method: median over stretches [lowest highest]."""
    rows = []
    for name in METHODS:
        cells = [
            median_in_range(_over(seeds, f"{what}/{name}"))
            if f"{what}/{name}" in seeds[min(seeds)]
            else ""
            for what in ("area", "found", "false")
        ]
        rows.append([name, *cells])
    header = ["area under ROC", "pushes flagged", "free samples flagged"]
    return text_table(["external torque, real UR10e", *header], rows)


def _over(seeds: dict[int, Arrays], key: str) -> np.ndarray:
    return np.stack([arrays[key] for arrays in seeds.values()])


def figure(
    config: RealContactConfig, found: Arrays, shared: Arrays, out: Path
) -> tuple[Path, ...]:
    """Draw each joint: what was measured and explained, and what is left."""
    n = shared["tau"].shape[1]
    with house_style():
        canvas = Figure(figsize=(12.5, 1.75 * n + 1.2), layout="constrained")
        grid = canvas.subplots(n, 2, sharex=True)
        for joint, (left, right) in enumerate(grid):
            _explained(left, joint, found, shared)
            _external(right, joint, found, shared)
            left.set_ylabel(f"{UR_JOINTS[joint].removesuffix('_joint')} [N m]")
            for axes in (left, right):
                axes.set_xlim(shared["t"][0], shared["t"][-1])
                for begin, end in PUSHES:
                    axes.axvspan(begin, end, color=GRID, zorder=0.0, linewidth=0.0)
        grid[0, 0].set_title("a  measured torque, and what the model explains of it")
        grid[0, 1].set_title(f"b  external torque, bandwidth {config.gain:g} / s")
        named = [
            x for axes in grid[0] for x in zip(*axes.get_legend_handles_labels(), strict=True)
        ]
        canvas.legend(*zip(*named, strict=True), loc="outside lower center", ncols=len(named))
        for axes in grid[-1]:
            axes.set_xlabel("time [s]; shaded: a person pushes")
        return save_figure(canvas, out, NAME)


def _explained(axes: Axes, joint: int, found: Arrays, shared: Arrays) -> None:
    t, tau = shared["t"], shared["tau"][:, joint]
    axes.plot(t, tau, color=MEASURED, linewidth=2.4, label="measured")
    explained = tau + found[f"torque/{SHOWN}"][:, joint]
    axes.plot(t, explained, color=method_style(SHOWN).color, linewidth=1.2, label="explained")


def _external(axes: Axes, joint: int, found: Arrays, shared: Arrays) -> None:
    t, torque, std = shared["t"], *(found[f"{x}/{SHOWN}"][:, joint] for x in ("torque", "std"))
    color = method_style(SHOWN).color
    label = "two standard deviations"
    axes.fill_between(t, -2.0 * std, 2.0 * std, color=color, alpha=0.15, lw=0.0, label=label)
    draw(axes, BESIDE, t, found[f"torque/{BESIDE}"][:, joint], linewidth=1.0)
    draw(axes, SHOWN, t, torque, linewidth=1.6)
    axes.axhline(0.0, color=INK, linewidth=0.6)
    flag = found[f"flag/{SHOWN}"][:, joint].astype(bool)
    low = axes.get_ylim()[0]
    marks = np.where(flag, low, np.nan)
    axes.plot(t, marks, color=INK, linewidth=4.0, solid_capstyle="butt", label="contact flag")
