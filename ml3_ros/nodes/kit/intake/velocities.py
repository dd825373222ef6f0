# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Velocities that a driver does not fill, taken from the positions of a stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ml3_ros.data.filters import AccelerationFilter, Array
from ml3_ros.data.repair.velocities import DERIVATIVE, listed

ORDER = 3  # of the polynomial that is fitted to positions

Signals = tuple[float, Array, Array, Array]  # time [s]; q, v and tau, each (n,)


class StreamVelocities:
    """Puts derivatives of positions in the place of velocities that are never filled.

    They are the slopes of polynomials over `DERIVATIVE`, as in recordings, so all signals come out
    half of that late. While every velocity is filled, nothing is changed and nothing is late.
    """

    def __init__(self, names: Sequence[str], report: Callable[[str], object]) -> None:
        """Begin with no joint; the first time one is found, a sentence is reported."""
        self._names, self._report = tuple(names), report
        self.joints = np.zeros(len(self._names), dtype=bool)
        self._told = np.zeros_like(self.joints)
        self._filter: AccelerationFilter | None = None

    @property
    def delay(self) -> float:
        """Age of what comes out [s]."""
        return self._filter.delay if self._filter is not None else 0.0

    def listed(self) -> str:
        """Return the joints concerned, "" for none."""
        return listed(self.joints, self._names)

    def change(self, unfilled: np.ndarray, dt: float) -> bool:
        """Take the joints `unfilled` (n,) and the period dt [s]; return if they are others."""
        if (unfilled == self.joints).all():
            return False
        self.joints = unfilled.copy()
        n = len(self._names)
        self._filter = AccelerationFilter(n, dt, DERIVATIVE, ORDER) if unfilled.any() else None
        if (unfilled & ~self._told).any():
            self._told |= unfilled
            self._report(
                f"joint_states fill no velocity of {self.listed()}: it is taken from positions, "
                f"and samples are used {self.delay:.3f} s later; velocities that are measured "
                "are better"
            )
        return True

    def retime(self, dt: float) -> None:
        """Take another period of the samples [s]."""
        if self._filter is not None:
            self._filter.retime(dt)

    def reset(self) -> None:
        """Forget the samples so far."""
        if self._filter is not None:
            self._filter.reset()

    def push(self, t: float, q: Array, v: Array, tau: Array) -> list[Signals]:
        """Return the samples that have velocities now."""
        if self._filter is None:
            return [(t, q, v, tau)]
        ripe = self._filter.push(t, v, q, tau)  # which differentiates what stands second
        return [(x.t, x.v, np.where(self.joints, x.a, x.q), x.tau) for x in ripe]
