# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics and figure of meta-reinforcement learning."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.metarl.config import ORACLE, UNTRAINED, WORLDS, MetaRlConfig
from ml3_ros.experiments.metarl.figure import figure
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.reports.tables import number_in_range, text_table

NAME = "metarl"
BOOTSTRAPS = 2000
Array = NDArray[np.float64]


def finish(
    config: MetaRlConfig, seeds: dict[int, Arrays], shared: Arrays, out: Path, report: Report
) -> tuple[Path, ...]:
    """Write metrics.json and the figure; report a table for each world."""
    found = {key: np.stack([a[key] for a in seeds.values()]) for key in seeds[min(seeds)]}
    metrics(config, found).save(out)
    for world in config.worlds:
        report(table(config, found, world))
    return figure(config, found, out, NAME)


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


def metrics(config: MetaRlConfig, found: Arrays) -> Metrics:
    """Return mean rewards of the episodes of a trial, mean over tasks.

    Methods are "METHOD@WORLD". Headlines: "WORLD/METHOD/inside" and "WORLD/METHOD/outside", the
    interquartile mean of the last episode over seeds and tasks, with "…_low" and "…_high" of its
    95 % interval; "WORLD/METHOD/first", that of the first scored episode; and
    "WORLD/METHOD/minutes" of meta-training, mean.
    """
    about = {"x": "episode of a trial", "y": "mean reward of an episode"}
    result = Metrics(NAME, resolved(config) | about)
    for world in config.worlds:
        scored = WORLDS[world]().scored
        for method in config.rows(world):
            inside = found[f"inside/{world}/{method}"]
            episodes = range(1, inside.shape[1] + 1)
            result.add(f"{method}@{world}", episodes, inside.mean(-1))
            place = f"{world}/{method}"
            for where in ("inside", "outside"):
                values = interval(found[f"{where}/{place}"][:, -1])
                for suffix, value in zip(("", "_low", "_high"), values, strict=True):
                    result.headline[f"{place}/{where}{suffix}"] = value
            result.headline[f"{place}/first"] = quartile_mean(inside[:, scored])
            result.headline[f"{place}/minutes"] = float(found[f"minutes/{place}"].mean())
    return result


def table(config: MetaRlConfig, found: Arrays, world: str) -> str:
    """Return one line a method: interquartile means over seeds and tasks [95 % interval]."""
    scored = WORLDS[world]().scored
    rows = []
    for method in config.rows(world):
        place = f"{world}/{method}"
        inside, outside = found[f"inside/{place}"], found[f"outside/{place}"]
        episodes = sorted({scored, inside.shape[1] - 1})
        cells = [number_in_range(*interval(inside[:, i])) for i in episodes]
        if len(episodes) == 1:
            cells.insert(0, "")
        beyond = number_in_range(*interval(outside[:, -1]))
        note = "told the task" if method == ORACLE else ""
        minutes = f"{float(found[f'minutes/{place}'].mean()):.1f}"
        steps = "none" if method == UNTRAINED else f"{config.steps:,}"
        rows.append([method, *cells, beyond, steps, minutes, note])
    header = ["first episode", "last episode", "outside", "steps", "minutes", ""]
    return text_table([world, *header], rows)
