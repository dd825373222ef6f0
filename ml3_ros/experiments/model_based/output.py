# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics, losses and figure of model-based reinforcement learning."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.model_based.run import (
    CHECKPOINTS,
    HORIZON,
    LOSSES,
    MAIN,
    RIVAL_CHECKPOINTS,
    RIVALS,
    ModelBasedConfig,
    candidates,
    greedy_distance,
    prepare,
    run_seed,
)
from ml3_ros.experiments.model_based.started import AT_ONCE, FEW_STEPS, STARTS
from ml3_ros.experiments.runner.adaptation import by_method, save_losses
from ml3_ros.experiments.runner.experiment import Arrays, Experiment, Report
from ml3_ros.reports.figures import draw, house_style, label_line_ends, save_figure
from ml3_ros.reports.styles import GUIDE, in_order
from ml3_ros.reports.tables import median_in_range, text_table

ELSEWHERE = "@elsewhere"  # suffix of curves on goals where no loss was meta-trained
SHOWN_UPDATES = (1, 2, 5, 10, 20, 100, 1000)
DRAWN_UPDATES = (0, 1, 5, 20)  # paths
AT_HORIZON, AT_FIFTH = CHECKPOINTS.index(HORIZON), CHECKPOINTS.index(HORIZON // 5)


def finish(
    config: ModelBasedConfig, seeds: dict[int, Arrays], shared: Arrays, out: Path, report: Report
) -> tuple[Path, ...]:
    """Write metrics.json, the losses and the figure; report tables."""
    result = metrics(config, seeds, shared)
    result.save(out)
    save_losses(seeds, out)
    report(tables(seeds))
    report("\n".join(f"{key}: {value:.3g}" for key, value in result.headline.items()))
    return figure(seeds, out, name_of(config))


def name_of(config: ModelBasedConfig) -> str:
    """Return the experiment's name."""
    return {"point_mass": "pointmass_goal", "reacher": "reacher_goal"}[config.world]


def marks_of(name: str, distance: NDArray[np.float64]) -> tuple[int, ...]:
    """Return the updates at which a method's distances (..., x) were measured."""
    return (CHECKPOINTS if name in LOSSES else RIVAL_CHECKPOINTS)[: distance.shape[-1]]


def halves(final: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean distance (seeds, x) on trained goals, and elsewhere."""
    n = final.shape[1] // 2
    return final[:, :n].mean(1), final[:, n:].mean(1)


def metrics(config: ModelBasedConfig, seeds: dict[int, Arrays], shared: Arrays) -> Metrics:
    """Return the final distance over updates, for goals of meta-training and elsewhere.

    Of every learned loss: "NAME/updates_to_RIVAL", after how many updates it is as close as the
    rival after 100, median over seeds (infinity if never); "NAME/share_of_RIVAL", its distance
    after a fifth of the updates over the rival's after all; "NAME/gap", its distance elsewhere
    over that at trained goals, after 100 updates; "NAME/worst", its largest distance from 100
    updates to the last over that after 100; "NAME/lost", runs that end farther away than
    they began. "ml3_desired_action/greedy" is how far from the goal an episode ends in which
    every action is the loss's target action. "START/start" and "START/start_elsewhere" are the
    distances of a policy that was learned on the goals of meta-training, before any update.
    """
    about = {"x": "updates of the policy", "y": "distance to the goal at the end [m]"}
    result = Metrics(name_of(config), resolved(config) | about)
    found = by_method(seeds, "distance")
    for name, final in found.items():
        trained, elsewhere = halves(final)
        result.add(name, marks_of(name, final), trained)
        result.add(name + ELSEWHERE, marks_of(name, final), elsewhere)
        result.headline[f"{name}/distance"] = float(np.median(trained[:, AT_HORIZON]))
        result.headline[f"{name}/distance_elsewhere"] = float(np.median(elsewhere[:, AT_HORIZON]))
    for name in LOSSES:
        final = found[name]
        trained, elsewhere = halves(final)
        for rival in (*RIVALS, *STARTS):
            level = found[rival][..., AT_HORIZON].mean(1)
            updates = [updates_to(*pair) for pair in zip(final.mean(1), level, strict=True)]
            result.headline[f"{name}/updates_to_{rival}"] = float(np.median(updates))
            share = final[..., AT_FIFTH].mean(1) / level
            result.headline[f"{name}/share_of_{rival}"] = float(np.median(share))
        gap = elsewhere[:, AT_HORIZON] / trained[:, AT_HORIZON]
        result.headline[f"{name}/gap"] = float(np.median(gap))
        later = final.mean(1)[:, AT_HORIZON:]
        result.headline[f"{name}/worst"] = float(np.median(later.max(-1) / later[:, 0]))
        result.headline[f"{name}/lost"] = float((~(final[..., -1] <= final[..., 0])).sum())
    greedy = np.stack([greedy_distance(config, seed, arrays) for seed, arrays in seeds.items()])
    result.headline[f"{MAIN}/greedy"] = float(np.median(greedy.mean(1)))
    result.headline["runs"] = float(final.shape[0] * final.shape[1])
    for rival, (_, rule) in RIVALS.items():
        best = candidates(config, rule)[int(shared[f"choice/{rival}"])]
        result.headline[f"{rival}/step_size"] = float(best.inner_lr)
    for name in STARTS:
        result.headline[f"{name}/step_size"] = float(shared[f"step_size/{name}"])
        for where, final in zip(("start", "start_elsewhere"), halves(found[name]), strict=True):
            result.headline[f"{name}/{where}"] = float(np.median(final[:, 0]))
    return result


def updates_to(curve: NDArray[np.float64], level: float) -> float:
    """Return after how many updates a curve (x,) is first at `level`; infinity if never."""
    reached = np.flatnonzero(curve <= level)
    return float(CHECKPOINTS[reached[0]]) if len(reached) else float("inf")


def tables(seeds: dict[int, Arrays]) -> str:
    """Return tables of final distances [m]: median over the seeds [lowest highest]."""
    found = by_method(seeds, "distance")
    parts = []
    for i, title in enumerate(("goals as in meta-training", "goals elsewhere")):
        rows = []
        for name in in_order(list(found)):
            marks, curve = marks_of(name, found[name]), halves(found[name])[i]
            cells = [
                median_in_range(curve[:, marks.index(u)]) if u in marks else ""
                for u in SHOWN_UPDATES
            ]
            rows.append([name, *cells])
        parts.append(text_table([title, *(f"@{u}" for u in SHOWN_UPDATES)], rows))
    return "\n\n".join(parts)


def figure(seeds: dict[int, Arrays], out: Path, name: str) -> tuple[Path, Path]:
    """Draw final distances over updates, and the paths of the first seed's policies."""
    found = by_method(seeds, "distance")
    with house_style():
        canvas = Figure(figsize=(11.5, 6.8), layout="constrained")
        above, below = canvas.subfigures(2, 1, squeeze=False, height_ratios=(1.2, 1.0))[:, 0]
        curves = above.subplots(1, 2, sharey=True)
        for i, title in enumerate(("goals as in meta-training", "goals elsewhere")):
            lines = []
            for method in in_order(list(found)):
                curve = halves(found[method])[i]
                low, middle, high = np.quantile(curve, (0.0, 0.5, 1.0), axis=0, method="nearest")
                x = np.maximum(marks_of(method, curve), 0.5)  # before the first update
                lines.append(draw(curves[i], method, x, middle, band=(low, high)))
            curves[i].axvline(HORIZON, color=GUIDE, linewidth=1.0, zorder=1.0)
            curves[i].set(
                xscale="log",
                yscale="log",
                xlim=(0.5, CHECKPOINTS[-1]),
                title=title,
                xlabel="updates of the policy (left edge: none)",
            )
            if not i:
                curves[i].set_ylabel("distance to the goal at the end [m]")
        label_line_ends(curves[1], lines)
        first = seeds[min(seeds)]
        paths = below.subplots(1, len(DRAWN_UPDATES), sharex=True, sharey=True)
        for axes, update in zip(paths, DRAWN_UPDATES, strict=True):
            _draw_paths(axes, first, next(iter(LOSSES)), update)
        below.suptitle(
            "one episode of each policy under the learned loss; dots: goals, filled as in "
            "meta-training",
            x=0.01,
            ha="left",
            fontweight="bold",
        )
        return save_figure(canvas, out, name)


def _draw_paths(axes: Axes, arrays: Arrays, method: str, update: int) -> None:
    """Draw where an episode of every policy leads."""
    goals = arrays["goals"]
    paths = arrays[f"path/{method}"][:, CHECKPOINTS.index(update)]
    reach = 1.3 * np.abs(goals).max()
    for i, (path, goal) in enumerate(zip(paths, goals, strict=True)):
        color = f"C{i % 10}"
        axes.plot(*path.T, color=color, linewidth=1.2)
        inside = i < len(goals) // 2
        axes.plot(*goal, "o", color=color, markersize=5, fillstyle="full" if inside else "none")
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="x [m]")
    axes.set_title(f"after {update} update{'' if update == 1 else 's'}")


_POINT_MASS = ModelBasedConfig()
_REACHER = ModelBasedConfig(world="reacher")

EXPERIMENTS = {
    name: Experiment(
        help=help_text,
        config=config,
        quick=replace(
            config,
            seeds=2,
            n_goals=4,
            outer_steps=60,
            updates=100,
            every=3,
            pretraining=replace(AT_ONCE, n_outer_steps=100),
            maml=replace(FEW_STEPS, n_outer_steps=5),
        ),
        prepare=prepare,
        run_seed=run_seed,
        finish=finish,
    )
    for name, help_text, config in (
        ("pointmass_goal", "a mass is moved to goals, model-based (Fig. 3a, b)", _POINT_MASS),
        ("reacher_goal", "two links reach goals, model-based (Fig. 3c)", _REACHER),
    )
}
