# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Results of the experiment on touched arms: metrics.json, tables and losses."""

from pathlib import Path

import numpy as np

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.runner.adaptation import save_losses
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.touched.config import TouchedExperimentConfig
from ml3_ros.experiments.touched.figure import figure
from ml3_ros.experiments.touched.panels import BOUND, CLEAN, OURS, Panel, panels_of
from ml3_ros.reports.tables import number_in_range, text_table


def finish(
    config: TouchedExperimentConfig,
    seeds: dict[int, Arrays],
    shared: Arrays,
    out: Path,
    report: Report,
    *,
    name: str,
) -> tuple[Path, ...]:
    """Write metrics.json, losses and the figure; report tables."""
    save_losses(seeds, out)
    panels = panels_of(config, seeds, shared)
    metrics(name, config, panels).save(out)
    for panel in panels:
        report(table(panel))
    return figure(panels, out, name)


def metrics(name: str, config: TouchedExperimentConfig, panels: list[Panel]) -> Metrics:
    """Return per seed the geometric mean of errors over arms, one abscissa a family.

    Methods are "METHOD@MODEL", those of the first model plain. Headlines, for every model and
    FAMILY: "MODEL/FAMILY/METHOD", the geometric mean; "MODEL/FAMILY/METHOD/over_RIVAL", ratios arm
    by arm; "MODEL/METHOD/over_RIVAL" and "MODEL/METHOD/worst_over_RIVAL", their geometric mean and
    their largest over families that are touched. RIVAL "best" is the best rival of each family.
    """
    about = {"x": "what touches the arm", "y": "held-out NMSE of torque without contacts"}
    result = Metrics(name, resolved(config) | about)
    for panel in panels:
        suffix = "" if panel is panels[0] else f"@{panel.model}"
        families = list(panel.errors)
        for method in panel.methods:
            x = [i for i, family in enumerate(families) if method in panel.errors[family]]
            means = [panel.means(families[i], method) for i in x]
            result.add(f"{method}{suffix}", x, np.stack(means, axis=1))
        result.headline |= _headline(panel)
    return result


def _headline(panel: Panel) -> dict[str, float]:
    found: dict[str, float] = {}
    ratios: dict[tuple[str, str], list[float]] = {}
    for family, errors in panel.errors.items():
        for method in errors:
            middle = float(np.exp(np.log(panel.means(family, method)).mean()))
            found[f"{panel.model}/{family}/{method}"] = middle
        rivals = panel.rivals(family)
        best = min(rivals, key=lambda name: panel.ratio(family, name, BOUND))
        for method in (name for name in OURS if name in errors):
            others = {name: name for name in (*rivals, BOUND)} | {"best": best}
            for called, name in others.items():
                ratio = panel.ratio(family, method, name)
                found[f"{panel.model}/{family}/{method}/over_{called}"] = ratio
                if family != CLEAN:
                    ratios.setdefault((method, called), []).append(ratio)
    for (method, called), values in ratios.items():
        found[f"{panel.model}/{method}/over_{called}"] = float(np.exp(np.log(values).mean()))
        found[f"{panel.model}/{method}/worst_over_{called}"] = max(values)
    return found


def table(panel: Panel) -> str:
    """Return errors by family: geometric mean over arms, lowest and highest seed."""
    rows = []
    for method in panel.methods:
        cells = []
        for family, errors in panel.errors.items():
            if method not in errors:
                cells.append("-")
                continue
            means = panel.means(family, method)
            middle = float(np.exp(np.log(means).mean()))
            cells.append(number_in_range(middle, float(means.min()), float(means.max())))
        rows.append([method, *cells])
    return text_table([panel.model, *panel.errors], rows)
