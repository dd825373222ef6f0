# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Identification of an arm: from a recording and a model to all that a report shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.read_recording import read_recording as read_any_recording
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import DataError
from ml3_ros.identification.checks import Finding, check_recording
from ml3_ros.identification.confidence.base_fit import BaseFit, fit_base_parameters
from ml3_ros.identification.confidence.friction_intervals import friction_intervals
from ml3_ros.identification.fits import (
    ArmModel,
    Explained,
    Fit,
    classical,
    extended,
    linear_regressor,
    rigid_body,
)
from ml3_ros.identification.gate import motion_findings
from ml3_ros.identification.heldout import Log, heldout_nmse, log_error
from ml3_ros.identification.models.friction_fit import COEFFICIENTS
from ml3_ros.identification.models.scores import mean_over_joints
from ml3_ros.identification.network_runs import train_networks
from ml3_ros.identification.networks import NetworkConfig
from ml3_ros.identification.physical.config import PhysicalConfig
from ml3_ros.identification.physical.fit import physical_fit
from ml3_ros.identification.physical.identified import IdentifiedArm
from ml3_ros.identification.physical.identified_file import described
from ml3_ros.identification.robust.contact_check import without_contacts
from ml3_ros.identification.robust.irls import RobustConfig
from ml3_ros.identification.split import INNER, Rows, SplitConfig
from ml3_ros.identification.twins import rows_without_repeats
from ml3_ros.identification.verdicts import Verdict, joint_verdicts
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.urdf import urdf_text

Array = NDArray[np.float64]
LEARNED = ("hybrid_ml3", "hybrid_adam")


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentifyConfig:
    """Settings of one identification of an arm."""

    bag: str
    urdf: str
    topic: str | None = None
    loss: str | None = None  # shipped loss or file; None: see `networks.find_loss`
    split: SplitConfig = field(default_factory=SplitConfig)
    robust: RobustConfig = field(default_factory=RobustConfig)
    physical: PhysicalConfig = field(default_factory=PhysicalConfig)
    networks: NetworkConfig = field(default_factory=NetworkConfig)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Identification:
    """Result of an identification: predictions, held-out errors, findings and verdicts.

    `predicted` holds the effort (S, R, n) of all rows by each method, S = 1 without seeds;
    `heldout` its NMSE (S, n) on held-out rows that nothing touched, `heldout_touched` on all of
    them, empty where nothing touched the arm; `coefficients` (n, 4) are those of the classical
    fit, `intervals` (n, 4, 2) their ends, `tau_rbd` (R, n) [N m] the model's torque, `base` the
    base parameters, `arm` the physical fit, `load` (R, n) [N m] its rigid-body torque and `urdf`
    the arm's description; all absent for a table without a model.
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
    choices: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)

    def mean(self, method: str) -> float:
        """Return the held-out NMSE of a method, mean over joints and seeds."""
        return float(mean_over_joints(self.heldout[method]).mean())

    def best(self) -> str:
        """Return the hybrid that verdicts and figures are about."""
        return _best(self.heldout)


def load_arm(urdf: str) -> PinocchioModel:
    """Return the model of an arm by name or file."""
    return PinocchioModel(load_robot(urdf, simulated=False))


def read_recording(config: IdentifyConfig, names: tuple[str, ...]) -> JointRecording:
    """Read the joints of the model from the bag, or from the columns that its file maps.

    Raises:
        DataError: It cannot be used; see `ml3_ros.data.read_recording`.
    """
    try:
        return read_any_recording(config.bag, config.topic, names)
    except DataError as error:
        if "has no joint " in str(error):
            raise DataError(f"{error}; give the URDF of the arm that was recorded") from error
        raise


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
    rows, repeats = rows_without_repeats(recording, config.split)
    data, contact = without_contacts(Explained.by(model, rows), config.robust)
    rows = data.rows
    base, of_motion = _base_parameters(recording, data, model)
    findings = [*check_recording(recording, rows.t, data.tau_rbd), *repeats, contact, *of_motion]
    _log_findings(log, findings, rows)
    fits = _fits(data, log)
    arm = _physical(config, data, model, fits, log)
    predicted = {name: fit.predicted[-1:] for name, fit in fits.items()}
    bases = {"network": None, "residual": fits["classical_fit"], "hybrid": fits["extended_fit"]}
    of_networks, choices, notes = train_networks(rows, bases, config.networks, config.loss, log)
    predicted |= of_networks
    choices |= {name: fit.choices for name, fit in fits.items() if fit.choices}
    heldout = {name: heldout_nmse(x, rows) for name, x in predicted.items()}
    best = _best(heldout)
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
                "the hybrid",
            )
        ),
        notes=notes,
        tau_rbd=data.tau_rbd,
        coefficients=fits["classical_fit"].coefficients,
        intervals=friction_intervals(rows, data.tau_rbd, data.counts_of(INNER)),
        base=base,
        arm=arm,
        load=arm.rigid_torque(data.regressor),
        urdf=urdf_text(model.description),
        choices=choices,
        config=asdict(config) | {"coefficients": list(COEFFICIENTS)},
    )


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


def _fits(data: Explained, log: Log) -> dict[str, Fit]:
    """Return the fits whose joints have parameters of their own."""
    fits = {}
    for name, fit in {
        "rigid_body": rigid_body,
        "classical_fit": classical,
        "regressor_ridge": linear_regressor,
        "extended_fit": extended,
    }.items():
        fits[name] = fit(data)
        log_error(log, name, fits[name].predicted[-1:], data.rows)
    return fits


def _physical(
    config: IdentifyConfig, data: Explained, model: ArmModel, fits: dict[str, Fit], log: Log
) -> IdentifiedArm:
    """Add the physical fits, with simple friction and with memory; return the latter's arm."""
    nominal = model.inertial_parameters()
    for name, memory in (("physical_simple", False), ("physical", True)):
        settings = replace(config.physical, memory=memory and config.physical.memory)
        physical = physical_fit(data, nominal, config=settings)
        fits[name] = physical.fit
        log_error(log, name, physical.fit.predicted[-1:], data.rows)
    return described(physical.arm, model.description)


def _best(methods: Collection[str]) -> str:
    """Return the first learned method that was run: fixed beforehand, not picked by results."""
    return next(name for name in LEARNED if name in methods)


def _log_findings(log: Log, findings: Sequence[Finding], rows: Rows) -> None:
    for finding in findings:
        log(f"{'ok     ' if finding.fine else 'NOTICE '}{finding.topic}: {finding.text}")
    out = int(rows.held_out.sum())
    log(f"learning from {len(rows.t) - out} samples, {out} held out")
