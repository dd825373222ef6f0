# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""MJCF of an identified arm: its links' inertias, joint friction and rotor inertia."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.physical.identified import IdentifiedArm
from ml3_ros.reports.identification.written.urdf import identified_urdf
from ml3_ros.robots.mjcf_writer import mjcf_text
from ml3_ros.robots.registry import load_urdf


def identified_mjcf(arm: IdentifiedArm, simple: NDArray[np.float64]) -> str:
    """Return a MJCF with what was identified; it has no word for the offset of friction.

    Args:
        arm: As identified, with its bare URDF.
        simple: Viscous [N m s/rad], Coulomb [N m], offset and rotor inertia of each joint, (n, 4).

    Raises:
        RobotError: The URDF cannot be read.
    """
    urdf = identified_urdf(arm.urdf, arm, simple)
    description = load_urdf(urdf, arm.name, joints=arm.names, simulated=False)
    model = description.model.copy()
    model.damping, model.friction, model.armature = simple[:, [0, 1, 3]].T.copy()
    return mjcf_text(model, arm.name, description.limits, arm.gravity)
