# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Results of the experiment on changes of payload: metrics.json, tables and losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.payload.config import PayloadExperimentConfig
from ml3_ros.experiments.payload.figure import figure
from ml3_ros.experiments.payload.real import REAL
from ml3_ros.experiments.runner.adaptation import save_losses
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.reports.styles import in_order
from ml3_ros.reports.tables import number_in_range, text_table

LEARNED, OURS, BOUND = "learned", ("learned", "unshaped"), "all_known"
TIMED = "timed"  # rivals with numbers for each time by itself

Errors = NDArray[np.float64]
"""NMSE of torque without contacts on held-out motion, (seeds, moments, arms)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Errors of one family, or of the real arm.

    Attributes:
        name: Of the family.
        moments: Times since the change [s].
        errors: By method; one that knows no seed is repeated for every seed.
        timed: Of rivals whose numbers are tuned for each time by itself.
    """

    name: str
    moments: tuple[float, ...]
    errors: Mapping[str, Errors]
    timed: Mapping[str, Errors]

    def means(self, method: str) -> NDArray[np.float64]:
        """Return the geometric mean over the arms, (seeds, moments)."""
        return np.asarray(np.exp(np.log(self.errors[method]).mean(-1)))

    def log_ratio(self, moment: float, other: str, *, timed: bool = False) -> float:
        """Return the mean logarithm of the learned loss's errors over another's, arm by arm."""
        at = self.moments.index(moment)
        rival = (self.timed if timed else self.errors)[other]
        return float((np.log(self.errors[LEARNED]) - np.log(rival))[:, at].mean())

    def best(self, moment: float, *, timed: bool = False) -> float:
        """Return that over the best rival at this time."""
        rivals = [name for name in self.errors if name not in (*OURS, BOUND)]
        return max(self.log_ratio(moment, name, timed=timed) for name in rivals)


def finish(
    config: PayloadExperimentConfig,
    seeds: dict[int, Arrays],
    shared: Arrays,
    out: Path,
    report: Report,
) -> tuple[Path, ...]:
    """Write metrics.json, losses and the figure; report tables."""
    save_losses(seeds, out)
    places = places_of(config, seeds, shared)
    metrics(config, places).save(out)
    for place in places:
        report(table(place))
    return figure(places, out)


def places_of(
    config: PayloadExperimentConfig, seeds: dict[int, Arrays], shared: Arrays
) -> list[Place]:
    """Return the errors of every family, and of the real arm if there is one."""
    names = [*config.families, *([REAL] if config.data else [])]
    places = []
    for name in names:
        prefix = f"error/{name}/"
        own = {
            key.removeprefix(prefix): np.stack([arrays[key] for arrays in seeds.values()])
            for key in next(iter(seeds.values()))
            if key.startswith(prefix)
        }
        fixed = {
            what: {
                key.removeprefix(f"{what}/{name}/"): np.stack([value] * len(seeds))
                for key, value in shared.items()
                if key.startswith(f"{what}/{name}/")
            }
            for what in ("error", TIMED)
        }
        every = own | fixed["error"]
        errors = {method: every[method] for method in in_order(list(every))}
        moments = config.times if name == REAL else config.moments
        places.append(Place(name, moments, errors, fixed[TIMED]))
    return places


def metrics(config: PayloadExperimentConfig, places: Sequence[Place]) -> Metrics:
    """Return per seed the geometric mean of errors over arms at every moment.

    Methods are "METHOD@FAMILY", those of the first family plain. Headlines, for every TIME since
    the change in seconds, 0 for arms that have not changed: "FAMILY/METHOD/TIME", the geometric
    mean over arms and seeds; "FAMILY/over_RIVAL/TIME", the learned loss's errors over a rival's,
    arm by arm; "over_RIVAL/TIME", the geometric mean over simulated families. RIVAL "best" is the
    best rival of each family and time, "best_timed" that among rivals tuned for this very time.
    """
    about = {
        "x": "seconds since the change of payload; 0: none has changed",
        "y": "held-out NMSE of torque without contacts",
    }
    result = Metrics("payload", resolved(config) | about | {"data": bool(config.data)})
    for place in places:
        suffix = "" if place is places[0] else f"@{place.name}"
        for method in place.errors:
            result.add(f"{method}{suffix}", place.moments, place.means(method))
        result.headline |= _of_place(place)
    simulated = [place for place in places if place.name != REAL]
    for moment in config.moments:
        for rival in [*_rivals(simulated[0]), BOUND, "best", "best_timed"]:
            keys = [f"{place.name}/over_{rival}/{moment:g}" for place in simulated]
            logs = [np.log(result.headline[key]) for key in keys]
            result.headline[f"over_{rival}/{moment:g}"] = float(np.exp(np.mean(logs)))
    return result


def _rivals(place: Place) -> list[str]:
    return [name for name in place.errors if name not in (*OURS, BOUND)]


def _of_place(place: Place) -> dict[str, float]:
    found: dict[str, float] = {}
    for at, moment in enumerate(place.moments):
        for method in place.errors:
            middle = float(np.exp(np.log(place.errors[method][:, at]).mean()))
            found[f"{place.name}/{method}/{moment:g}"] = middle
        logs = {name: place.log_ratio(moment, name) for name in (*_rivals(place), BOUND)}
        logs["best"] = place.best(moment)
        logs["best_timed"] = place.best(moment, timed=True)
        for rival, value in logs.items():
            found[f"{place.name}/over_{rival}/{moment:g}"] = float(np.exp(value))
    return found


def table(place: Place) -> str:
    """Return errors by time since the change: geometric mean over arms, lowest, highest seed."""
    rows = []
    for method in place.errors:
        means = place.means(method)
        cells = [
            number_in_range(float(np.exp(np.log(x).mean())), float(x.min()), float(x.max()))
            for x in means.T
        ]
        rows.append([method, *cells])
    return text_table([place.name, *(f"{x:g} s" for x in place.moments)], rows)
