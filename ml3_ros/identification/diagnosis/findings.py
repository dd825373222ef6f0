# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Findings of the diagnosis: effort, positions, how else the model would fit, and the cure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.recording import JointRecording
from ml3_ros.identification.checks import Finding, finding
from ml3_ros.identification.diagnosis.effort import check_effort, effort_gains
from ml3_ros.identification.diagnosis.hypotheses import (
    SAMPLES,
    DynamicsModel,
    Hypothesis,
    Sample,
    find_causes,
    misfit,
    model_torque,
)
from ml3_ros.identification.diagnosis.positions import check_positions
from ml3_ros.identification.fits import Explained
from ml3_ros.identification.recorded.signals import option
from ml3_ros.identification.split import INNER
from ml3_ros.robots.base import JointLimits

Array = NDArray[np.float64]


class DiagnosedModel(DynamicsModel, Protocol):
    """A rigid-body model that knows the limits of its joints."""

    limits: JointLimits


def diagnose(recording: JointRecording, data: Explained, model: DiagnosedModel) -> list[Finding]:
    """Return findings on efforts, positions, and what else than the model the recording fits.

    Args:
        recording: As it was read.
        data: Its rows, with the model's part in them.
        model: Of the arm.
    """
    limits, sample = model.limits, sample_of(data)
    causes = find_causes(sample, model)
    if causes:
        sample, torque = causes[-1].sample, causes[-1].torque
    else:
        torque = model_torque(sample, model)
    gains = effort_gains(sample.tau, sample.v, sample.a, torque)
    return [
        check_effort(recording, gains, limits),
        check_positions(recording, limits),
        _fit_finding(causes, misfit(sample, torque), model.names, limits.units),
    ]


def sample_of(data: Explained) -> Sample:
    """Return some of the rows that may be learned from, as hypotheses are tried on."""
    learned = np.flatnonzero(~data.rows.held_out)
    some = learned[:: max(1, len(learned) // SAMPLES)]
    rows = data.rows
    weight = np.maximum(data.counts_of(INNER)[some].min(axis=1), 1e-6)
    return Sample(
        q=rows.q[some], v=rows.v[some], a=rows.a[some], tau=rows.tau[some], weight=weight
    )


def _fit_finding(
    causes: Sequence[Hypothesis], left: Array, names: Sequence[str], units: Sequence[str]
) -> Finding:
    """Return whether the recording fits the model, or would under other hypotheses."""
    words = [sentence_of(cause, names, units) for cause in causes]
    if words:
        cure = " ".join(_options(causes, names))
        after = f"{100.0 * float(causes[-1].left.max()):.2g} %"
        words[-1] += f"; {cure} leaves {after}" if cure else f"; with that {after} is left"
    measured = (
        f"the model and friction leave {100.0 * left.max():.1f} % of a joint's effort or less"
    )
    return finding("fit", measured, words)


def sentence_of(cause: Hypothesis, names: Sequence[str], units: Sequence[str]) -> str:
    """Return in words what a hypothesis says."""
    joints = [names[j] for j in cause.joints]
    if cause.kind == "gravity":
        return "efforts follow the model without its gravity: the robot takes gravity off itself"
    if cause.kind == "swapped":
        return f"the efforts of {joints[0]} and {names[int(cause.size)]} are swapped"
    if cause.kind == "load":
        return (
            f"the effort of {', '.join(joints)} has the other sign: the driver publishes the load "
            "on the motor"
        )
    if cause.kind == "payload":
        more = cause.size > 0.0
        likely = (
            "a payload or hand is mounted that the URDF lacks: give the URDF with it"
            if more
            else "a hand or payload of the URDF is not mounted: give the URDF without it"
        )
        return (
            f"efforts show {abs(cause.size):.2g} kg {'more' if more else 'less'} behind "
            f"{joints[0]} than the model has, {cause.reach:.2g} m from that joint; {likely}"
        )
    count = "counts" if len(joints) == 1 else "count"
    turned = f"{', '.join(joints)} {count} the other way round than the model"
    unit = units[cause.joints[0]]
    verb = "moved" if unit == "m" else "turned"
    moved = f"the zero of {joints[0]} is {verb} by {cause.size:.2f} {unit}"
    words = {"reversed": turned, "shift": moved, "reversed and shifted": f"{turned}, and {moved}"}
    return words[cause.kind]


def _options(causes: Sequence[Hypothesis], names: Sequence[str]) -> list[str]:
    """Return the options that put all of the causes right, as a user gives them."""
    sign, offset, order = np.ones(len(names)), np.zeros(len(names)), list(names)
    load, gravity = np.ones(len(names)), False
    for cause in causes:
        at = list(cause.joints)
        if cause.kind == "swapped":
            at = [*at, int(cause.size)]
            order[at[0]], order[at[1]] = order[at[1]], order[at[0]]
        if cause.kind == "load":
            load[at] *= -1.0
        if "reversed" in cause.kind:
            sign[at] *= -1.0
            offset[at] *= -1.0
        if "shift" in cause.kind:
            offset[at] += cause.size
        gravity |= cause.kind == "gravity"
    options = [option("joint_sign", sign.tolist())] if (sign < 0.0).any() else []
    options += [option("joint_offset", offset.tolist())] if offset.any() else []
    options += [option("effort_order", order)] if order != list(names) else []
    options += [option("effort_sign", load.tolist())] if (load < 0.0).any() else []
    return options + (["gravity=robot"] if gravity else [])
