# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Report of a run in which an arm was touched and loaded: errors of its own torque, and touches.

Its own torque is what its motors would need without the hands on it. It is known of a simulated
arm alone; of a real one the measured torque stands in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.bags.touches import ExternalTorques, read_touches
from ml3_ros.identification.models.scores import mean_over_joints, nmse, running_nmse
from ml3_ros.reports.online.report import RunReport
from ml3_ros.reports.styles import method_style
from ml3_ros.reports.tables import number, text_table

Array = NDArray[np.float64]
NANO = 10**9
WINDOW = 2.0  # of running errors [s]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TouchReport:
    """What the table and the figure of a touched run show; times [s] are those of the report.

    `told_t` (K,), `told`, `std` and `touched` (K, n): external torque [N m] as contact_observer
    told it; `truth` (K, n) that of the simulated hands, or None. `loads`: when the payload
    changed, and to what [kg]. `running` (T,): by method the NMSE of the arm's own torque in the
    last seconds, at the times of the run's report; `errors`: the same by method and period.
    """

    run: RunReport
    told_t: Array
    told: Array
    std: Array
    touched: NDArray[np.bool_]
    truth: Array | None
    loads: tuple[tuple[float, float], ...]
    running: dict[str, Array]
    errors: dict[str, dict[str, float]]

    @property
    def physical_loss(self) -> str:
        """What physical models of the run learned under."""
        return str(self.run.config.get("physical_loss", "learned")).replace("_", " ")

    @property
    def error_of_told(self) -> float | None:
        """RMS error of the told external torque, mean over joints [N m]; None without truth."""
        if self.truth is None:
            return None
        known = self.told_t > WINDOW
        return float(np.sqrt(np.square((self.told - self.truth)[known]).mean(0)).mean())


def build_touch_report(folder: Path, run: RunReport) -> TouchReport | None:
    """Read the newest bag of a run; None where it recorded no external torque of that time.

    Raises:
        DataError: The bag is damaged, or ml3_msgs is not installed.
    """
    bags = sorted(folder.glob("bag*/"), key=lambda bag: bag.stat().st_mtime)
    start = run.config.get("start_stamp")
    if not bags or not isinstance(start, int):
        return None
    touches = read_touches(bags[-1], run.joint_names)
    first = start + round(run.start * NANO)
    stamps = first + np.round(run.t * NANO).astype(np.int64)
    if touches is None or touches.told.stamps[-1] < stamps[0]:
        return None
    told = touches.told
    own = run.tau + touches.truth.at(stamps) if touches.truth is not None else run.tau
    loads = tuple(
        ((stamp - first) / NANO, mass) for stamp, mass in touches.payloads if stamp > stamps[0]
    )
    running = {
        name: mean_over_joints(running_nmse(run.t, method.predicted, own, seconds=WINDOW))
        for name, method in run.methods.items()
    }
    return TouchReport(
        run=run,
        told_t=(told.stamps - first) / NANO,
        told=told.torque,
        std=told.std,
        touched=told.touched,
        truth=_on(touches.truth, told),
        loads=loads,
        running=running,
        errors=_by_period(run, own, loads),
    )


def touch_metrics(report: TouchReport) -> dict[str, float]:
    """Return headlines of metrics.json: METHOD/own/PERIOD [-] and told_rms_error [N m]."""
    found = {
        f"{name}/own/{period}": error
        for name, errors in report.errors.items()
        for period, error in errors.items()
    }
    error = report.error_of_told
    return found | ({} if error is None else {"told_rms_error": error})


def touch_table(report: TouchReport) -> str:
    """Return the errors of the arm's own torque by period, for the terminal."""
    periods = list(next(iter(report.errors.values())))
    rows = [
        [method_style(name).label, *(number(errors[period]) for period in periods)]
        for name, errors in report.errors.items()
    ]
    what = "the arm's own torque, without the hands" if report.truth is not None else "the torque"
    lines = [f"NMSE of {what}, mean over joints", text_table(["", *periods], rows)]
    error = report.error_of_told
    if error is not None:
        lines.append(f"external torque as told: RMS error {number(error)} N m, mean over joints")
    return "\n".join(lines)


def _on(truth: ExternalTorques | None, told: ExternalTorques) -> Array | None:
    return None if truth is None else truth.at(told.stamps)


def _by_period(
    run: RunReport, own: Array, loads: tuple[tuple[float, float], ...]
) -> dict[str, dict[str, float]]:
    """Return the NMSE by method and period; a period ends where a load or learning changes."""
    end = float(run.t[-1]) + 1.0
    edges = {"until it is loaded": 0.0}
    if loads:
        edges |= {"the next 10 s": loads[0][0], "then": loads[0][0] + 10.0}
    edges = {name: t for name, t in edges.items() if t < run.learn_seconds}
    if not loads:
        edges = {"while learning": 0.0}
    if end > run.learn_seconds + 2.0:
        edges["held out"] = run.learn_seconds
    starts = [*edges.values(), end]
    found: dict[str, dict[str, float]] = {name: {} for name in run.methods}
    variance = own.var(axis=0)
    for i, period in enumerate(edges):
        rows = (run.t >= starts[i]) & (run.t < starts[i + 1])
        for name, method in run.methods.items():
            errors = nmse(method.predicted[rows], own[rows], variance)
            found[name][period] = float(mean_over_joints(errors))
    return found
