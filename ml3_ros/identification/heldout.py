# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Errors of predictions on held-out rows, and their lines in the log."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError
from ml3_ros.identification.models.scores import mean_over_joints, nmse
from ml3_ros.identification.split import Rows

Array = NDArray[np.float64]
Log = Callable[[str], None]


def heldout_nmse(predicted: Array, rows: Rows, some: NDArray[np.bool_] | None = None) -> Array:
    """Return the NMSE (S, n) on held-out rows of predictions (S, R, n) of all rows.

    On those that nothing touched, or on `some` (R,).
    """
    out = rows.scored if some is None else some
    if not out.any():
        raise ConfigError("no row is held out: hold out a share of the blocks")
    return np.stack([nmse(one[out], rows.tau[out]) for one in predicted])


def log_error(log: Log, name: str, predicted: Array, rows: Rows) -> None:
    """Log the error of a method's predictions (S, R, n), mean over joints."""
    mean = float(mean_over_joints(heldout_nmse(predicted, rows)).mean())
    log(f"{name}: {rows.measure} {mean:.4f}, mean over joints")
