# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every fit of a recording by name, from the rigid body alone to friction that remembers."""

from __future__ import annotations

from dataclasses import replace

from ml3_ros.identification.fits import (
    ArmModel,
    Explained,
    Fit,
    classical,
    extended,
    linear_regressor,
    rigid_body,
)
from ml3_ros.identification.heldout import Log, log_error
from ml3_ros.identification.physical.config import PhysicalConfig
from ml3_ros.identification.physical.fit import physical_fit
from ml3_ros.identification.physical.identified import IdentifiedArm
from ml3_ros.identification.split import INNER

JOINT_FITS = {
    "rigid_body": rigid_body,
    "classical_fit": classical,
    "regressor_ridge": linear_regressor,
    "extended_fit": extended,
}


def joint_fits(data: Explained, log: Log) -> dict[str, Fit]:
    """Return the fits whose joints have parameters of their own."""
    fits = {}
    for name, fit in JOINT_FITS.items():
        fits[name] = fit(data)
        log_error(log, name, fits[name].predicted[-1:], data.rows)
    return fits


def physical_fits(
    data: Explained, model: ArmModel, config: PhysicalConfig, log: Log
) -> tuple[dict[str, Fit], IdentifiedArm]:
    """Return the physical fits, with simple friction and with memory, and the latter's arm.

    Rows that a contact weighs down count as little in them as in the other fits.
    """
    nominal = model.inertial_parameters()
    fits = {}
    for name, memory in (("physical_simple", False), ("physical", True)):
        physical = physical_fit(
            data,
            nominal,
            weights=data.counts_of(INNER),
            config=replace(config, memory=memory and config.memory),
        )
        fits[name] = physical.fit
        log_error(log, name, physical.fit.predicted[-1:], data.rows)
    return fits, physical.arm
