# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Comparison of a motion with random excitation of the same length: how much more it tells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.excitation.knowledge import Knowledge
from ml3_ros.identification.excitation.limits import MotionLimits, ToolModel
from ml3_ros.identification.excitation.objective import path_information
from ml3_ros.identification.excitation.search import Motion
from ml3_ros.robots.base import JointLimits
from ml3_ros.robots.control.trajectories import Excitation

Array = NDArray[np.float64]
SEEDS = 3  # random motions, of which the mean is taken
_STEP = 0.1  # between the samples that are compared [s]


def compared_with_random(
    model: ToolModel, limits: MotionLimits, known: Knowledge, motion: Motion
) -> str:
    """Return a sentence: the standard errors of base parameters beside those of random motion.

    Random motion is that of the node `excitation`, from the same start and within the same limits
    of joints, speeds and accelerations; its torques and the tool's box are not limited.
    """
    random = [random_information(model, limits, known, motion, seed) for seed in range(SEEDS)]
    share = float(np.exp(0.5 * (np.mean(random) - motion.information)))
    return (
        f"standard errors of the {len(known.sizes)} base parameters, in the geometric mean, are "
        f"{share:.2f} times those after random excitation of {motion.series.seconds:g} s"
    )


def random_information(
    model: ToolModel, limits: MotionLimits, known: Knowledge, motion: Motion, seed: int
) -> float:
    """Return the mean log eigenvalue of the information after random excitation as long."""
    excitation = random_excitation(limits, motion.series.start, seed)
    t = np.arange(0.0, motion.series.seconds, _STEP)
    return path_information(model, known, excitation.at(t), 1.0 / _STEP)


def random_excitation(limits: MotionLimits, start: Array, seed: int) -> Excitation:
    """Return random motion within the limits of joints, speeds and accelerations."""
    inside = JointLimits(
        lower=limits.lower,
        upper=limits.upper,
        velocity=limits.velocity,
        effort=limits.effort,
        acceleration=limits.acceleration,
    )
    return Excitation(inside, start, seed)
