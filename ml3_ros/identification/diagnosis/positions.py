# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Check of positions against the limits of the model: degrees, ticks, another zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.recording import JointRecording
from ml3_ros.identification.checks import Finding, finding
from ml3_ros.robots.base import JointLimits

Array = NDArray[np.float64]
BEYOND = 0.2  # of the range: so far a joint may be beyond its limits [-]
DEGREE = np.pi / 180.0
NO_RADIANS = 4.0 * np.pi  # a joint without limits seldom turns further round than this [rad]


def check_positions(recording: JointRecording, limits: JointLimits) -> Finding:
    """Check whether positions are within the model's limits, where these are known."""
    lower, upper = limits.lower, limits.upper
    q = recording.q
    low, high = (np.percentile(q, p, axis=0) for p in (0.5, 99.5))
    known = np.isfinite(lower) & np.isfinite(upper)
    reach = np.where(known, np.maximum(np.abs(lower), np.abs(upper)), NO_RADIANS)
    room = BEYOND * np.where(known, upper - lower, 0.0)
    least = np.where(known, lower, -np.inf) - room
    most = np.where(known, upper, np.inf) + room
    outside = (low < least) | (high > most) | (np.maximum(np.abs(low), np.abs(high)) > 3.0 * reach)
    measured = f"{int((~outside).sum())} of {len(outside)} joints are within their limits"
    if not outside.any():
        return finding("positions", measured, [])
    worst = int(np.argmax(np.maximum(np.abs(low), np.abs(high)) / reach))
    size = max(abs(low[worst]), abs(high[worst]))
    sentence = (
        f"{recording.names[worst]} reaches {size:.3g} {limits.units[worst]}, beyond its limits of "
        f"{lower[worst]:.3g} to {upper[worst]:.3g}"
    )
    fits = (low * DEGREE >= least) & (high * DEGREE <= most)
    if fits.all() and limits.units[worst] == "rad" and size > 2.0 * reach[worst]:
        sentence += ": degrees? position_unit=deg makes radians of them"
    else:
        sentence += (
            ": another zero or direction than the model's? see joint_offset and joint_sign, or "
            "give the URDF of this arm"
        )
    return finding("positions", measured, [sentence])
