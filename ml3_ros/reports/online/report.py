# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Report of an online run: its methods beside references that know the arm's model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.run_files import HeldOut, Predictions, RunFolder, Samples
from ml3_ros.errors import DataError, RobotError
from ml3_ros.identification.models.repeats import (
    TWIN,
    TWIN_OF_REPEATS,
    find_repeats,
    near_twins,
    standardised,
)
from ml3_ros.identification.models.scores import mean_over_joints, nmse, running_nmse
from ml3_ros.reports.online.references import (
    Reference,
    classical_fit_in_sample,
    least_squares_references,
    model_references,
)
from ml3_ros.reports.styles import in_order
from ml3_ros.reports.tables import shorten

Array = NDArray[np.float64]
EXPERIMENT = "invdyn_live"
REPEATED = 0.1  # share of the held-out samples from which a note reports that they repeat others
WINDOW = 8  # samples per update where config.json has none


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MethodResult:
    """What one method predicted, and how well.

    `predicted` (K, n) [N m] at the times of the report, `prequential` (n,) [-] the NMSE while
    learning, `running` (K,) [-] the same over the last seconds, mean over joints, and `heldout`
    (C, n) [-] the NMSE on held-out samples after each snapshot, or None.
    """

    predicted: Array
    prequential: Array
    running: Array
    heldout: Array | None
    reference: bool


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RunReport:
    """Everything that the tables and the figure show.

    `t` (K,) [s] counts from the first sample, which came `start` [s] after the stream began; `tau`
    (K, n) [N m] is measured; learning ended at `learn_seconds` [s]. `steps` and `seconds` [s] (C,)
    belong to the snapshots.
    """

    joint_names: tuple[str, ...]
    start: float
    t: Array
    tau: Array
    learn_seconds: float
    steps: Array
    seconds: Array
    methods: Mapping[str, MethodResult]
    in_sample: Mapping[str, Array]  # of the classical fit; see classical_fit_in_sample
    config: Mapping[str, Any]
    notes: tuple[str, ...] = field(default=())

    @property
    def short_names(self) -> tuple[str, ...]:
        """Joint names without what all of them share."""
        return shorten(self.joint_names)


def build_report(folder: str | Path, *, robot: str | None = None) -> RunReport:
    """Read a run's folder and compute the reference lines.

    Where the robot's model is not at hand the report goes without them, and a note says why.

    Args:
        folder: Output folder of the run.
        robot: Model to compare with, a name or a path; without it, `model` or else `robot` of
            config.json.

    Raises:
        DataError: A file of the folder is missing or damaged, or they do not belong together.
    """
    run = RunFolder(folder)
    config, samples, predictions = run.load_config(), run.load_samples(), run.load_predictions()
    config |= {"model": robot} if robot else {}
    heldout = _load_heldout(run, samples)
    rows = _rows_of(predictions, samples)
    learned = predictions.t <= samples.learn_until
    if not learned.any():
        raise DataError(f"{run.path} has no prediction made while learning: run it for longer")
    references, in_sample, notes = _references(samples, config, heldout.seconds)
    methods = {
        name: _result(predictions, learned, predicted, heldout.methods.get(name), reference=False)
        for name, predicted in predictions.methods.items()
    }
    for name, line in references.items():
        errors = line.heldout if len(heldout.steps) else None
        predicted = line.predicted[rows]
        methods[name] = _result(predictions, learned, predicted, errors, reference=True)
    start = samples.t[0]
    return RunReport(
        joint_names=samples.joint_names,
        start=float(start),
        t=predictions.t - start,
        tau=predictions.tau,
        learn_seconds=float(min(samples.learn_until, samples.t[-1]) - start),
        steps=heldout.steps,
        seconds=heldout.seconds,
        methods={name: methods[name] for name in in_order(list(methods))},
        in_sample=in_sample,
        config=config,
        notes=(*notes, *_stopped(config), *_repeats(samples)),
    )


def _result(
    predictions: Predictions,
    learned: NDArray[np.bool_],
    predicted: Array,
    heldout: Array | None,
    *,
    reference: bool,
) -> MethodResult:
    """Return how well a method predicted (K, n), where it learned at the marked times (K,)."""
    tau = predictions.tau
    running = np.full(len(tau), np.nan)
    running[learned] = mean_over_joints(
        running_nmse(predictions.t[learned], predicted[learned], tau[learned])
    )
    return MethodResult(
        predicted=predicted,
        prequential=nmse(predicted[learned], tau[learned], tau[learned].var(axis=0)),
        running=running,
        heldout=heldout,
        reference=reference,
    )


def _stopped(config: Mapping[str, Any]) -> list[str]:
    """Return a note for every method that an error stopped."""
    return [
        f"{name} learned no more after {end['n_steps']} updates ({end['reason']}): what is shown "
        "after that is its last model"
        for name, end in config.get("ended", {}).items()
    ]


def report_metrics(report: RunReport) -> dict[str, Any]:
    """Return the content of metrics.json; x counts gradient steps."""
    methods, headline = {}, {}
    for name, method in report.methods.items():
        entry: dict[str, Any] = {
            "prequential_nmse": dict(
                zip(report.joint_names, method.prequential.tolist(), strict=True)
            )
        }
        headline[f"{name}_prequential_nmse"] = float(mean_over_joints(method.prequential))
        if method.heldout is not None and len(method.heldout):
            entry |= {
                "x": report.steps.tolist(),
                "seconds": report.seconds.tolist(),
                "per_seed": [mean_over_joints(method.heldout).tolist()],
                "heldout_nmse": dict(
                    zip(report.joint_names, method.heldout[-1].tolist(), strict=True)
                ),
            }
            headline[f"{name}_heldout_nmse"] = float(mean_over_joints(method.heldout)[-1])
        methods[name] = entry
    if report.in_sample:
        headline["classical_fit_in_sample_nmse"] = float(
            mean_over_joints(report.in_sample["learned"])
        )
    return {
        "experiment": report.config.get("experiment", EXPERIMENT),
        "config": {**report.config, "x": "gradient steps"},
        "methods": methods,
        "headline": headline,
    }


def _references(
    samples: Samples, config: Mapping[str, Any], seconds: Array
) -> tuple[dict[str, Reference], dict[str, Array], tuple[str, ...]]:
    """Run the reference methods; without a model return a note that says why there are none."""
    robot = config.get("model") or config.get("robot")
    if not robot:
        return {}, {}, ("no reference lines: config.json names neither model nor robot",)
    try:
        from ml3_ros.robots.pinocchio_model import PinocchioModel
        from ml3_ros.robots.registry import load_robot

        model = PinocchioModel(load_robot(str(robot), recorded=samples.joint_names))
    except (RobotError, ImportError) as error:
        return {}, {}, (f"no reference lines: {error}",)
    if sorted(model.names) != sorted(samples.joint_names):
        why = f"{robot} has joints {', '.join(model.names)}, the run {samples.joint_names}"
        return {}, {}, (f"no reference lines: {why}",)
    to_model = [samples.joint_names.index(name) for name in model.names]
    to_samples = [model.names.index(name) for name in samples.joint_names]
    ordered = Samples(
        joint_names=model.names,
        t=samples.t,
        learn_until=samples.learn_until,
        **{name: getattr(samples, name)[:, to_model] for name in ("q", "v", "a", "tau")},
    )
    window = int(config.get("window", WINDOW))
    effort = model.limits.effort
    scale = np.where(np.isfinite(effort), effort, 1.0)
    lines = least_squares_references(
        ordered, model, window=window, seconds=seconds, scale=scale
    ) | model_references(ordered, model, window=window, seconds=seconds)
    fit = classical_fit_in_sample(ordered, model)
    return (
        {
            name: Reference(
                predicted=line.predicted[:, to_samples], heldout=line.heldout[:, to_samples]
            )
            for name, line in lines.items()
        },
        {part: values[to_samples] for part, values in fit.items()},
        (),
    )


def _repeats(samples: Samples) -> list[str]:
    """Return a note where held-out motion was learned from: errors there compare no models."""
    out = samples.t > samples.learn_until
    if not out.any():
        return []
    repeats = find_repeats(samples.joint_names, samples.t, samples.q, samples.v)
    motion = standardised(samples.q, samples.v, samples.a)
    apart = TWIN_OF_REPEATS if repeats.periods else TWIN
    share = float(near_twins(motion[out], motion[~out], apart).mean())
    if share < REPEATED:
        return []
    return [
        f"{100.0 * share:.0f} % of the held-out samples repeat what was learned from ({repeats}): "
        "held-out errors say nothing of other motion; hold out motion that was not learned from"
    ]


def _load_heldout(run: RunFolder, samples: Samples) -> HeldOut:
    none = HeldOut(steps=np.zeros(0), seconds=np.zeros(0), methods={})
    if not (run.path / "heldout.npz").exists():
        return none  # the run ended before its held-out part
    heldout = run.load_heldout()
    for name, values in heldout.methods.items():
        if values.shape[1] != len(samples.joint_names):
            raise DataError(
                f"{run.path}: held-out errors of {name} are of {values.shape[1]} joints, the "
                f"samples of {len(samples.joint_names)}: the files are of different runs"
            )
    return heldout


def _rows_of(predictions: Predictions, samples: Samples) -> NDArray[np.intp]:
    """Return which sample each prediction belongs to."""
    rows = np.clip(np.searchsorted(samples.t, predictions.t - 1e-6), 0, len(samples.t) - 1)
    same = predictions.tau.shape[1:] == (len(samples.joint_names),)
    if not same or np.abs(samples.t[rows] - predictions.t).max(initial=0.0) > 1e-6:
        raise DataError(
            "predictions.npz and samples.npz are of different runs: their times or joints differ; "
            "run again into a fresh folder"
        )
    return rows
