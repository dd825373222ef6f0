# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""All samples of a stream, in order, growing without copies at every sample."""

import math

import numpy as np
import torch
from numpy.typing import ArrayLike

from ml3_ros.core.types import Batch
from ml3_ros.errors import DataError
from ml3_ros.learners.inverse_dynamics.units import Units

SIGNALS = ("q", "v", "a", "tau")
INITIAL_CAPACITY = 1024


class SampleBuffer:
    """Samples (t, q, v, a, tau) of n joints; float32 for learning, times in float64.

    Args:
        n_joints: Number of joints n.
    """

    def __init__(self, n_joints: int) -> None:
        self._n = n_joints
        self._t = np.empty(INITIAL_CAPACITY)
        self._signals = torch.empty(len(SIGNALS), INITIAL_CAPACITY, n_joints)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, t: float, q: ArrayLike, v: ArrayLike, a: ArrayLike, tau: ArrayLike) -> None:
        """Store one sample: t [s], then q, v, a, tau in SI units, each (n,).

        Raises:
            DataError: If a length is wrong, a value is not finite, or t does not increase.
        """
        if not math.isfinite(t):
            raise DataError(
                f"a sample has the time {t}: rejected; check the clock of the publisher"
            )
        rows = []
        for name, x in zip(SIGNALS, (q, v, a, tau), strict=True):
            with np.errstate(over="ignore"):  # what float32 cannot hold raises below
                row = np.asarray(x, dtype=np.float32)
            if row.shape != (self._n,):
                raise DataError(f"{name} has shape {row.shape}, expected ({self._n},)")
            if not np.isfinite(row).all():
                raise DataError(f"{name} holds NaN or infinity at t = {t:.3f} s: sample rejected")
            rows.append(row)
        if self._length and not t > self._t[self._length - 1]:
            raise DataError(
                f"sample at t = {t:.6f} s does not come after {self._t[self._length - 1]:.6f} s: "
                "rejected; check the clock of the publisher"
            )
        if self._length == len(self._t):
            self._grow()
        self._t[self._length] = t
        self._signals[:, self._length] = torch.from_numpy(np.stack(rows))
        self._length += 1

    def batch(self, samples: slice | torch.Tensor) -> Batch:
        """Return the chosen samples by signal name, each (B, n)."""
        chosen = self._signals[:, : self._length][:, samples]
        return dict(zip(SIGNALS, chosen, strict=True))

    def times(self, samples: slice) -> np.ndarray:
        """Return the stamps [s] of the chosen samples."""
        return self._t[: self._length][samples].copy()

    def _grow(self) -> None:
        n = len(self._t)
        t, signals = np.empty(2 * n), torch.empty(len(SIGNALS), 2 * n, self._n)
        t[:n], signals[:, :n] = self._t, self._signals  # the rest takes no memory until it is used
        self._t, self._signals = t, signals


def typical_batch(units: Units, size: int) -> Batch:
    """Return made-up samples as large as a robot's, each (size, n) by signal name."""
    generator = torch.Generator().manual_seed(0)
    scales = (1.0,) * units.n_joints, units.velocity, units.acceleration, units.effort
    draws = torch.randn(len(SIGNALS), size, units.n_joints, generator=generator)
    return dict(zip(SIGNALS, draws * torch.tensor(scales).unsqueeze(1), strict=True))
