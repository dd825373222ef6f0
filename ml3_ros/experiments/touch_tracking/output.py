# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics and figure of touched arms that track."""

from pathlib import Path

import numpy as np

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.external_torque.arm import GAINS
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.touch_tracking.config import TouchTrackingConfig
from ml3_ros.experiments.touch_tracking.figure import figure
from ml3_ros.experiments.touch_tracking.run import BACK, RECOVERED, RECOVERED_IN, SCORES, SETTLED
from ml3_ros.reports.styles import in_order
from ml3_ros.reports.tables import number_in_range, text_table
from ml3_ros.robots.base import Array

NAME = "touch_tracking"
CURVE_STEP = 0.5  # of the error over time, in metrics.json [s]


def finish(
    config: TouchTrackingConfig,
    seeds: dict[int, Arrays],
    shared: Arrays,
    out: Path,
    report: Report,
) -> tuple[Path, ...]:
    """Write metrics.json and the figure; report a table."""
    first = seeds[min(seeds)]
    found = {key: np.stack([arrays[key] for arrays in seeds.values()]) for key in first}
    metrics(config, found).save(out)
    report(table(found))
    return figure(config, found, out, NAME)


def methods(found: Arrays) -> list[str]:
    """Return the methods in the order of figures."""
    return in_order([key.removeprefix("level/") for key in found if key.startswith("level/")])


def score(found: Arrays, name: str, which: str) -> Array:
    """Return a score of a method, (seeds, robots)."""
    return np.asarray(found[f"scores/{name}"][..., SCORES.index(which)])


def work_ratio(found: Arrays, name: str) -> Array:
    """Return the work done on hands over that of feedback alone, run by run (seeds, robots)."""
    return score(found, name, "work") / score(found, "feedback_only", "work")


def metrics(config: TouchTrackingConfig, found: Arrays) -> Metrics:
    """Return errors over time, mean over a seed's robots.

    Headlines: "NAME/peace_mrad", median over runs, and "NAME/worst_peace_mrad"; "NAME/back", the
    share of touches after which the error is back; "NAME/overshoot", the mean; "NAME/work_ratio",
    the largest of all runs over feedback alone; "NAME/up" and "NAME/down", the shares of runs that
    recover from a payload that is taken up and put down; "NAME/end_mrad", the error before it is
    put down, median.
    """
    about = {
        "x": "seconds",
        "y": "RMS error over the last period, mean over joints [rad]",
        "settled": SETTLED,
        "back": BACK,
        "recovered_in": RECOVERED_IN,
        "recovered": RECOVERED,
    }
    result = Metrics(NAME, resolved(config) | about)
    step, window = round(CURVE_STEP * GAINS.rate), round(config.period * GAINS.rate)
    for name in methods(found):
        level = found[f"level/{name}"][..., window - 1 :: step]
        times = (window + step * np.arange(level.shape[-1])) / GAINS.rate
        result.add(name, times.tolist(), level.mean(1))
        loaded = round(config.changes[1] * GAINS.rate) - 1
        result.headline |= {
            f"{name}/peace_mrad": 1e3 * float(np.median(score(found, name, "peace"))),
            f"{name}/worst_peace_mrad": 1e3 * float(score(found, name, "peace").max()),
            f"{name}/back": float(score(found, name, "back").mean()),
            f"{name}/overshoot": float(score(found, name, "overshoot").mean()),
            f"{name}/work_ratio": float(work_ratio(found, name).max()),
            f"{name}/end_mrad": 1e3 * float(np.median(found[f"level/{name}"][..., loaded])),
        }
        for which in ("up", "down"):
            share = (score(found, name, which) >= RECOVERED).mean()
            result.headline[f"{name}/{which}"] = float(share)
    return result


def table(found: Arrays) -> str:
    """Return one line a method: medians over runs [lowest highest]."""

    def cell(values: Array) -> str:
        return number_in_range(float(np.median(values)), values.min(), values.max())

    rows = [
        [
            name,
            cell(1e3 * score(found, name, "peace")),
            f"{score(found, name, 'back').mean():.0%}",
            cell(score(found, name, "overshoot")),
            cell(work_ratio(found, name)),
            cell(score(found, name, "up")),
            f"{(score(found, name, 'up') >= RECOVERED).mean():.0%}",
            f"{(score(found, name, 'down') >= RECOVERED).mean():.0%}",
        ]
        for name in methods(found)
    ]
    header = ["in peace [mrad]", "back after a touch", "overshoot", "work on hands"]
    payload = ["payload up: error gone", "runs recovered", "down: runs recovered"]
    return text_table(["tracking of touched arms", *header, *payload], rows)
