# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics and figure of meta-reinforcement learning."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.metarl.config import (
    ORACLE,
    UNTRAINED,
    WITHOUT_MEMORY,
    WORLDS,
    MetaRlConfig,
)
from ml3_ros.experiments.metarl.figure import figure
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.reports.tables import number_in_range, text_table

BOOTSTRAPS = 2000
Array = NDArray[np.float64]


def finish(
    config: MetaRlConfig,
    seeds: dict[int, Arrays],
    shared: Arrays,
    out: Path,
    report: Report,
    name: str = "metarl",
) -> tuple[Path, ...]:
    """Write metrics.json and figure of the experiment `name`; report a table for each world."""
    found = {key: np.stack([a[key] for a in seeds.values()]) for key in seeds[min(seeds)]}
    measured = metrics(config, found, name)
    measured.save(out)
    for world in config.worlds:
        report(table(config, measured.headline, world))
    return figure(config, found, out, name)


def quartile_mean(values: Array) -> float:
    """Return the interquartile mean of all values (Agarwal et al. 2021)."""
    ordered = np.sort(values, axis=None)
    cut = len(ordered) // 4
    return float(ordered[cut : len(ordered) - cut].mean())


def interval(values: Array) -> tuple[float, float, float]:
    """Return the interquartile mean of values (seeds, tasks), and its 95 % bootstrap interval.

    Seeds are drawn anew, and the tasks of each.
    """
    generator = np.random.default_rng(0)
    n_seeds, n_tasks = values.shape
    drawn = []
    for _ in range(BOOTSTRAPS):
        rows = generator.integers(n_seeds, size=(n_seeds, 1))
        drawn.append(quartile_mean(values[rows, generator.integers(n_tasks, size=values.shape)]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return quartile_mean(values), float(low), float(high)


def metrics(config: MetaRlConfig, found: Arrays, name: str) -> Metrics:
    """Return mean rewards of the episodes of a trial, mean over tasks.

    Methods are "METHOD@WORLD". Headlines: "WORLD/METHOD/inside" and, where a world has tasks
    outside of meta-training, "WORLD/METHOD/outside": the interquartile mean of the last episode
    over seeds and tasks; "WORLD/METHOD/first", that of the first scored episode where it is not
    the last one. Each has its 95 % interval in "…_low" and "…_high". "WORLD/METHOD/steps" and
    "WORLD/METHOD/minutes" of one meta-training, mean over seeds; and `_best`.
    """
    about = {"x": "episode of a trial", "y": "mean reward of an episode"}
    candidates = {"candidates": len(config.learning_rates)}
    result = Metrics(name, resolved(config) | about | candidates)
    for world in config.worlds:
        scored = WORLDS[world]().scored
        for method in config.rows(world):
            place = f"{world}/{method}"
            inside = found[f"inside/{place}"]
            episodes = range(1, inside.shape[1] + 1)
            result.add(f"{method}@{world}", episodes, inside.mean(-1))
            shown = {"inside": inside[:, -1]}
            if f"outside/{place}" in found:
                shown["outside"] = found[f"outside/{place}"][:, -1]
            if scored < inside.shape[1] - 1:
                shown["first"] = inside[:, scored]
            for what, values in shown.items():
                marks = zip(("", "_low", "_high"), interval(values), strict=True)
                result.headline |= {f"{place}/{what}{suffix}": x for suffix, x in marks}
            result.headline[f"{place}/steps"] = 0.0 if method == UNTRAINED else config.steps
            minutes = 0.0 if method == UNTRAINED else float(found[f"minutes/{place}"].mean())
            result.headline[f"{place}/minutes"] = minutes
        result.headline |= _best(config.rows(world), world, result.headline)
    return result


def _best(rows: Sequence[str], world: str, headline: Mapping[str, float]) -> dict[str, float]:
    """Return the best last episode of what was meta-trained and is not told the task.

    Of all, "WORLD/best", and of those with and without memory, "WORLD/best_with_memory" and
    "WORLD/best_without_memory", where there are such.
    """
    rivals = {name: headline[f"{world}/{name}/inside"] for name in rows}
    rivals = {k: value for k, value in rivals.items() if k not in (ORACLE, UNTRAINED)}
    groups = {
        "best": list(rivals.values()),
        "best_with_memory": [x for k, x in rivals.items() if k not in WITHOUT_MEMORY],
        "best_without_memory": [x for k, x in rivals.items() if k in WITHOUT_MEMORY],
    }
    return {f"{world}/{name}": max(values) for name, values in groups.items() if values}


COLUMNS = {"first episode": "first", "last episode": "inside", "outside": "outside"}


def table(config: MetaRlConfig, headline: Mapping[str, float], world: str) -> str:
    """Return one line a method: interquartile means over seeds and tasks [95 % interval]."""
    names = config.rows(world)
    columns = {k: v for k, v in COLUMNS.items() if f"{world}/{names[0]}/{v}" in headline}
    rows = []
    for method in names:
        place = f"{world}/{method}"
        cells = [
            number_in_range(*(headline[f"{place}/{what}{x}"] for x in ("", "_low", "_high")))
            for what in columns.values()
        ]
        steps, note = headline[f"{place}/steps"], "told the task" if method == ORACLE else ""
        minutes = f"{headline[f'{place}/minutes']:.1f}"
        rows.append([method, *cells, f"{steps:,.0f}" if steps else "none", minutes, note])
    return text_table([world, *columns, "steps", "minutes", ""], rows)
