# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Payload that an arm takes up or puts down while it moves, told from a hand within seconds.

What the physical model leaves of the last seconds is compared with what a body at the last link
would add: its mass and first moments. A payload pulls down in every pose, and goes on; a hand that
leads or leans hardly ever does both, so only what explains nearly all that is left is taken on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml3_ros.errors import ConfigError

Array = NDArray[np.float64]
N_MOMENTS = 4  # mass and three first moments: what gravity and slow motion show of a body


@dataclass(frozen=True, kw_only=True, slots=True)
class PayloadChangeConfig:
    """How long, how strong and how sure a change of payload must be."""

    window: float = 1.5  # of the residuals that are looked at [s]
    explained: float = 0.8  # share of their power that the payload must explain [-]
    noticed: float = 9.0  # of their mean power, in squared deviations, that must be there [-]
    heaviest: float = 10.0  # payload, as a standard deviation before it is seen [kg]
    reach: float = 0.2  # of its centre, likewise [m]

    def __post_init__(self) -> None:
        """Reject what cannot work (ConfigError)."""
        if not (self.window > 0.0 and self.heaviest > 0.0 and self.reach > 0.0):
            raise ConfigError("window, heaviest and reach must be > 0")
        if not (0.0 < self.explained < 1.0 and self.noticed > 1.0):
            raise ConfigError("explained must be in (0, 1) and noticed > 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnedPayloadConfig:
    """Which learned loss tells a change of payload, see `learned_payload`."""

    loss: str = "arm_ml3_payload"  # name of a shipped one, or a file


class TellsPayload(Protocol):
    """What tells a change of payload from the newest residuals of a model.

    Attributes:
        n_parameters: How many parameters of the last link it tells, in their usual order.
        parameters: Those that were taken up (n_parameters,) [kg, kg m, kg m^2]; zero for none.
    """

    n_parameters: int
    parameters: Array

    def take(self, t: Array, columns: Array, residual: Array, v: Array) -> bool:
        """Take in what samples leave, and decide; return whether another payload is carried now.

        Args:
            t: Times [s] (B,), later than all before.
            columns: What those parameters of the last link add, (B, n, n_parameters), over the
                standard deviation of each joint's torque.
            residual: Measured torque less that of the model without a change of payload, (B, n),
                likewise.
            v: Joint velocities [rad/s] (B, n).
        """
        ...


class PayloadChange:
    """Change of payload since the physical model was learned, from its newest residuals.

    A rule made by hand, a `TellsPayload`: mass and first moments (4,) [kg, kg m].
    """

    n_parameters = N_MOMENTS

    def __init__(self, config: PayloadChangeConfig = PayloadChangeConfig()) -> None:
        """Begin without a change."""
        self._config = config
        self.parameters = np.zeros(N_MOMENTS)
        self._rows: list[tuple[float, Array, Array]] = []

    def take(self, t: Array, columns: Array, residual: Array, v: Array) -> bool:
        """See `TellsPayload`; velocities decide nothing."""
        self._rows += zip(t.tolist(), columns, residual, strict=True)
        while self._rows[0][0] < t[-1] - self._config.window:
            self._rows.pop(0)
        return self._decide()

    def _decide(self) -> bool:
        config, rows = self._config, self._rows
        if rows[-1][0] - rows[0][0] < 0.9 * config.window:
            return False
        columns = np.concatenate([x for _, x, _ in rows])
        left = np.concatenate([r for _, _, r in rows])
        none = np.square(left).mean()
        held = np.square(left - columns @ self.parameters).mean()
        found = self._fitted(columns, left)
        power = np.square(left - columns @ found).mean()
        before = self.parameters
        if none < config.noticed:
            self.parameters = np.zeros(N_MOMENTS)
        elif power < (1.0 - config.explained) * none or power < config.noticed:
            self.parameters = found
        elif held > none:  # what was carried is gone, and something else pushes
            self.parameters = np.zeros(N_MOMENTS)
        return not np.array_equal(before, self.parameters)

    def _fitted(self, columns: Array, left: Array) -> Array:
        """Return the parameters (4,) of a body, held to sizes that bodies have."""
        first = self._config.heaviest * self._config.reach
        precision = np.diag(np.array([self._config.heaviest, first, first, first]) ** -2.0)
        return np.asarray(np.linalg.solve(columns.T @ columns + precision, columns.T @ left))
