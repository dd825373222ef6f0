# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Signals of a recording in terms of the model: units, signs, zeros, and what efforts hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import ConfigError

Array = NDArray[np.float64]
Gravity = Literal["included", "robot"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalConfig:
    """How a recording differs from the model; the defaults change nothing.

    Numbers are one for all joints, or one a joint in the order of the model.
    """

    rename: tuple[str, ...] = ()  # PREFIX or RECORDED=NAME, see `data.repair.names`
    position_unit: Literal["rad", "deg"] = "rad"  # of positions and velocities
    joint_sign: tuple[float, ...] = ()  # -1: the joint counts the other way round, effort too
    joint_offset: tuple[float, ...] = ()  # of the model's position over the recorded one [rad]
    effort_sign: tuple[float, ...] = ()  # -1: the load on the motor is published
    effort_scale: tuple[float, ...] = ()  # N m of one unit of the recorded effort
    effort_order: tuple[str, ...] = ()  # joint under whose name the effort of each joint comes
    gravity: Gravity = "included"  # robot: efforts are without gravity

    def __post_init__(self) -> None:
        for name in ("joint_sign", "effort_sign"):
            if any(abs(x) != 1.0 for x in getattr(self, name)):
                raise ConfigError(
                    f"{name} must be 1 or -1 of each joint, got {getattr(self, name)}"
                )
        for name in ("joint_offset", "effort_scale"):
            if not np.isfinite(getattr(self, name)).all():
                raise ConfigError(f"{name} must be finite, got {getattr(self, name)}")
        if any(x <= 0.0 for x in self.effort_scale):
            raise ConfigError(
                f"effort_scale must be > 0, got {self.effort_scale}: see effort_sign"
            )


def in_model_terms(recording: JointRecording, config: SignalConfig) -> JointRecording:
    """Return a recording in radians, N m and the model's directions, as far as is configured.

    Raises:
        ConfigError: Numbers or names do not fit the joints.
    """
    names = recording.names
    sign = _each("joint_sign", config.joint_sign, names, 1.0)
    turn = sign * (np.pi / 180.0 if config.position_unit == "deg" else 1.0)
    effort = _ordered(recording.tau, config.effort_order, names)
    scale = _each("effort_scale", config.effort_scale, names, 1.0)
    return replace(
        recording,
        q=recording.q * turn + _each("joint_offset", config.joint_offset, names, 0.0),
        v=recording.v * turn,
        tau=effort * sign * scale * _each("effort_sign", config.effort_sign, names, 1.0),
    )


def option(name: str, values: Sequence[float] | Sequence[str]) -> str:
    """Return an option as a user gives it: one value if all are the same."""
    words = [value if isinstance(value, str) else f"{value:.4g}" for value in values]
    return f"{name}={words[0] if len(set(words)) == 1 else ','.join(words)}"


def _each(name: str, given: Sequence[float], names: Sequence[str], default: float) -> Array:
    if len(given) not in (0, 1, len(names)):
        raise ConfigError(
            f"{name} has {len(given)} numbers: give one, or one for each of {', '.join(names)}"
        )
    return np.resize(np.array(given or (default,), dtype=float), len(names))


def _ordered(effort: Array, order: Sequence[str], names: Sequence[str]) -> Array:
    if not order:
        return effort
    if sorted(order) != sorted(names):
        raise ConfigError(
            f"effort_order must name {', '.join(names)} once each, got {', '.join(order)}"
        )
    return effort[:, [names.index(name) for name in order]]
