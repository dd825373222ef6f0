# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Check of efforts: whether they are measured, and in which unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.recording import JointRecording
from ml3_ros.identification.checks import COARSE, Finding, finding
from ml3_ros.identification.models.friction_fit import (
    MODEL_SEEN,
    NEWTON_METRES,
    friction_features,
)
from ml3_ros.identification.recorded.signals import option
from ml3_ros.robots.base import JointLimits

Array = NDArray[np.float64]
SHARES = {"per mille": 1000.0, "percent": 100.0}  # of the largest effort that the model has
LIKE = 0.15  # gains may be so far from those of such a unit
APART = 0.1  # share of the torque that is neither friction nor rotor, from which they are apart


class Gains(NamedTuple):
    """Effort per N m of the model (n,), and which joints show it (n,)."""

    gain: Array
    seen: NDArray[np.bool_]


def check_effort(
    recording: JointRecording, gains: Gains, limits: JointLimits | None = None
) -> Finding:
    """Check whether efforts are measured, and in which unit.

    Args:
        recording: As it was read.
        gains: Of its efforts, see `effort_gains`.
        limits: Of the joints by the model: units, and efforts that may be given in shares of them.
    """
    names = recording.names
    words = _unmeasured(recording)
    shown = ", ".join(f"{n} {g:.2f}" for n, g, s in zip(names, *gains, strict=True) if s)
    unit = " or ".join(dict.fromkeys(limits.effort_units)) if limits is not None else "N m"
    measured = f"effort per {unit} of the model: {shown}" if shown else "unit is unknown"
    low, high = NEWTON_METRES
    foreign = gains.seen & ~((gains.gain >= low) & (gains.gain <= high))
    if foreign.any():
        words.append(_unit(names, gains, foreign, limits, unit))
    elif gains.seen.any():
        measured += f": {unit}, or scaled to it"
    else:
        measured += ": no joint's effort follows the rigid-body torque, friction hides it"
    return finding("effort", measured, words)


def effort_gains(effort: Array, v: Array, a: Array, tau_rbd: Array) -> Gains:
    """Return the gains of efforts (R, n), and which joints show them.

    Only joints whose effort follows the rigid-body torque do; elsewhere friction hides it. The
    rotor's share is told apart where the torque is more than an inertia.

    Args:
        effort: Recorded, in any unit.
        v: Velocities [rad/s] (R, n).
        a: Accelerations [rad/s^2] (R, n).
        tau_rbd: Rigid-body torque [N m] (R, n).
    """
    n = effort.shape[1]
    gain, seen = np.zeros(n), np.zeros(n, dtype=bool)
    for j in range(n):
        tau, measured = tau_rbd[:, j], effort[:, j]
        if not (tau.std() > 0.0 and measured.std() > 0.0):
            continue
        columns = friction_features(tau[:, None], v[:, j : j + 1])[:, 0]
        rotor = np.column_stack([columns, a[:, j]])
        others = rotor[:, 1:]
        alone = tau - others @ np.linalg.lstsq(others, tau, rcond=None)[0]
        columns = rotor if alone.var() > APART * tau.var() else columns
        gain[j] = np.linalg.lstsq(columns, measured, rcond=None)[0][0]
        seen[j] = np.corrcoef(tau, measured)[0, 1] >= MODEL_SEEN and gain[j] > 0.0
    return Gains(gain, seen)


def _unmeasured(recording: JointRecording) -> list[str]:
    words = []
    for j, name in enumerate(recording.names):
        values = len(np.unique(recording.tau[:, j]))
        if values == 1:
            words.append(f"{name}: effort never changes: the driver does not measure it")
        elif values < COARSE:
            words.append(f"{name}: effort takes {values} values only: it is quantised coarsely")
    return words


def _unit(
    names: Sequence[str],
    gains: Gains,
    foreign: NDArray[np.bool_],
    limits: JointLimits | None,
    unit: str,
) -> str:
    """Return the sentence on joints whose effort is not in N m or N, with the likely unit."""
    gain, seen = gains
    usual = float(np.exp(np.log(gain[seen]).mean()))
    scale = 1.0 / np.where(seen, gain, usual)
    likely = "motor current"
    limit = limits.effort if limits is not None else np.full(len(names), np.inf)
    if np.isfinite(limit[seen]).all():
        for word, whole in SHARES.items():
            if (np.abs(gain[seen] * limit[seen] / whole - 1.0) < LIKE).all():
                likely = f"{word} of the joint's largest torque"
                scale = np.where(np.isfinite(limit), limit / whole, scale)
    return (
        f"{_listed(names, foreign)}: not in {unit} ({likely}?), or the links' masses are not the "
        "URDF's: friction below is in the recorded unit; "
        f"{option('effort_scale', scale.tolist())} makes {unit} of it"
    )


def _listed(names: Sequence[str], some: NDArray[np.bool_]) -> str:
    return ", ".join(name for name, one in zip(names, some, strict=True) if one)
