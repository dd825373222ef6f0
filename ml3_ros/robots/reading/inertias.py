# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Inertias that bodies can have: what a simulation needs, and the nearest where a file errs."""

from __future__ import annotations

import numpy as np
import pinocchio

from ml3_ros.errors import RobotError
from ml3_ros.robots.base import Array

_NEGATIVE = 0.1  # of the largest moment: more below zero is no slip of who measured or rounded
_NOTHING = 1e-12  # largest moment that is none [kg m^2]
_EXACT = 1e-9  # rounding, over the largest moment


def mend_inertias(model: pinocchio.Model, what: str) -> tuple[str, ...]:
    """Replace inertias of a model that no body can have by the nearest that one can have.

    The second moment of mass S = tr(I)/2 1 - I about the centre of mass has no negative
    eigenvalue, which is A + B >= C and I >= 0 in one; negative ones are set to zero.

    Args:
        model: Is changed.
        what: Names the file in sentences.

    Returns:
        A sentence for each inertia that was replaced.

    Raises:
        RobotError: A mass or a principal moment is negative, or there is inertia without mass.
    """
    notes = []
    for joint in range(1, model.njoints):
        inertia = model.inertias[joint]
        name = model.names[joint]
        if inertia.mass < 0.0:
            raise RobotError(
                f"what joint {name!r} of {what} moves has the mass {inertia.mass:g} kg: give its "
                "links masses >= 0"
            )
        tensor = np.array(inertia.inertia)
        nearest, error = _nearest(tensor)
        if error <= _EXACT:
            continue
        moments = np.linalg.eigvalsh(tensor)
        if moments[0] < -_NEGATIVE * moments[2] or inertia.mass == 0.0:
            raise RobotError(
                f"no body has the inertia of what joint {name!r} of {what} moves: its principal "
                f"moments are {_moments(tensor)} kg m^2, and each must be > 0 and at most the sum "
                "of the others; give its links inertias about their centres of mass"
            )
        inertia.inertia = nearest
        notes.append(
            f"the inertia of what joint {name!r} of {what} moves is of no body (principal moments "
            f"{_moments(tensor)} kg m^2): the nearest that one can have is simulated "
            f"({_moments(nearest)})"
        )
    return tuple(notes)


def _nearest(tensor: Array) -> tuple[Array, float]:
    """Return the nearest inertia, and how far S is from being possible over the largest moment."""
    largest = np.abs(np.linalg.eigvalsh(tensor)).max()
    if largest < _NOTHING:
        return tensor, 0.0
    values, axes = np.linalg.eigh(0.5 * np.trace(tensor) * np.eye(3) - tensor)
    error = max(0.0, -values.min()) / largest
    second = axes @ np.diag(np.maximum(values, 0.0)) @ axes.T
    return np.trace(second) * np.eye(3) - second, float(error)


def _moments(tensor: Array) -> str:
    return ", ".join(f"{x:.3g}" for x in np.linalg.eigvalsh(tensor))
