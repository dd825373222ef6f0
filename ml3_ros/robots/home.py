# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Home of an arm whose file names none: inside the limits, light for the motors, elbow bent.

Collisions, with itself or the table, are not looked at: whoever moves a real arm gives its home.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pinocchio
from scipy.stats import qmc

from ml3_ros.errors import RobotError
from ml3_ros.robots.base import Array, JointLimits

_ROOM = 0.3  # wanted to each limit [rad], at most a quarter of the range
_REACH = 1.5  # how far from zero, or from the limit next to it, is looked [rad]
_HELD = 0.5  # share of the effort limits that holding the arm may take
_CANDIDATES = 256  # random positions
_SWEEPS, _STEPS = 2, 9  # over the joints, each at some positions, from the best of them


def find_home(model: pinocchio.Model, limits: JointLimits) -> Array:
    """Return zero where the arm can stay there, or else the best of some positions, (n,).

    An arm can stay at zero if that leaves room to every limit and motors hold it with half of
    their effort. Otherwise positions within the limits are compared by the load on the motors,
    their distance from the middle of each range, and by how nearly the arm is stretched.

    Args:
        model: Of the arm.
        limits: Of its joints.
    """
    room = np.minimum(limits.as_far_as(_ROOM), 0.25 * limits.span)
    low, high = limits.lower + room, limits.upper - room
    zero = np.zeros(model.nv)
    if ((low <= 0.0) & (high >= 0.0)).all() and _loads(model, zero[None], limits).max() <= _HELD:
        return zero
    reach = limits.as_far_as(_REACH)
    nearest = np.clip(zero, low, high)
    start, end = np.maximum(low, nearest - reach), np.minimum(high, nearest + reach)
    draws = start + qmc.Sobol(model.nv, seed=0).random(_CANDIDATES) * (end - start)
    q = np.vstack([nearest, draws])
    best = q[np.argmin(_cost(model, q, limits))]
    for joint in [*range(model.nv)] * _SWEEPS:  # many joints are too many for draws alone
        q = np.repeat(best[None], _STEPS + 1, axis=0)
        q[1:, joint] = np.linspace(start[joint], end[joint], _STEPS)
        best = q[np.argmin(_cost(model, q, limits))]
    return np.asarray(best)


def _cost(model: pinocchio.Model, q: Array, limits: JointLimits) -> Array:
    """Return what positions (B, n) cost: load, distance from the middle, being stretched, (B,)."""
    limited = np.isfinite(limits.span)
    ends = [np.where(limited, end, 0.0) for end in (limits.lower, limits.upper)]
    off = (2.0 * q - ends[0] - ends[1]) / np.where(limited, limits.span, np.inf)
    loads, data = _loads(model, q, limits), model.createData()
    stretched = np.array([_stretched(model, data, row) for row in q])
    worst = loads.max(axis=1) + loads.mean(axis=1)
    return np.asarray(worst + (off**2).mean(axis=1) + 0.5 * stretched)


def given_home(
    home: Sequence[float] | Mapping[str, float], names: Sequence[str], limits: JointLimits
) -> Array:
    """Return a home that somebody gave, in the order of `names`, (n,).

    Raises:
        RobotError: It has not one number for each joint, or one is outside the limits.
    """
    values = dict(home) if isinstance(home, Mapping) else dict(zip(names, home, strict=False))
    if len(home) != len(names) or set(values) != set(names):
        raise RobotError(
            f"home has {len(home)} positions: give one for each of {', '.join(names)}"
        )
    q = np.array([float(values[name]) for name in names])
    for name, position, lower, upper in zip(names, q, limits.lower, limits.upper, strict=True):
        if not lower <= position <= upper:
            raise RobotError(
                f"home of joint {name!r} is {position:g}, outside of {lower:g} to {upper:g}: give "
                "a position inside"
            )
    return q


def _loads(model: pinocchio.Model, q: Array, limits: JointLimits) -> Array:
    """Return gravity's share of each effort limit, (B, n); without one, of twice the largest."""
    data = model.createData()
    gravity = np.array([pinocchio.computeGeneralizedGravity(model, data, row) for row in q])
    largest = np.abs(gravity).max(axis=0) / _HELD
    most = np.where(np.isfinite(limits.effort), limits.effort, largest)
    return np.asarray(np.abs(gravity) / np.maximum(most, 1e-9))


def _stretched(model: pinocchio.Model, data: pinocchio.Data, q: Array) -> float:
    """Return 1 where the last link cannot move in some direction, less where it can; 0 at best.

    One less the ratio of the smallest singular value of its Jacobian to the largest.
    """
    last, axes = model.nframes - 1, pinocchio.LOCAL_WORLD_ALIGNED
    J = pinocchio.computeFrameJacobian(model, data, q, last, axes).reshape(6, model.nv)[:3]
    values = np.linalg.svd(J, compute_uv=False)
    return float(1.0 - values.min() / max(values.max(), 1e-9))
