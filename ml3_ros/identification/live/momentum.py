# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Momentum observer: external torque without accelerations, the usual way where a model is known.

    r = K (M v - integral of (tau + C^T v - g - friction + r))

so that r follows the external torque through a first-order filter of bandwidth K (De Luca and
Mattone 2003; Haddadin, De Luca and Albu-Schaeffer 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError

Array = NDArray[np.float64]
LONGEST_STEP = 0.2  # between joint states that belong together [s]
Friction = Callable[[Array, Array], Array]  # torque [N m] (n,) at q and v (n,)


class MomentumModel(Protocol):
    """A rigid-body model that can tell the change of its momentum; `PinocchioModel` is one."""

    def momentum(self, q: Array, v: Array) -> Array:
        """Return M v [N m s] (n,)."""
        ...

    def momentum_drift(self, q: Array, v: Array) -> Array:
        """Return C^T v - g [N m] (n,): how the momentum M v changes without any torque."""
        ...


def no_friction(q: Array, v: Array) -> Array:
    """Return zero: the friction of an arm as described."""
    return np.zeros_like(v)


class MomentumObserver:
    """Estimates the external torque from one joint state after another.

    Attributes:
        torque: The newest estimate [N m], (n,); empty before the first state.
    """

    def __init__(
        self, model: MomentumModel, gain: float, friction: Friction = no_friction
    ) -> None:
        """Begin before the first state.

        Args:
            model: Rigid body; where its parameters change, call `rebase`.
            gain: Bandwidth K [1/s]; an estimate is about 1 / K late.
            friction: Of the joints, given every state once and in order.
        """
        if not 0.0 < gain < np.inf:
            raise ConfigError(f"gain must be > 0 1/s, got {gain}")
        self._model, self._gain, self._friction = model, gain, friction
        self.torque = np.zeros(0)
        self._t = 0.0  # of the last state [s]
        self._momentum = self._integral = self._rate = np.zeros(0)

    def rebase(self, q: Array, v: Array) -> None:
        """Go on from the last state (q, v) with changed parameters; the estimate does not jump."""
        momentum = self._model.momentum(q, v)
        self._integral = self._integral + momentum - self._momentum
        self._momentum = momentum

    def push(self, t: float, q: Array, v: Array, tau: Array) -> Array:
        """Take a joint state [s, rad, rad/s, N m]; return the external torque [N m] (n,).

        After a gap of more than LONGEST_STEP, or a time that runs back, it begins anew at zero.
        """
        momentum = self._model.momentum(q, v)
        rate = tau + self._model.momentum_drift(q, v) - self._friction(q, v)
        if not len(self.torque) or not 0.0 < t - self._t <= LONGEST_STEP:
            self.torque, self._integral = np.zeros_like(tau), momentum
        else:
            h = t - self._t
            self._integral = self._integral + 0.5 * h * (rate + self._rate)
            # implicit in r, so that no gain is too high for the rate
            self.torque = self._gain * (momentum - self._integral) / (1.0 + self._gain * h)
            self._integral = self._integral + h * self.torque
        self._t, self._momentum, self._rate = t, momentum, rate
        return self.torque
