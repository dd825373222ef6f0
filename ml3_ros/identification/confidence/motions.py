# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Candidate motions of single joints: what each of them would tell of an arm's parameters.

Each moves one joint about the pose of a recording, fast to and fro or slowly over its range, with
the others as they were or one of them bent. Their regressors, not phrases, decide which of them
would show a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.confidence.base_parameters import BaseParameters
from ml3_ros.identification.confidence.parameters import LimitedModel
from ml3_ros.robots.base import JointLimits

Array = NDArray[np.float64]
SECONDS = 10.0  # of one candidate [s]
RATE = 10.0  # at which its regressor is evaluated [Hz]
FAST, SLOW = 0.8, 0.1  # frequencies [Hz]
SHARE = 0.8  # of the limits that a candidate uses
UNLIMITED_SPEED, MOST_ACCELERATION = 2.0, 10.0  # [rad/s], [rad/s^2]
WAY = 1.2  # of a slow sweep about the pose [rad]
BENDS = (-np.pi / 2.0, np.pi / 2.0)  # of another joint, from where it was [rad]


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One joint that moves about a pose, and which other joint is bent to how much [rad]."""

    joint: int
    kind: Literal["fast", "slow"]
    bent: int | None = None
    angle: float = 0.0

    def others_as_they_were(self) -> Candidate:
        """Return the same motion without the bend."""
        return Candidate(joint=self.joint, kind=self.kind)


def candidate_motions(limits: JointLimits, pose: Array) -> Iterator[Candidate]:
    """Yield every candidate about `pose` [rad] (n,) that the position limits allow."""
    for joint in range(len(pose)):
        for kind in ("fast", "slow"):
            yield Candidate(joint=joint, kind=kind)
            for other in range(len(pose)):
                if other == joint:
                    continue
                for bend in BENDS:
                    angle = float(pose[other] + bend)
                    if limits.lower[other] <= angle <= limits.upper[other]:
                        yield Candidate(joint=joint, kind=kind, bent=other, angle=angle)


def candidate_path(
    candidate: Candidate, model: LimitedModel, pose: Array
) -> tuple[Array, Array, Array]:
    """Return q, v, a (T, n) of a candidate within the limits of position, speed and torque.

    Where the torque would be too large, the motion is made smaller; where the pose alone takes
    too much, nothing moves.
    """
    limits, j = model.limits, candidate.joint
    centre = np.array(pose)
    if candidate.bent is not None:
        centre[candidate.bent] = candidate.angle
    omega = 2.0 * np.pi * (FAST if candidate.kind == "fast" else SLOW)
    speed = min(SHARE * limits.velocity[j], UNLIMITED_SPEED)
    acceleration = min(SHARE * limits.acceleration[j], MOST_ACCELERATION)
    amplitude = min(WAY, speed / omega, acceleration / omega**2)
    room = 0.5 * min(float(limits.upper[j] - limits.lower[j]), 2.0 * np.pi)
    amplitude = min(amplitude, SHARE * room)
    centre[j] = np.clip(centre[j], limits.lower[j] + amplitude, limits.upper[j] - amplitude)
    angle = omega * np.arange(0.0, SECONDS, 1.0 / RATE)
    still = np.zeros((len(angle), len(centre)))
    for scale in (1.0, 0.7, 0.5, 0.3, 0.0):
        q, v, a = np.tile(centre, (len(angle), 1)), still.copy(), still.copy()
        size = scale * amplitude
        q[:, j] += size * np.sin(angle)
        v[:, j] = size * omega * np.cos(angle)
        a[:, j] = -size * omega**2 * np.sin(angle)
        if (np.abs(model.rnea(q, v, a)) <= limits.effort).all():
            break
    return q, v, a


def candidate_information(
    candidates: list[Candidate],
    model: LimitedModel,
    pose: Array,
    base: BaseParameters,
    sizes: Array,
    noise: Array,
    rate: float,
) -> Array:
    """Return the information (C, b, b) on scaled base parameters of each candidate.

    Args:
        candidates: Of one arm.
        model: Of the arm.
        pose: About which they move [rad] (n,).
        base: Base parameters of the arm.
        sizes: Unit of each (b,).
        noise: Standard deviation of one sample of each joint [N m] (n,).
        rate: Of the samples [Hz].
    """
    found = np.empty((len(candidates), len(sizes), len(sizes)))
    for target, candidate in zip(found, candidates, strict=True):
        columns = base.regressor(model, *candidate_path(candidate, model, pose))
        rows = (columns * sizes / noise[:, None]).reshape(-1, len(sizes))
        target[:] = rows.T @ rows * (rate / RATE)
    return found
