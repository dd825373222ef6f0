# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Gate before an identification: every check of a recording, and nothing fitted that is kept.

What `ml3 check` prints. A recording too short to be cut into blocks is checked as far as that
goes.
"""

from __future__ import annotations

from typing import Protocol

from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import DataError
from ml3_ros.identification.checks import (
    Finding,
    check_gaps,
    check_messages,
    check_rate,
    check_recording,
    check_smoothing,
    check_velocity,
    finding,
)
from ml3_ros.identification.clipping import check_clipping
from ml3_ros.identification.confidence.base_fit import BaseFit, fit_base_parameters
from ml3_ros.identification.confidence.findings import check_groups, check_rank
from ml3_ros.identification.confidence.parameters import LimitedModel
from ml3_ros.identification.diagnosis.findings import diagnose
from ml3_ros.identification.fits import ArmModel
from ml3_ros.identification.prepared import prepared
from ml3_ros.identification.robust.irls import RobustConfig
from ml3_ros.identification.split import INNER, Rows, SplitConfig


class CheckedModel(ArmModel, LimitedModel, Protocol):
    """A rigid-body model with a regressor that knows the limits of its joints."""


def check_all(
    recording: JointRecording, model: CheckedModel, split: SplitConfig | None = None
) -> list[Finding]:
    """Return the finding of every check of a recording.

    Args:
        recording: Joint states, in the order of the model's joints.
        model: Of the arm, with its limits.
        split: How it is cut into blocks; as for `ml3 identify` if left out.
    """
    try:
        data, of_rows = prepared(recording, model, split or SplitConfig(), RobustConfig())
    except DataError as error:
        return [
            finding("length", f"{recording.t[-1]:.1f} s", [str(error)]),
            check_messages(recording),
            check_rate(recording),
            check_gaps(recording),
            check_velocity(recording),
            check_smoothing(recording),
            check_clipping(recording),
        ]
    rows = data.rows
    findings = [
        *check_recording(recording, rows.t, data.tau_rbd, model.limits.units),
        *diagnose(recording, data, model),
        *of_rows,
    ]
    fit = fit_base_parameters(model, rows, data.tau_rbd, weights=data.counts_of(INNER))
    return findings + motion_findings(recording, rows, fit, model)


def motion_findings(
    recording: JointRecording, rows: Rows, fit: BaseFit, model: LimitedModel
) -> list[Finding]:
    """Return what `check_recording` leaves out: clipping, rank and condition, parameter groups.

    Args:
        recording: As it was read.
        rows: Of it, to which the base parameters were fitted.
        fit: Of the base parameters.
        model: Of the arm.
    """
    return [
        check_clipping(recording, model.limits.effort * fit.unit),
        check_rank(fit),
        check_groups(fit, rows, model),
    ]
