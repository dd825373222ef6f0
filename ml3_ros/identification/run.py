# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Identification of an arm: from a recording and a model to all that a report shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import ConfigError
from ml3_ros.identification.all_fits import joint_fits, physical_fits
from ml3_ros.identification.checks import Finding, check_recording
from ml3_ros.identification.confidence.base_fit import BaseFit, fit_base_parameters
from ml3_ros.identification.confidence.friction_intervals import friction_intervals
from ml3_ros.identification.diagnosis.effort import check_effort, effort_gains
from ml3_ros.identification.diagnosis.findings import diagnose
from ml3_ros.identification.fits import ArmModel, Explained, Fit
from ml3_ros.identification.gate import motion_findings
from ml3_ros.identification.heldout import Log, heldout_nmse
from ml3_ros.identification.models.friction_fit import COEFFICIENTS, dissipative_fit
from ml3_ros.identification.models.scores import mean_over_joints
from ml3_ros.identification.networks.config import NetworkConfig
from ml3_ros.identification.physical.config import PhysicalConfig
from ml3_ros.identification.physical.identified import IdentifiedArm
from ml3_ros.identification.physical.identified_file import described
from ml3_ros.identification.prepared import prepared
from ml3_ros.identification.recorded.sources import RecordedConfig
from ml3_ros.identification.robust.irls import RobustConfig
from ml3_ros.identification.split import INNER, Rows, SplitConfig
from ml3_ros.identification.verdicts import Verdict, joint_verdicts
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.urdf import urdf_text

Array = NDArray[np.float64]
SHOWN = {  # the first of them that was run is the model that verdicts and figures are about
    "hybrid_ml3": "the hybrid",
    "hybrid_adam": "the hybrid",
    "extended_fit": "the extended fit",
    "ridge_features": "ridge regression",
}
ON_A_FIT = ("residual_", "hybrid_")  # beginnings of methods in which a network sits on a fit
NO_NETWORKS = "no networks were trained: `--networks` adds them."


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentifyConfig(RecordedConfig):
    """Settings of one identification of an arm."""

    loss: str | None = None  # of networks, shipped or a file; None: see `networks.train.find_loss`
    split: SplitConfig = field(default_factory=SplitConfig)
    robust: RobustConfig = field(default_factory=RobustConfig)
    physical: PhysicalConfig = field(default_factory=PhysicalConfig)
    networks: NetworkConfig | None = None  # None: train none

    def __post_init__(self) -> None:
        RecordedConfig.__post_init__(self)  # slots leave `super` no class to look at
        check_loss(self.loss, self.networks)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Identification:
    """Result of an identification: predictions, held-out errors, findings and verdicts.

    `predicted` holds the effort (S, R, n) of all rows by each method, S = 1 without seeds;
    `heldout` its NMSE (S, n) on held-out rows that nothing touched, `heldout_touched` on all of
    them, empty where nothing touched the arm; `coefficients` (n, 4) are those of the classical
    fit, `intervals` (n, 4, 2) their ends, `tau_rbd` (R, n) [N m] the model's torque, `base` the
    base parameters, `arm` the physical fit, `load` (R, n) [N m] its rigid-body torque and `urdf`
    the arm's description, `units` those of positions, "rad" or "m"; all absent for a table without
    a model.
    """

    name: str
    rows: Rows
    predicted: Mapping[str, Array]
    heldout: Mapping[str, Array]
    heldout_touched: Mapping[str, Array] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    tau_rbd: Array | None = None
    coefficients: Array | None = None
    intervals: Array | None = None
    base: BaseFit | None = None
    arm: IdentifiedArm | None = None
    load: Array | None = None
    urdf: str = ""
    units: tuple[str, ...] = ()
    choices: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)

    def mean(self, method: str) -> float:
        """Return the held-out NMSE of a method, mean over joints and seeds."""
        return float(mean_over_joints(self.heldout[method]).mean())

    @property
    def without_network(self) -> tuple[str, ...]:
        """Methods on a fit in which nothing of a network was kept: they are that fit."""
        return tuple(
            name
            for name, choice in self.choices.items()
            if name.startswith(ON_A_FIT) and not np.any(choice["share"])
        )

    def best(self) -> str:
        """Return the method that verdicts and figures are about."""
        return shown(self.heldout)


def check_loss(loss: str | None, networks: NetworkConfig | None) -> None:
    """Reject a loss that would train nothing.

    Raises:
        ConfigError: A loss is given without networks.
    """
    if loss is not None and networks is None:
        raise ConfigError(f"loss={loss} is for networks: ask for them with --networks")


def identify(
    config: IdentifyConfig, recording: JointRecording, model: ArmModel, log: Log = print
) -> Identification:
    """Check a recording, fit and train every model on its learnable blocks, test on the others.

    Args:
        config: Settings.
        recording: Joint states, in the order of the model's joints.
        model: Of the arm.
        log: Takes a line of text about what is under way.
    """
    data, of_rows = prepared(recording, model, config.split, config.robust)
    rows = data.rows
    base, of_motion = _base_parameters(recording, data, model)
    findings = _findings(recording, data, model, of_rows, of_motion)
    _log_findings(log, findings, rows)
    fits = joint_fits(data, log)
    of_links, arm = physical_fits(data, model, config.physical, log)
    fits |= of_links
    arm = described(arm, model.description)
    predicted = {name: fit.predicted[-1:] for name, fit in fits.items()}
    choices: dict[str, Any] = {name: fit.choices for name, fit in fits.items() if fit.choices}
    bases = {"network": None, "residual": fits["classical_fit"], "hybrid": fits["extended_fit"]}
    of_networks, chosen, notes = networks(rows, bases, config.networks, config.loss, log)
    predicted |= of_networks
    choices |= chosen
    friction, intervals, told = _friction(data, fits["classical_fit"])
    heldout = {name: heldout_nmse(x, rows) for name, x in predicted.items()}
    best = shown(heldout)
    touched = rows.touched is not None
    return Identification(
        name=Path(config.urdf).stem,
        rows=rows,
        predicted=predicted,
        heldout=heldout,
        heldout_touched={
            name: heldout_nmse(x, rows, rows.held_out) for name, x in predicted.items() if touched
        },
        findings=tuple(findings),
        verdicts=tuple(
            joint_verdicts(
                rows,
                data.tau_rbd,
                predicted["classical_fit"][0],
                predicted[best].mean(axis=0),
                SHOWN[best],
            )
        ),
        notes=(*model.description.notes, *told, *notes),
        tau_rbd=data.tau_rbd,
        coefficients=friction,
        intervals=intervals,
        base=base,
        arm=arm,
        load=arm.rigid_torque(data.regressor),
        urdf=urdf_text(model.description),
        units=model.description.limits.units,
        choices=choices,
        config=asdict(config) | {"coefficients": list(COEFFICIENTS)},
    )


def _friction(data: Explained, fit: Fit) -> tuple[Array, Array, tuple[str, ...]]:
    """Return friction that takes energy, its intervals, and a sentence for each that gave some."""
    rows, counts = data.rows, data.counts_of(INNER)
    some = ~rows.held_out
    friction = dissipative_fit(
        fit.coefficients, data.tau_rbd[some], rows.v[some], rows.tau[some], counts[some]
    )
    intervals = friction_intervals(rows, data.tau_rbd, counts)
    intervals[:, 1:3] = np.maximum(intervals[:, 1:3], 0.0)
    told = tuple(
        f"{COEFFICIENTS[k]} friction of {rows.joint_names[j]} came out as "
        f"{fit.coefficients[j, k]:.3g}, which would give energy: 0 is written, and the others are "
        "fitted anew."
        for j, k in zip(*np.nonzero(fit.coefficients < 0.0), strict=True)
        if k in (1, 2)
    )
    return friction, intervals, told


def _findings(
    recording: JointRecording,
    data: Explained,
    model: ArmModel,
    of_rows: Sequence[Finding],
    of_motion: Sequence[Finding],
) -> list[Finding]:
    """Return all findings, among them what else than the model the recording fits."""
    rows = data.rows
    if isinstance(model, PinocchioModel):  # others need not know limits
        diagnosis = diagnose(recording, data, model)
    else:
        gains = effort_gains(rows.tau, rows.v, rows.a, data.tau_rbd)
        diagnosis = [check_effort(recording, gains)]
    units = model.description.limits.units
    found = check_recording(recording, rows.t, data.tau_rbd, units)
    return [*found, *diagnosis, *of_rows, *of_motion]


def _base_parameters(
    recording: JointRecording, data: Explained, model: ArmModel
) -> tuple[BaseFit | None, list[Finding]]:
    """Return base parameters fitted to the learnable rows, and findings about the motion."""
    if not isinstance(model, PinocchioModel):  # others need not know limits and inertia
        return None, []
    learned = ~data.rows.held_out
    rows = data.rows.subset(learned)
    base = fit_base_parameters(
        model, rows, data.tau_rbd[learned], weights=data.counts_of(INNER)[learned]
    )
    return base, motion_findings(recording, rows, base, model)


def networks(
    rows: Rows,
    bases: Mapping[str, Fit | None],
    config: NetworkConfig | None,
    loss: str | None,
    log: Log,
) -> tuple[dict[str, Array], dict[str, Any], tuple[str, ...]]:
    """Train networks if there are settings for them; see `networks.runs.train_networks`."""
    if config is None:
        return {}, {}, (NO_NETWORKS,)
    from ml3_ros.identification.networks.runs import train_networks  # loads torch: seconds

    return train_networks(rows, bases, config, loss, log)


def shown(methods: Collection[str]) -> str:
    """Return the method that verdicts and figures are about: fixed, not picked by results."""
    return next(name for name in SHOWN if name in methods)


def _log_findings(log: Log, findings: Sequence[Finding], rows: Rows) -> None:
    for finding in findings:
        log(f"{'ok     ' if finding.fine else 'NOTICE '}{finding.topic}: {finding.text}")
    out = int(rows.held_out.sum())
    log(f"learning from {len(rows.t) - out} samples, {out} held out")
