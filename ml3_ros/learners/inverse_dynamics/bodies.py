# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bodies that an arm takes up: ten inertial parameters about its tool, in sizes that bodies have.

About the tool rather than the last joint, so that what is usual does not depend on the arm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

N_BODY = 10  # inertial parameters of a body
_RADIUS = 0.1  # about which they are scaled [m]
BODY_SIZES = 1.5 * np.repeat([1.0, _RADIUS, _RADIUS**2], [1, 3, 6])
"""Size of each parameter [kg, kg m, kg m^2]: of 1.5 kg at a distance of 0.1 m from the tool."""
BODY_GROUPS = (0,) + 3 * (1,) + 6 * (2,)
"""Groups of these parameters: mass, first moments, inertia."""
_ENTRIES = ((0, 0, 1, 0, 1, 2), (0, 1, 1, 2, 2, 2))  # Pinocchio's order: xx xy yy xz yz zz


def body_parameters(mass: float, centre: Array, edges: Array) -> Array:
    """Return the parameters (10,) of a box [kg, kg m, kg m^2] about a frame's origin.

    Args:
        mass: [kg].
        centre: Of the box [m] (3,).
        edges: Of the box, along the axes of the frame [m] (3,).
    """
    square = np.square(edges)
    own = mass / 12.0 * np.diag(square.sum() - square)
    inertia = own + mass * (centre @ centre * np.eye(3) - np.outer(centre, centre))
    return np.concatenate([[mass], mass * centre, inertia[_ENTRIES]])


def from_tool(tool: Array) -> Array:
    """Return the matrix (10, 10) that turns parameters about the tool into those about its joint.

    Args:
        tool: Where the tool is in the frame of the joint [m] (3,).
    """
    matrix = np.eye(N_BODY)
    for column, (mass, moment) in enumerate([(1.0, np.zeros(3)), *((0.0, e) for e in np.eye(3))]):
        matrix[1:4, column] += mass * tool
        both = np.outer(tool, moment) + np.outer(moment, tool) + mass * np.outer(tool, tool)
        matrix[4:, column] += (np.trace(both) * np.eye(3) - both)[_ENTRIES]
    return matrix
