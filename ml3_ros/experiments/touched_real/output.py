# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Results of the experiment on recordings of real arms: metrics.json, tables and the figure."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.touched.output import table
from ml3_ros.experiments.touched.panels import CLEAN, Panel
from ml3_ros.experiments.touched_real.config import NO_MOTION, TouchedRealConfig
from ml3_ros.experiments.touched_real.figure import figure
from ml3_ros.experiments.touched_real.run import BOUND, DESCRIBED, FRICTION, HINDSIGHT
from ml3_ros.reports.styles import in_order

NAME = "touched_real"
LEARNED = "learned"


def finish(
    config: TouchedRealConfig,
    seeds: dict[int, Arrays],
    shared: Arrays,
    out: Path,
    report: Report,
) -> tuple[Path, ...]:
    """Write metrics.json and the figure; report tables."""
    panels = panels_of(config, seeds)
    metrics(config, panels).save(out)
    for panel in panels:
        report(table(panel))
    return figure(panels, out, NAME)


def panels_of(config: TouchedRealConfig, seeds: dict[int, Arrays]) -> list[Panel]:
    """Return the errors of every recording and kind of friction, RECORDING/FRICTION."""
    first, panels = next(iter(seeds.values())), []
    for recording in config.recordings:
        for friction in FRICTION:
            errors: dict[str, Mapping[str, np.ndarray]] = {}
            for family in config.families:
                prefix = f"error/{recording}/{friction}/{family}/"
                names = [k.removeprefix(prefix) for k in first if k.startswith(prefix)]
                if names:
                    errors[family] = {
                        name: np.stack([arrays[prefix + name] for arrays in seeds.values()])
                        for name in in_order(names)
                    }
            panels.append(Panel(f"{recording}/{friction}", errors))
    return panels


def metrics(config: TouchedRealConfig, panels: list[Panel]) -> Metrics:
    """Return per seed the geometric mean of errors over stretches, one abscissa a family.

    Methods are "METHOD@RECORDING/FRICTION", those of the first one plain. Headlines are ratios of
    the learned loss's errors to a rival's, stretch by stretch: "RECORDING/FRICTION/FAMILY/over_X",
    with "/lowest_X" and "/highest_X" of the seeds; "FRICTION/FAMILY/over_X", the geometric mean
    over recordings; "FRICTION/over_X" and "FRICTION/worst_over_X", over all families that are
    touched while the arm moves. X "best" is the best rival of each place whose numbers are
    from simulated arms, "strongest" that or the one tuned in hindsight, whichever is better.
    "RECORDING/FRICTION/FAMILY/METHOD" is a geometric mean of errors.
    """
    about = {"x": "what touches the arm", "y": "held-out NMSE of measured torque"}
    result = Metrics(NAME, resolved(config) | about | {"data": bool(config.data)})
    families: list[str] = list(config.families)
    for panel in panels:
        suffix = "" if panel is panels[0] else f"@{panel.model}"
        for method in panel.methods:
            x = [families.index(family) for family in panel.errors]
            means = [panel.means(family, method) for family in panel.errors]
            result.add(f"{method}{suffix}", x, np.stack(means, axis=1))
        result.headline |= _of_panel(panel)
    for friction in FRICTION:
        mine = [panel for panel in panels if panel.model.endswith(f"/{friction}")]
        result.headline |= _of_friction(friction, mine)
    return result


def best_rival(panel: Panel, family: str) -> str:
    """Return the rival with the lowest errors among those with numbers from simulated arms."""
    ours = (LEARNED, BOUND, HINDSIGHT, DESCRIBED)
    rivals = [name for name in panel.errors[family] if name not in ours]
    return min(rivals, key=lambda name: panel.ratio(family, name, LEARNED))


def _rivals(panel: Panel, family: str) -> dict[str, str]:
    """Return the methods that ratios are to, by what they are called."""
    called, best = (
        {name: name for name in panel.errors[family] if name != LEARNED},
        best_rival(panel, family),
    )
    strongest = min((best, HINDSIGHT), key=lambda name: panel.ratio(family, name, LEARNED))
    return called | {"best": best, "strongest": strongest}


def _of_panel(panel: Panel) -> dict[str, float]:
    found = {}
    for family, errors in panel.errors.items():
        place = f"{panel.model}/{family}"
        for method in errors:
            found[f"{place}/{method}"] = float(np.exp(np.log(errors[method]).mean()))
        for called, name in _rivals(panel, family).items():
            each = np.exp((np.log(errors[LEARNED]) - np.log(errors[name])).mean(-1))
            found[f"{place}/over_{called}"] = panel.ratio(family, LEARNED, name)
            found[f"{place}/lowest_{called}"] = float(each.min())
            found[f"{place}/highest_{called}"] = float(each.max())
    return found


def _of_friction(friction: str, panels: list[Panel]) -> dict[str, float]:
    ratios: dict[str, dict[str, list[float]]] = {}
    for panel in panels:
        for family in panel.errors:
            for called, name in _rivals(panel, family).items():
                by_family = ratios.setdefault(called, {})
                by_family.setdefault(family, []).append(panel.ratio(family, LEARNED, name))
    found = {}
    for called, by_family in ratios.items():
        for family, values in by_family.items():
            found[f"{friction}/{family}/over_{called}"] = _geometric(values)
        touched = [
            value
            for family, values in by_family.items()
            if family not in (CLEAN, NO_MOTION)
            for value in values
        ]
        if touched:
            found[f"{friction}/over_{called}"] = _geometric(touched)
            found[f"{friction}/worst_over_{called}"] = max(touched)
    return found


def _geometric(values: Iterable[float]) -> float:
    return float(np.exp(np.log(list(values)).mean()))
