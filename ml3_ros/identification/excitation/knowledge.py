# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is known of an arm before a motion: nothing but its file, or what recordings have told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.recording import JointRecording
from ml3_ros.identification.confidence.base_fit import VAGUE, fit_base_parameters
from ml3_ros.identification.confidence.base_parameters import BaseParameters, base_parameters
from ml3_ros.identification.confidence.parameters import (
    LimitedModel,
    parameter_sizes,
    usual_noise,
)
from ml3_ros.identification.split import SplitConfig, block_rows

Array = NDArray[np.float64]
FRICTION, SPEED = 4.0, 1.0  # times that noise is friction, at so many rad/s
RATE = 100.0  # of samples, where no recording tells it [Hz]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Knowledge:
    """What is known before a motion: base parameters, noise, earlier information.

    `sizes` (b,) are the units of the base parameters; `noise` (n,) [N m] is that of a sample of
    each joint and `rate` [Hz] how many samples there are; `information` (b, b) of scaled
    parameters comes from a prior and from earlier recordings.
    """

    base: BaseParameters
    sizes: Array
    noise: Array
    rate: float
    information: Array


def known_before(
    model: LimitedModel, start: Array, recordings: Sequence[JointRecording] = ()
) -> Knowledge:
    """Return what is known of an arm before its next motion.

    Args:
        model: Of the arm.
        start: Pose from which it will move [rad] (n,).
        recordings: Of earlier motions; their information is added, and their noise is taken.
    """
    base = base_parameters(model)
    if not recordings:
        noise = usual_noise(model)
        speed = np.full(len(start), SPEED)
        sizes = base.sizes(parameter_sizes(model, start, FRICTION * noise, speed))
        return Knowledge(
            base=base,
            sizes=sizes,
            noise=noise,
            rate=RATE,
            information=np.eye(len(sizes)) / VAGUE**2,
        )
    fits, rates = [], []
    for recording in recordings:
        rows = block_rows(recording, SplitConfig())
        tau_rbd = model.rnea(rows.q, rows.v, rows.a)
        fits.append(fit_base_parameters(model, rows, tau_rbd, base=base))
        rates.append(1.0 / float(np.median(np.diff(rows.t))))
    sizes = fits[-1].sizes
    information = np.eye(len(sizes)) / VAGUE**2
    for fit in fits:
        information += fit.information * np.outer(sizes / fit.sizes, sizes / fit.sizes)
    return Knowledge(
        base=base,
        sizes=sizes,
        noise=fits[-1].noise,
        rate=rates[-1],
        information=information,
    )
