# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics and figure of tracking with a learned feedforward."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.experiments.tracking.config import MEMORY, METHODS, TrackingConfig
from ml3_ros.experiments.tracking.figure import figure
from ml3_ros.reports.styles import in_order
from ml3_ros.reports.tables import number_in_range, text_table
from ml3_ros.robots.base import Array

NAME = "sawyer_tracking"
RIVALS = {
    "ratio": "adam_tuned",
    "over_sgd": "sgd_tuned",
    "over_adam_residual": "adam_tuned_residual",
    "over_rigid_body": "rigid_body",
}
"""Headlines that compare every method with one other."""

CURVE_STEP = 0.5  # of the error around the change of payload, in metrics.json [s]


@dataclass(frozen=True, slots=True)
class Found:
    """What one method did; the first axes are (seeds, robots).

    Attributes:
        error: RMS errors [rad], (S, R, marks, n).
        level: Running error around the change of payload [rad], (S, R, T).
        seconds: Until it was back [s], (S, R).
    """

    error: Array
    level: Array
    seconds: Array

    @property
    def runs(self) -> Array:
        """Errors of every run, mean over joints, (S R, marks)."""
        mean: Array = self.error.mean(-1)
        return mean.reshape(-1, mean.shape[-1])


def finish(
    config: TrackingConfig, seeds: dict[int, Arrays], shared: Arrays, out: Path, report: Report
) -> tuple[Path, ...]:
    """Write metrics.json and the figure; report tables."""
    found = collect(seeds)
    metrics(config, found, shared).save(out)
    report(tables(config, found))
    times, step = level_times(config), round(0.1 * config.gains.rate)
    errors = {name: each.error.reshape(-1, *each.error.shape[2:]) for name, each in found.items()}
    levels = {name: each.level.reshape(-1, len(times))[:, ::step] for name, each in found.items()}
    return figure(config.marks, errors, times[::step], levels, config.added_payload, out, NAME)


def collect(seeds: dict[int, Arrays]) -> dict[str, Found]:
    """Return what every method did, in the order of figures."""
    first = next(iter(seeds.values()))
    names = [key.removeprefix("error/") for key in first if key.startswith("error/")]

    def stacked(kind: str, name: str) -> Array:
        return np.stack([arrays[f"{kind}/{name}"] for arrays in seeds.values()])

    return {
        name: Found(stacked("error", name), stacked("level", name), stacked("recovery", name))
        for name in in_order(names)
    }


def level_times(config: TrackingConfig) -> Array:
    """Return the times of the running error [s], 0 when the payload changes."""
    rate = config.gains.rate
    first = 1 - round(config.period * rate)
    return np.arange(first, round(config.after_seconds * rate) + 1) / rate


def metrics(config: TrackingConfig, found: dict[str, Found], shared: Arrays) -> Metrics:
    """Return errors over seconds of adaptation, mean over joints and a seed's robots.

    "NAME@joints" has the joints' errors after the last mark over the joint's number;
    "NAME@payload" the running error over the seconds after the change of payload, "NAME@recovery"
    the seconds until it is back over the mass added.

    Headlines: "NAME/mrad_at_X", the median over runs; "NAME/ratio_at_X", the geometric mean of the
    error over that of tuned Adam, run by run, and further ones of RIVALS; "NAME/won_at_X", how
    often it was below tuned Adam; "NAME/recovery_s", the median (the higher of two), and
    "NAME/recovered", the share of runs that came back; "NAME/end_over_before", the error at the
    end over that before the change, geometric mean; "NAME/end_mrad", the error at the end;
    "NAME/diverged", the runs that did; "NAME/step_size".
    """
    about = {
        "x": "seconds of adaptation",
        "y": "RMS tracking error on a motion not learned from, mean over joints [rad]",
        "x@joints": f"number of the joint, after {config.marks[-1]:g} s",
        "x@payload": f"seconds after the payload grew; error over the last {config.period:g} s",
        "memory": MEMORY,
        "x@recovery": "mass added [kg]; y: seconds until the error is back",
    }
    result = Metrics(NAME, resolved(config) | about)
    for name, each in found.items():
        result.add(name, config.marks, each.error.mean((1, 3)))
    times = level_times(config)
    whole = np.isclose(times / CURVE_STEP, np.round(times / CURVE_STEP))
    for name, each in found.items():
        joints = range(1, each.error.shape[-1] + 1)
        result.add(f"{name}@joints", list(joints), each.error[:, :, -1].mean(1))
        result.add(f"{name}@recovery", [config.added_payload], each.seconds.mean(1)[:, None])
        result.add(f"{name}@payload", times[whole].tolist(), each.level[..., whole].mean(1))
        result.headline |= _headlines(config, name, found)
        if METHODS[name].grid:
            result.headline[f"{name}/step_size"] = float(shared[f"step_size/{name}"])
    return result


def _headlines(config: TrackingConfig, name: str, found: dict[str, Found]) -> dict[str, float]:
    own = found[name]
    headline = {f"{name}/diverged": float((~np.isfinite(own.runs)).any(-1).sum())}
    for i, mark in enumerate(config.marks):
        headline[f"{name}/mrad_at_{mark:g}"] = 1e3 * _middle(own.runs[:, i])
        for what, rival in RIVALS.items():
            if rival in found and rival != name and mark > 0.0:
                other = found[rival].runs[:, i]
                headline[f"{name}/{what}_at_{mark:g}"] = _ratio(own.runs[:, i], other)
                if what == "ratio":
                    headline[f"{name}/won_at_{mark:g}"] = float((own.runs[:, i] < other).mean())
    before = own.level[..., round(config.period * config.gains.rate) - 1]
    return headline | {
        f"{name}/recovery_s": _middle(own.seconds),
        f"{name}/recovered": float(np.isfinite(own.seconds).mean()),
        f"{name}/end_over_before": _ratio(own.level[..., -1], before),
        f"{name}/end_mrad": 1e3 * _middle(own.level[..., -1]),
    }


def _ratio(own: Array, other: Array) -> float:
    """Return the geometric mean of a quotient, run by run; NaN where both diverged."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.exp((np.log(own) - np.log(other)).mean()))


def _middle(values: Array) -> float:
    """Return the median; of two, the higher."""
    return float(np.quantile(values, 0.5, method="higher"))


def tables(config: TrackingConfig, found: dict[str, Found]) -> str:
    """Return tables of errors [mrad] and of recovery [s]: median over runs [lowest highest]."""

    def cell(values: Array) -> str:
        return number_in_range(_middle(values), values.min(), values.max())

    errors = [[name, *(cell(1e3 * row) for row in each.runs.T)] for name, each in found.items()]
    marks = [f"@{mark:g} s" for mark in config.marks]
    before = round(config.period * config.gains.rate) - 1
    changes = [
        [
            name,
            cell(1e3 * each.level[..., before]),
            cell(1e3 * each.level[..., before:].max(-1)),
            cell(1e3 * each.level[..., -1]),
            cell(each.seconds),
            f"{np.isfinite(each.seconds).sum()} of {each.seconds.size}",
        ]
        for name, each in found.items()
    ]
    header = ["before", "highest", "at the end", "seconds until back", "came back"]
    return "\n\n".join(
        [
            text_table(["RMS tracking error, mean over joints [mrad]", *marks], errors),
            text_table([f"payload grows by {config.added_payload:g} kg [mrad]", *header], changes),
        ]
    )
