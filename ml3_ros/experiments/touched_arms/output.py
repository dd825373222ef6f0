# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Results of the experiment on one loss for several arms: metrics.json, tables and the figure."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.runner.adaptation import save_losses
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.touched.figure import figure
from ml3_ros.experiments.touched.output import table
from ml3_ros.experiments.touched.panels import BOUND, CLEAN, Panel, errors_of
from ml3_ros.experiments.touched_arms.config import TouchedArmsConfig
from ml3_ros.experiments.touched_arms.run import ELSEWHERE, OWN, TOGETHER

NAME = "touched_arms"


def finish(
    config: TouchedArmsConfig,
    seeds: dict[int, Arrays],
    shared: Arrays,
    out: Path,
    report: Report,
) -> tuple[Path, ...]:
    """Write metrics.json, losses and the figure; report tables."""
    save_losses(seeds, out)
    panels = [
        Panel(robot, {f: errors_of(f"error/{robot}/{f}/", seeds, shared) for f in config.families})
        for robot in config.tested
    ]
    metrics(config, panels).save(out)
    for panel in panels:
        report(table(panel))
    title = "One loss for several arms: error of their own torque while they are touched"
    return figure(panels, out, NAME, title)


def metrics(config: TouchedArmsConfig, panels: list[Panel]) -> Metrics:
    """Return per seed the geometric mean of errors over arms, one abscissa a family.

    Methods are "METHOD@ROBOT", those of the first arm plain. Headlines are ratios arm by arm,
    geometric means over families: "ROBOT/METHOD/over_own", of all families, with its "lowest_own"
    and "highest_own" seed; "ROBOT/METHOD/over_best", of families that are touched, over the best
    rival of each; "METHOD/worst_over_own", over all arms that it was trained on.
    """
    about = {"x": "what touches the arm", "y": "held-out NMSE of torque without contacts"}
    result = Metrics(NAME, resolved(config) | about)
    for panel in panels:
        suffix = "" if panel is panels[0] else f"@{panel.model}"
        for method in panel.methods:
            means = [panel.means(family, method) for family in panel.errors]
            result.add(f"{method}{suffix}", range(len(means)), np.stack(means, axis=1))
        for method in _ours(panel):
            result.headline |= dict(_ratios(panel, method))
    trained = [f"{robot}/{TOGETHER}/over_own" for robot in config.robots]
    result.headline[f"{TOGETHER}/worst_over_own"] = max(result.headline[key] for key in trained)
    return result


def _ours(panel: Panel) -> list[str]:
    return [name for name in (OWN, TOGETHER, ELSEWHERE) if name in panel.methods]


def _ratios(panel: Panel, method: str) -> Iterator[tuple[str, float]]:
    place = f"{panel.model}/{method}"
    logs = np.stack(
        [np.log(errors[method]) - np.log(errors[OWN]) for errors in panel.errors.values()]
    )
    seeds = np.exp(logs.mean((0, 2)))
    yield f"{place}/over_own", float(np.exp(logs.mean()))
    yield f"{place}/lowest_own", float(seeds.min())
    yield f"{place}/highest_own", float(seeds.max())
    rivals = [name for name in panel.methods if name not in (*_ours(panel), BOUND)]
    ratios = [
        max(panel.ratio(family, method, rival) for rival in rivals)
        for family in panel.errors
        if family != CLEAN
    ]
    if ratios:
        yield f"{place}/over_best", float(np.exp(np.log(ratios).mean()))
