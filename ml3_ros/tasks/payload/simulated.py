# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulated streams of touched arms that take up a body and put it down again.

Each arm moves on without a pause: while it learns its model, and for a while with that model; then
it carries a body, and then no more. What the model leaves is recorded, in units of what it is
expected to leave of each joint, so that arms of all sizes look alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.errors import ConfigError
from ml3_ros.learners.inverse_dynamics.bodies import BODY_SIZES, N_BODY, body_parameters, from_tool
from ml3_ros.robots.base import Array
from ml3_ros.robots.linear.arm import LinearArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.tasks.touched.simulated import HALF, RandomArm, TouchedConfig

UNLOADED, LOADED = 0, 1  # of held-out motion

FitBefore = Callable[[Array, Array, Array], tuple[Array, Array]]
"""Times [s] (R,), columns (R, n, p) and torque [N m] (R, n) of a model's samples -> its
coefficients (p,), and the torque that it is expected to leave of each joint [N m] (n,)."""


def _unloaded() -> TouchedConfig:
    return TouchedConfig(payload=(0.0, 0.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedConfig:
    """A population of arms, what they take up, and when.

    Attributes:
        arm: The arms, how they move and what touches them; `support_seconds` is not used.
        fitted_seconds: How long the model is learned from [s].
        stretch_seconds: How long the arm moves on without the body, with it, and without it [s].
        held_out_seconds: Another motion, once without the body and once with it [s].
        stride: Samples from one row that is kept to the next.
        mass: Smallest and largest body [kg].
        reach: Largest distance of its centre from the tool along each axis [m].
        edges: Shortest and longest edge of the box that it is [m].
    """

    arm: TouchedConfig = field(default_factory=_unloaded)
    fitted_seconds: float = 20.0
    stretch_seconds: float = 12.0
    held_out_seconds: float = 10.0
    stride: int = 4
    mass: tuple[float, float] = (0.0, 3.0)
    reach: float = 0.15
    edges: tuple[float, float] = (0.02, 0.2)

    def __post_init__(self) -> None:
        shortest = min(self.fitted_seconds, self.stretch_seconds, self.held_out_seconds)
        if not (shortest > 0.0 and self.stride >= 1):
            raise ConfigError("fitted_, stretch_ and held_out_seconds must be > 0, stride >= 1")
        for name in ("mass", "edges"):
            low, high = getattr(self, name)
            if not 0.0 <= low <= high < np.inf:
                raise ConfigError(f"{name} is ({low}, {high}): give 0 <= smallest <= largest")
        if not 0.0 <= self.reach < np.inf:
            raise ConfigError(f"reach must be >= 0 m, got {self.reach}")

    @property
    def spacing(self) -> float:
        """Time from one row to the next [s]."""
        return self.stride / self.arm.rate

    @property
    def rows(self) -> int:
        """Rows of one stretch."""
        return round(self.stretch_seconds / self.spacing)


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedArms:
    """Streams of N arms, three stretches of R rows each, and H held-out rows; float32.

    The body is carried in the second stretch. Torques and columns are in units of what the model
    is expected to leave of each joint, columns also in units of BODY_SIZES.

    Attributes:
        v: Measured velocities [rad/s], (N, 3 R, n).
        columns: What each parameter of a body adds to the torque, (N, 3 R, n, 10).
        residual: What the model leaves of the measured torque, (N, 3 R, n).
        touched: Whether something touches the arm, (N, 3 R): for bounds alone.
        held_columns: (N, H, n, 10).
        held_free: What the model leaves of the torque without contacts and noise, without the body
            and with it, (N, 2, H, n): extra information, and what is evaluated.
        held_measured: What it leaves of the measured torque, likewise.
        held_spread: Standard deviation of the whole torque without contacts, (N, 2, n).
        unit: Of each joint's torque [N m], (N, n).
        spacing: Time from one row to the next [s].
    """

    v: Tensor
    columns: Tensor
    residual: Tensor
    touched: Tensor
    held_columns: Tensor
    held_free: Tensor
    held_measured: Tensor
    held_spread: Tensor
    unit: Tensor
    spacing: float

    def __len__(self) -> int:
        return len(self.v)

    @property
    def rows(self) -> int:
        """Rows of one stretch."""
        return self.v.shape[1] // 3

    @staticmethod
    def joined(parts: list[LoadedArms]) -> LoadedArms:
        """Return several populations of arms with as many joints as one."""
        names = [f.name for f in fields(LoadedArms) if f.name != "spacing"]
        tensors = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
        return LoadedArms(**tensors, spacing=parts[0].spacing)


def simulate_loaded(config: LoadedConfig, n_arms: int, seed: int, fit: FitBefore) -> LoadedArms:
    """Record `n_arms` arms drawn from `config`; arm i does not depend on `n_arms`.

    Args:
        config: The population.
        n_arms: N.
        seed: Of all draws.
        fit: How an arm's model is learned before, deviations from the arm as described.
    """
    description = load_robot(config.arm.robot)
    linear = LinearArm(PinocchioModel(description), memory=config.arm.memory)
    arms: dict[str, list[NDArray[np.float32]]] = {}
    for index in range(n_arms):
        rng = np.random.default_rng((seed, index))
        arm = RandomArm.sample(description, config.arm, rng)
        for name, value in _Loaded.sample(arm, linear, config).record(fit).items():
            arms.setdefault(name, []).append(value.astype(np.float32))
    tensors = {k: torch.from_numpy(np.stack(x)) for k, x in arms.items()}
    touched = tensors.pop("touched") > 0.0
    return LoadedArms(**tensors, touched=touched, spacing=config.spacing)


def columns_of_body(linear: LinearArm, tool: Array, columns: Array) -> Array:
    """Return what each parameter of a body at the tool adds to the torque (T, n, 10) [N m].

    Args:
        linear: The arm as a linear model.
        tool: Where the tool is in the frame of the last joint [m] (3,).
        columns: Of that model (T, n, p).

    Returns:
        For parameters in units of BODY_SIZES.
    """
    last = slice(N_BODY * (linear.n_joints - 1), N_BODY * linear.n_joints)
    of_joint = columns[..., last] / linear.spread[last]
    return np.asarray(of_joint @ (from_tool(tool) * BODY_SIZES))


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A random arm, and the same with a body at its last link."""

    arm: RandomArm
    loaded: PinocchioModel
    linear: LinearArm
    config: LoadedConfig

    @staticmethod
    def sample(arm: RandomArm, linear: LinearArm, config: LoadedConfig) -> _Loaded:
        rng, n = arm.rng, arm.model.nv
        mass, centre = rng.uniform(*config.mass), config.reach * rng.uniform(-1.0, 1.0, 3)
        body = body_parameters(mass, centre, rng.uniform(*config.edges, 3))
        parameters = arm.model.inertial_parameters()
        parameters[N_BODY * (n - 1) : N_BODY * n] += from_tool(arm.model.tool_position) @ body
        loaded = PinocchioModel(arm.model.description)
        loaded.set_inertial_parameters(parameters)
        return _Loaded(arm, loaded, linear, config)

    def record(self, fit: FitBefore) -> dict[str, Array]:
        """Return the signals of `LoadedArms` by name, without the leading dimension."""
        config, population = self.config, self.config.arm
        n_fitted = round(config.fitted_seconds * population.rate)
        n_stretch = config.rows * config.stride
        path = self.arm.path(n_fitted + 3 * n_stretch, population)
        row = np.arange(len(path[0]))[:, None] - HALF - n_fitted
        carried = (row >= n_stretch) & (row < 2 * n_stretch)
        body = np.where(carried, self.loaded.rnea(*path), self.arm.model.rnea(*path))
        stream = self.arm.measured(self.linear, path, body, population)
        rest = stream["tau"] - stream["nominal"]
        first = slice(0, n_fitted, config.stride)
        t = np.arange(n_fitted)[:: config.stride] / population.rate
        coefficients, unit = fit(t, stream["columns"][first], rest[first])
        later = slice(n_fitted, None, config.stride)
        return {
            "v": stream["v"][later],
            "columns": self._of_body(stream["columns"][later]) / unit[:, None],
            "residual": (rest - stream["columns"] @ coefficients)[later] / unit,
            "touched": stream["touched"][later],
            "unit": unit,
            **self._held_out(coefficients, unit),
        }

    def _of_body(self, columns: Array) -> Array:
        """Return the columns (T, n, 10) of a body among those of the arm."""
        return columns_of_body(self.linear, self.arm.model.tool_position, columns)

    def _held_out(self, coefficients: Array, unit: Array) -> dict[str, Array]:
        population, arm = self.config.arm, self.arm
        path = arm.path(round(self.config.held_out_seconds * population.rate), population)
        bodies = [model.rnea(*path) for model in (arm.model, self.loaded)]
        motion = arm.measured(self.linear, path, bodies[LOADED], population)
        kept = slice(HALF, len(path[0]) - HALF)
        free = np.stack([x + arm.friction.torque(path[0], path[1], x) for x in bodies])[:, kept]
        known = motion["nominal"] + motion["columns"] @ coefficients
        added = motion["tau"] - motion["free"]
        return {
            "held_columns": self._of_body(motion["columns"]) / unit[:, None],
            "held_free": (free - known) / unit,
            "held_measured": (free + added - known) / unit,
            "held_spread": free.std(1) / unit,
        }
