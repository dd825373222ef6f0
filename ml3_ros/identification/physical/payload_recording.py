# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Payload from a recording: reads the joints of an identified arm, filters, estimates twice."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.filters import uneven_acceleration
from ml3_ros.data.presliding import hysteresis
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import ConfigError, DataError
from ml3_ros.identification.models.scores import mean_over_joints, nmse
from ml3_ros.identification.physical.identified import IdentifiedArm
from ml3_ros.identification.physical.identified_file import model_of
from ml3_ros.identification.physical.payload import Payload, PayloadConfig, PayloadEstimator
from ml3_ros.identification.split import DISPLACEMENTS, SplitConfig, gap_free_parts

Array = NDArray[np.float64]
_FILTER = SplitConfig()
PASSES = 2  # the second knows how the payload loads the gears


@dataclass(frozen=True, kw_only=True, slots=True)
class PayloadRunConfig:
    """Settings of one payload estimate from a recording."""

    bag: str
    topic: str | None = None
    seconds: float = np.inf  # of the recording that are used, from its start [s]
    payload: PayloadConfig = field(default_factory=PayloadConfig)

    def __post_init__(self) -> None:
        if not self.seconds > 0.0:
            raise ConfigError(f"seconds must be > 0, got {self.seconds}")


def payload_of(
    recording: JointRecording,
    arm: IdentifiedArm,
    config: PayloadConfig | None = None,
    seconds: float = np.inf,
) -> Payload:
    """Return the payload in a recording of the joints of an identified arm, in their order."""
    parts = [part[recording.t[part] <= seconds] for part in gap_free_parts(recording)]
    filtered = [_filtered(recording, part) for part in parts]
    pieces = [piece for piece in filtered if piece is not None]
    if not pieces:
        raise DataError(
            "no part of the recording is long enough for its filter: record some seconds"
        )
    payload: Payload | None = None
    for _ in range(PASSES):
        estimator = PayloadEstimator(arm, config, expected=payload)
        for q, v, a, tau, strain in pieces:
            estimator.update(q, v, a, tau, strain)
        payload = estimator.estimate()
    assert payload is not None
    return payload


def error_after(recording: JointRecording, arm: IdentifiedArm, seconds: float) -> float | None:
    """Return the NMSE [-] of an arm's effort after `seconds`, mean over joints.

    On what an estimate from the seconds before did not see; None where too little follows.
    """
    parts = [part[recording.t[part] > seconds] for part in gap_free_parts(recording)]
    pieces = [piece for piece in (_filtered(recording, p) for p in parts) if piece is not None]
    if not pieces:
        return None
    q, v, a, tau, strain = (np.concatenate(x) for x in zip(*pieces, strict=True))
    regressor = model_of(arm).regressor(q, v, a)[..., : arm.links.size]
    return float(mean_over_joints(nmse(arm.effort(regressor, v, a, strain), tau)))


def _filtered(
    recording: JointRecording, part: NDArray[np.intp]
) -> tuple[Array, Array, Array, Array, Array] | None:
    """Return q, v, a, tau and presliding states of one part without a gap, None if too short."""
    window = _FILTER.window_samples(recording.dt)
    half = window // 2
    if len(part) < 2 * window:
        return None
    a, use = uneven_acceleration(
        recording.t[part], recording.v[part], recording.dt, window, _FILTER.order
    )
    use[:half] = use[len(use) - half :] = False
    strain = hysteresis(recording.q[part], DISPLACEMENTS)
    rows = part[use]
    return recording.q[rows], recording.v[rows], a[use], recording.tau[rows], strain[use]
