# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Trajectories as controllers of ros2_control take them: points, and a stop at the end of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array

Reference = Callable[[float], tuple[Array, Array, Array]]  # time [s] -> q, v, a


@dataclass(frozen=True, kw_only=True, slots=True)
class Points:
    """Points of a trajectory: times [s], (P,), and q, v, a and efforts [N m], each (P, n).

    Between points a joint moves along the polynomial of degree 5 through both; before the first
    and after the last one it rests there.
    """

    t: Array
    q: Array
    v: Array
    a: Array
    effort: Array

    def at(self, t: float) -> tuple[Array, Array, Array, Array]:
        """Return q, v, a and effort, (n,), at time `t` [s]."""
        i = int(np.searchsorted(self.t, t, side="right")) - 1
        zero = np.zeros_like(self.q[0])
        if i < 0:
            return self.q[0], zero, zero, self.effort[0]
        if i >= len(self.t) - 1:
            return self.q[-1], zero, zero, self.effort[-1]
        h, x = self.t[i + 1] - self.t[i], t - self.t[i]
        share = x / h
        effort = (1.0 - share) * self.effort[i] + share * self.effort[i + 1]
        left = self.q[i], self.v[i], self.a[i]
        q, v, a = _quintic(left, (self.q[i + 1], self.v[i + 1], self.a[i + 1]), h, x)
        return q, v, a, effort


def with_stop(
    reference: Reference, start: float, seconds: float, period: float, stop_seconds: float
) -> Points:
    """Return the part of a reference from `start` on, and a stop after it; times begin at 0.

    The stop is what the arm does if nothing newer comes: it is led to rest within `stop_seconds`,
    along the way that a constant deceleration takes.

    Args:
        reference: Where the arm shall be.
        start: Time of the reference at which the part begins [s].
        seconds: Its length; 0 for the stop alone [s].
        period: Time between points [s].
        stop_seconds: Length of the stop [s].

    Raises:
        ConfigError: A length is negative, or period or stop are no times.
    """
    if not (seconds >= 0.0 and period > 0.0 and stop_seconds > 0.0):
        raise ConfigError(f"{seconds}, {period} and {stop_seconds} s: give times > 0")
    count = round(seconds / period)
    times = period * np.arange(count + 1)
    q, v, a = (np.array(x) for x in zip(*(reference(start + t) for t in times), strict=True))
    rest = np.zeros_like(q[:1])
    end = q[-1:] + 0.5 * stop_seconds * v[-1:]
    return Points(
        t=np.append(times, times[-1] + stop_seconds),
        q=np.concatenate((q, end)),
        v=np.concatenate((v, rest)),
        a=np.concatenate((a, rest)),
        effort=np.concatenate((np.zeros_like(q), rest)),
    )


def _quintic(
    left: tuple[Array, Array, Array], right: tuple[Array, Array, Array], h: float, x: float
) -> tuple[Array, Array, Array]:
    """Return q, v, a at `x` in [0, h] of the polynomial with these q, v, a at both ends."""
    (q0, v0, a0), (q1, v1, a1) = left, right
    d = q1 - q0 - v0 * h - 0.5 * a0 * h * h
    e = (v1 - v0 - a0 * h) * h
    f = (a1 - a0) * h * h
    c3, c4, c5 = 10.0 * d - 4.0 * e + 0.5 * f, -15.0 * d + 7.0 * e - f, 6.0 * d - 3.0 * e + 0.5 * f
    s = x / h
    q = q0 + v0 * x + 0.5 * a0 * x * x + s**3 * (c3 + s * (c4 + s * c5))
    v = v0 + a0 * x + s**2 * (3.0 * c3 + s * (4.0 * c4 + s * 5.0 * c5)) / h
    a = a0 + s * (6.0 * c3 + s * (12.0 * c4 + s * 20.0 * c5)) / (h * h)
    return q, v, a
