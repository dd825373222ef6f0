# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Prequential gate: a network's torque is used only while it has helped in the last seconds.

Every sample is predicted before it is learned from, by the physical model with the network and
without. The network is let through where it was clearly better, and shut out where it was worse.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError

Array = NDArray[np.float64]
WRONG = 100.0  # error of a prediction that is not finite, in units


@dataclass(frozen=True, kw_only=True, slots=True)
class GateConfig:
    """How long the gate looks back, and what it asks of a network.

    Attributes:
        seconds: Of the stream that both are compared on [s].
        opens: Error with the network over that without, below which it is let through [-].
        shuts: Above which it is shut out [-].
    """

    seconds: float = 5.0
    opens: float = 0.9
    shuts: float = 1.0

    def __post_init__(self) -> None:
        """Reject what cannot work (ConfigError)."""
        if not 0.0 < self.seconds < np.inf:
            raise ConfigError(f"seconds must be > 0, got {self.seconds}")
        if not 0.0 < self.opens <= self.shuts <= 1.0:
            raise ConfigError(
                f"opens and shuts are {self.opens} and {self.shuts}: they must be in (0, 1], the "
                "former not larger"
            )


class PrequentialGate:
    """Decides, sample by sample, whether a network is let through.

    Attributes:
        open: Whether it is.
        ratio: Error with the network over that without, over the last seconds [-]; nan before.
        switches: How often it has opened or shut.
    """

    def __init__(self, unit: Array, config: GateConfig = GateConfig()) -> None:
        """Begin shut.

        Args:
            unit: Of each joint's torque [N m], (n,): errors are compared in it.
            config: How it decides.
        """
        self._unit, self._config = unit, config
        self.open, self.ratio, self.switches = False, float("nan"), 0
        self._seen: deque[tuple[float, float, float]] = deque()  # time, and both absolute errors
        self._sums = np.zeros(2)

    def push(self, t: float, without: Array, with_network: Array, tau: Array) -> bool:
        """Compare both predictions of a sample [N m] (n,); return whether the gate has switched.

        Errors count by their size, not its square: samples that something touches, which neither
        can predict, shall not decide.
        """
        errors = [float(np.abs((x - tau) / self._unit).mean()) for x in (without, with_network)]
        if not np.isfinite(errors[1]):  # a network that has diverged never helps
            errors[1] = WRONG
        self._seen.append((t, errors[0], errors[1]))
        self._sums += errors
        while self._seen[0][0] < t - self._config.seconds:
            _, *old = self._seen.popleft()
            self._sums -= old
        self.ratio = float(self._sums[1] / max(self._sums[0], 1e-12))
        full = t - self._seen[0][0] >= 0.9 * self._config.seconds
        limit = self._config.shuts if self.open else self._config.opens
        wanted = self.ratio < limit and (full or self.open)
        switched = wanted != self.open
        self.open = wanted
        self.switches += switched
        return switched
