# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a physical model on a stream fits: its parameters, and how far arms differ in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.filters import FilteredSample
from ml3_ros.identification.confidence.parameters import parameter_sizes, usual_noise
from ml3_ros.identification.models.least_squares import JointColumns, TorqueRegressor
from ml3_ros.robots.linear.arm import PARAMETER_KINDS, LinearArm
from ml3_ros.robots.pinocchio_model import PinocchioModel

Array = NDArray[np.float64]
FRICTION_SIZE = 4.0  # times the usual noise is what friction of a joint may amount to
UNIT = 10.0  # times the usual noise is what a description usually leaves of a joint's torque


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A sample that is learned from: its regressor Y (n, p), and how sure it was [N m] (n,)."""

    sample: FilteredSample
    regressor: Array
    std: Array


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """Parameters w (p,) of tau = Y w: ten a link, rotors, then of joints one kind after the other.

    Attributes:
        start: The arm as described (p,).
        ridge: Inverse variance of each before any row, where descriptions may be all wrong (p,).
        spread: How far arms of a kind differ from their description, standard deviation (p,).
        kinds: Index into `PARAMETER_KINDS` of each (p,).
        noise: Torque that no model explains, expected of each joint [N m], (n,).
        unit: Torque that the description usually leaves of each joint [N m], (n,).
    """

    start: Array
    ridge: Array
    spread: Array
    kinds: tuple[int, ...]
    noise: Array
    unit: Array

    @staticmethod
    def of(model: PinocchioModel, home: Array, doubt: float, n_states: int) -> Structure:
        """Return the structure of an arm.

        Args:
            model: The arm as described.
            home: Pose at which sizes are told [rad] (n,).
            doubt: Of the ridge, in sizes of parameters [-].
            n_states: Presliding states of a joint.
        """
        n, noise = model.nv, usual_noise(model)
        n_rigid, friction = len(model.inertial_parameters()), FRICTION_SIZE * noise
        sizes = parameter_sizes(model, home, friction, np.ones(n))
        links, joints, rotor = sizes[: 10 * n], sizes[10 * n : 13 * n], sizes[13 * n :]
        strained = np.tile(friction, n_states)
        sizes = np.concatenate([links, rotor[: n_rigid - 10 * n], joints, strained])
        arm = LinearArm(model, memory=False)
        dry = arm.spread[arm.kinds == PARAMETER_KINDS.index("dry")]
        presliding = np.full(n * n_states, PARAMETER_KINDS.index("presliding"))
        start = TorqueRegressor(model, JointColumns()).nominal
        return Structure(
            start=np.concatenate([start, np.zeros(len(strained))]),
            ridge=(doubt * sizes) ** -2.0,
            spread=np.concatenate([arm.spread, np.tile(dry, n_states)]),
            kinds=tuple(np.concatenate([arm.kinds, presliding]).tolist()),
            noise=noise,
            unit=UNIT * noise,
        )
