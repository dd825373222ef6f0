# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""External torque of an arm on a stream: the load of a hand, a tool or a cable on each joint.

A momentum observer on the physical model that is being learned tells it, with its standard
deviation and whether something touches the arm. The observer needs no acceleration and answers
within 1 / gain; the model learns from filtered samples, half a window later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.presliding import Strain
from ml3_ros.errors import ConfigError
from ml3_ros.identification.live.momentum import MomentumModel, MomentumObserver
from ml3_ros.identification.live.physical_model import PhysicalModel

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExternalTorqueConfig:
    """Bandwidth of the observer, and when a joint counts as touched."""

    gain: float = 80.0  # of the momentum observer [1/s]; an estimate is 1 / gain late
    touched: float = 5.0  # standard deviations beyond dry friction that make a joint touched
    free: float = 2.5  # below which it is free again

    def __post_init__(self) -> None:
        """Reject thresholds that cannot work (ConfigError)."""
        if not 0.0 < self.free <= self.touched < np.inf:
            raise ConfigError(
                f"free and touched are {self.free} and {self.touched}: they must be > 0, the "
                "former not larger"
            )


@dataclass(frozen=True, slots=True, eq=False)
class ExternalTorque:
    """Torque from outside, J^T f summed over forces f on the arm, at a joint state.

    `torque` and `std` [N m] and `touched` are (n,). A positive torque pushes its joint forwards,
    as a positive torque of its motor does.
    """

    torque: Array
    std: Array
    touched: NDArray[np.bool_]

    @property
    def contact(self) -> bool:
        """Whether anything touches the arm."""
        return bool(self.touched.any())

    @property
    def evidence(self) -> Array:
        """|torque| in standard deviations, (n,)."""
        return np.asarray(np.abs(self.torque) / self.std)


class LinearArm(MomentumModel, Protocol):
    """A rigid body whose parameters can be changed; `PinocchioModel` is one."""

    def set_inertial_parameters(self, parameters: Array) -> None:
        """Change the links to parameters (p,)."""
        ...


class ExternalTorqueObserver:
    """Joint states in, external torques out, by what the physical model has learned so far."""

    def __init__(
        self,
        model: PhysicalModel,
        arm: LinearArm,
        config: ExternalTorqueConfig = ExternalTorqueConfig(),
    ) -> None:
        """Begin before the first state.

        Args:
            model: What is learned; somebody shows it samples and lets it update.
            arm: A model of the arm as described, for the observer alone: it is changed.
            config: Bandwidth and thresholds.
        """
        self._model, self._arm, self._config = model, arm, config
        self._strain = Strain(np.array(model.config.displacements))
        self._observer = MomentumObserver(arm, config.gain, self._friction)
        self._learned = model.learned
        self._state: tuple[Array, Array] | None = None  # q and v of the last one
        self._touched = np.zeros(model.n, dtype=bool)

    def observe(self, t: float, q: Array, v: Array, tau: Array) -> ExternalTorque:
        """Return the external torque at a joint state [s, rad, rad/s, N m], each (n,)."""
        if self._model.learned is not self._learned:
            self._learned = self._model.learned
            self._arm.set_inertial_parameters(self._model.inertial_parameters)
            if self._state is not None:
                self._observer.rebase(*self._state)
        torque = self._observer.push(t, q, v, tau)
        self._state = q, v
        std = self._model.deviation(v)
        limit = np.where(self._touched, self._config.free, self._config.touched)
        # dry friction is bounded, so it counts once and not in standard deviations
        self._touched = np.abs(torque) > self._model.stuck(v) + limit * self._model.unexplained
        return ExternalTorque(torque, std, self._touched)

    def _friction(self, q: Array, v: Array) -> Array:
        return self._model.friction(v, self._strain(q))
