# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Intervals of the classical fit's coefficients: gain, viscous, coulomb and offset by joint."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.identification.confidence.sandwich import LEVEL, clustered_fit
from ml3_ros.identification.models.friction_fit import friction_features
from ml3_ros.identification.split import Rows

Array = NDArray[np.float64]


def friction_intervals(
    rows: Rows, tau_rbd: Array, weights: Array | None = None, level: float = LEVEL
) -> Array:
    """Return the lower and upper end of each coefficient (n, 4, 2), in the order of COEFFICIENTS.

    Of the fit to the rows that may be learned from, whose errors are taken for independent from
    block to block; infinite where the motion does not determine a coefficient.

    Args:
        rows: The samples, held-out ones among them.
        tau_rbd: Torque of the rigid-body model [N m] (R, n).
        weights: Of each squared residual (R, n), as of a robust fit; 1 if left out.
        level: Share of such intervals that hold the truth.
    """
    learned = ~rows.held_out
    features = friction_features(tau_rbd, rows.v)
    return np.stack(
        [
            clustered_fit(
                features[learned, j],
                rows.tau[learned, j],
                rows.block[learned],
                weights=None if weights is None else weights[learned, j],
            ).interval(level)
            for j in range(rows.tau.shape[1])
        ]
    )
