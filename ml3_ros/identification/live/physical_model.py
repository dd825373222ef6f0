# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Physical model of an arm on a stream: rigid body and friction, linear, learned while it moves.

tau = Y(q, v, a) w: ten inertial parameters a link, and for each joint viscous and dry friction, an
offset, and presliding states with a memory. It begins at the arm as described, from which it may
go as far as descriptions are wrong; the same covariance tells how sure a prediction is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from ml3_ros.data.filters import FilteredSample
from ml3_ros.data.presliding import Strain
from ml3_ros.errors import ConfigError, DataError
from ml3_ros.identification.live.fits import FitName, make_fit
from ml3_ros.identification.live.payload import (
    LearnedPayloadConfig,
    PayloadChange,
    PayloadChangeConfig,
    TellsPayload,
)
from ml3_ros.identification.live.structure import Row, Structure
from ml3_ros.identification.models.least_squares import (
    HasRegressor,
    JointColumns,
    TorqueRegressor,
)
from ml3_ros.robots.pinocchio_model import PinocchioModel

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class PhysicalModelConfig:
    """Columns, prior and pace of a physical model."""

    fit: FitName = "robust"
    doubt: float = 1.0  # standard deviation of a parameter before any row, in its sizes [-]
    displacements: tuple[float, ...] = ()  # of presliding states [rad]
    row_period: float = 0.05  # between rows that are learned from [s]
    update_period: float = 0.5  # between updates of the fit [s]
    memory: float = np.inf  # in which what least squares has learned fades [s]; robust keeps it
    payload: PayloadChangeConfig | LearnedPayloadConfig | None = None
    """How changes of payload are told; None: not at all."""

    def __post_init__(self) -> None:
        """Reject what cannot run (ConfigError)."""
        if not 0.0 < self.row_period <= self.update_period < np.inf:
            raise ConfigError(
                f"row_period {self.row_period} s and update_period {self.update_period} s must "
                "be > 0, the former not the longer"
            )
        if not self.memory > 0.0:
            raise ConfigError(f"memory must be > 0 s, got {self.memory}")
        if not 0.0 < self.doubt < np.inf:
            raise ConfigError(f"doubt must be > 0 sizes, got {self.doubt}")
        if not all(0.0 < d < np.inf for d in self.displacements):
            raise ConfigError(f"displacements must be > 0 rad, got {self.displacements}")


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What a fit has learned: w (p,), the factor of its precision, noise [N m] (n,)."""

    parameters: Array
    scale: Array
    factor: tuple[Array, bool]


class LinearTorque:
    """tau = Y(q, v, a) w for a controller, with fixed w.

    With presliding states it has a memory: it is called along one path, in the order of time.
    """

    def __init__(
        self, arm: HasRegressor, parameters: Array, displacements: tuple[float, ...]
    ) -> None:
        """Take what was learned.

        Args:
            arm: Whose kinematics the model shares.
            parameters: w (p,).
            displacements: Of presliding states [rad].

        Raises:
            DataError: There are not as many parameters as columns.
        """
        self._regressor = TorqueRegressor(arm, JointColumns())
        self._strain = Strain(np.array(displacements))
        self._parameters = parameters
        columns = len(self._regressor.nominal) + arm.nv * len(displacements)
        if parameters.shape != (columns,):
            raise DataError(f"parameters are {parameters.shape}, the arm has {columns} columns")

    def relearn(self, parameters: Array) -> None:
        """Go on along the path with other w (p,)."""
        self._parameters = parameters

    def __call__(self, q: Array, v: Array, a: Array) -> Array:
        """Return tau [N m] (n,) of q [rad], v [rad/s] and a [rad/s^2], each (n,)."""
        row = regressor_row(self._regressor, q, v, a, self._strain(q))
        return np.asarray(row @ self._parameters)


def regressor_row(
    regressor: TorqueRegressor, q: Array, v: Array, a: Array, strain: Array
) -> Array:
    """Return Y (n, p) of one sample with presliding states (n, D) behind the other columns."""
    rigid = regressor(q[None], v[None], a[None])[0]
    strained = strain.T[:, None, :] * np.eye(len(q))  # (D, n, n)
    return np.concatenate([rigid, *strained], axis=1)


class PhysicalModel:
    """Learns w and predicts torques; each filtered sample is shown to it once, in order of time.

    `take` is quick. `update` may last a tenth of a second; where nothing may wait so long, `drain`
    and `learn` in another thread: it exchanges `learned` at once, and `take` goes on.

    Attributes:
        n: Number of joints.
        noise: Torque that no model explains, expected before any sample [N m], (n,).
        learned: What predicts at present.
        updates: How often it has learned.
        spread: How unsure w makes the newest prediction, standard deviation [N m], (n,).
    """

    def __init__(
        self,
        model: PinocchioModel,
        home: Array,
        config: PhysicalModelConfig = PhysicalModelConfig(),
    ) -> None:
        """Begin with the arm as described.

        Args:
            model: The arm as described.
            home: Pose at which sizes are told [rad] (n,).
            config: Columns, prior and pace.
        """
        self.config, self.n = config, model.nv
        self._model, self._regressor = model, TorqueRegressor(model, JointColumns())
        self._n_rigid = len(model.inertial_parameters())
        self._strain = Strain(np.array(config.displacements))
        structure = Structure.of(model, home, config.doubt, len(config.displacements))
        self.noise, keep = structure.noise, np.exp(-config.update_period / config.memory)
        self.fit = make_fit(config.fit, structure, keep=float(keep), spacing=config.row_period)
        self._payload = _tells_payload(config, model)
        first = 10 * (self.n - 1)
        told = 0 if self._payload is None else self._payload.n_parameters
        self._last_link = slice(first, first + told)
        self.learned = self._learned()
        self.updates = 0
        still = np.zeros(self.n)
        unstrained = np.zeros((self.n, len(config.displacements)))
        self.spread = self._spread(regressor_row(self._regressor, home, still, still, unstrained))
        self._rows: list[Row] = []
        self._last_row = self._last_update = -np.inf

    def _learned(self) -> Learned:
        scale = self.fit.scale if len(self.fit.scale) else self.noise
        parameters = self.fit.parameters.copy()
        if self._payload is not None:
            parameters[self._last_link] += self._payload.parameters
        return Learned(parameters, scale.copy(), cho_factor(self.fit.precision))

    @property
    def inertial_parameters(self) -> Array:
        """The rigid body's part of w, in the order of the model's `inertial_parameters`."""
        return self.learned.parameters[: self._n_rigid]

    def friction(self, v: Array, strain: Array) -> Array:
        """Return the friction [N m] (n,) at v [rad/s] (n,) and presliding states (n, D)."""
        w = self.learned.parameters[self._n_rigid :].reshape(-1, self.n)
        columns = JointColumns()(v[None], v[None])[0]
        return columns @ w[:3].ravel() + (strain * w[3:].T).sum(axis=1)

    def deviation(self, v: Array) -> Array:
        """Return the standard deviation of a prediction [N m] (n,), noise and all, at v (n,)."""
        return np.hypot(self.unexplained, self.stuck(v))

    @property
    def unexplained(self) -> Array:
        """Standard deviation of a prediction [N m] (n,), of joints that move."""
        return np.hypot(self.spread, self.learned.scale)

    def stuck(self, v: Array) -> Array:
        """Return how much dry friction may hold that no column knows [N m] (n,), at v (n,).

        Of a joint that hardly moves none knows which way it pushes; it is never more than this.
        """
        w = self.learned.parameters[self._n_rigid :].reshape(-1, self.n)
        dry = np.abs(w[1]) + np.abs(w[3:]).sum(axis=0)
        return np.asarray(dry * (1.0 - np.abs(np.tanh(v / JointColumns().coulomb_speed))))

    def row(self, q: Array, v: Array, a: Array) -> Array:
        """Return Y (n, p) of the next sample [rad, rad/s, rad/s^2], each (n,)."""
        return regressor_row(self._regressor, q, v, a, self._strain(q))

    def take(self, sample: FilteredSample) -> bool:
        """Keep a sample for the next update, if one is due; return whether an update is."""
        if np.isinf(self._last_update):
            self._last_update = sample.t
        if sample.t - self._last_row < self.config.row_period - 1e-6:
            self._strain(sample.q)  # remembers every sample
        else:
            row = self.row(sample.q, sample.v, sample.a)
            self.spread = self._spread(row)
            self._rows.append(Row(sample, row, self.deviation(sample.v)))
            self._last_row = sample.t
        return bool(self._rows) and sample.t - self._last_update >= self.config.update_period

    def update(self) -> None:
        """Learn from the samples that wait, and predict with that from now on."""
        self.learn(self.drain())

    def drain(self) -> list[Row]:
        """Return the samples that wait, for `learn`; from now on others wait."""
        rows, self._rows = self._rows, []
        self._last_update = rows[-1].sample.t
        return rows

    def learn(self, rows: Sequence[Row]) -> None:
        """Learn from drained samples, in any thread, one call after another."""
        t = np.array([row.sample.t for row in rows])
        tau, v = (np.stack([getattr(row.sample, x) for row in rows]) for x in ("tau", "v"))
        regressor, std = (
            np.stack([getattr(row, x) for row in rows]) for x in ("regressor", "std")
        )
        if self._payload is not None:
            columns = regressor[..., self._last_link]
            left = (tau - regressor @ self.fit.parameters) / std
            self._payload.take(t, columns / std[..., None], left, v)
            tau = tau - columns @ self._payload.parameters
        self.fit.update(t, regressor, tau, v)
        self.learned = self._learned()
        self.updates += 1

    def feedforward(self) -> LinearTorque:
        """Return what has been learned as a feedforward for a controller; it never changes."""
        learned = self.learned.parameters
        return LinearTorque(self._model, learned, self.config.displacements)

    def _spread(self, row: Array) -> Array:
        variance = (row * cho_solve(self.learned.factor, row.T).T).sum(axis=1)
        return np.sqrt(np.maximum(variance, 0.0))


def _tells_payload(config: PhysicalModelConfig, model: PinocchioModel) -> TellsPayload | None:
    """Return what tells changes of payload, if anything does."""
    if config.payload is None:
        return None
    if isinstance(config.payload, PayloadChangeConfig):
        return PayloadChange(config.payload)
    # the learned one alone needs torch
    from ml3_ros.identification.live.learned_payload import LearnedPayloadChange

    return LearnedPayloadChange(config.payload, model.nv, model.tool_position, config.row_period)
