# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Working motion: the joints of an arm move together, as in a task that repeats."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array, JointLimits, joint_array
from ml3_ros.robots.control.sines import Sines

_GRID = 0.02  # spacing [s] at which limits are checked
_BEYOND = 1.0  # [s] before and after a piece in which limits are kept too: filters look there


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkingConfig:
    """Shape of working motion; the defaults suit a Sawyer.

    Such motion hardly tells the inertia of one joint from that of another: all accelerations
    are nearly in proportion.
    """

    directions: tuple[float, ...] = ()  # of the joints in the common motion [-]; empty: all 1
    own_share: float = 0.05  # of a joint's own motion, as a share of the common one [-]
    piece_seconds: float = 10.0  # then another workplace, and another motion [s]
    n_sines: int = 3  # of the common motion, and of each joint's own
    frequency: tuple[float, float] = (0.1, 0.8)  # [Hz]
    amplitude: float = 0.6  # largest common motion of a joint with direction 1 [rad]
    centre: float = 0.3  # largest offset of a workplace from home [rad]
    limit_share: float = 0.94  # of the velocity and acceleration limits that may be used
    position_margin: float = 0.05  # distance kept from the position limits [rad]

    def __post_init__(self) -> None:
        """Reject shapes that cannot be planned (ConfigError)."""
        for name, value in asdict(self).items():
            if not np.isfinite(value).all():
                raise ConfigError(f"{name} is {value}: it must be finite")
        for name in ("own_share", "amplitude", "centre", "position_margin"):
            if getattr(self, name) < 0.0:
                raise ConfigError(f"{name} is {getattr(self, name)}: it must be >= 0")
        if not self.piece_seconds > 0.0:
            raise ConfigError(f"piece_seconds is {self.piece_seconds}: it must be > 0 s")
        if self.n_sines < 1:
            raise ConfigError(f"n_sines is {self.n_sines}: it must be >= 1")
        if not 0.0 < self.frequency[0] <= self.frequency[1]:
            raise ConfigError(
                f"frequency is {self.frequency}: give the lowest and the highest, both > 0 Hz"
            )
        if not 0.0 < self.limit_share <= 1.0:
            raise ConfigError(f"limit_share is {self.limit_share}: it must be in (0, 1]")


class WorkingMotion:
    """Pieces of work, q = centre + A (s(t) + own_share o(t)); same seed, same pieces.

    A is `amplitude` times the joints' directions, s the same sum of sines for all joints and o one
    for each. Every piece has a centre and sums of its own; how the arm gets from one workplace
    to the next is no part of it. A piece that would exceed the position, velocity or acceleration
    limits is made smaller as a whole, so that joints stay in proportion.
    """

    def __init__(
        self, limits: JointLimits, home: ArrayLike, seed: int, config: WorkingConfig
    ) -> None:
        """Plan nothing yet; pieces are drawn when they are needed.

        Raises:
            ConfigError: home is not inside the position limits, or the directions are not those
                of its joints.
        """
        n = len(limits.lower)
        self.limits, self.seed, self.config = limits, seed, config
        self.home = joint_array(home, n, "home")
        margin = limits.margin(config.position_margin)
        inside = (self.home > limits.lower + margin) & (self.home < limits.upper - margin)
        if not inside.all():
            raise ConfigError(
                f"home of joint {limits.name(int(np.argmin(inside)))} is at its limit: choose one "
                "inside"
            )
        if len(config.directions) not in (0, n):
            raise ConfigError(f"directions: give one for each of {n} joints, or none")
        self._directions = np.asarray(config.directions or np.ones(n), dtype=float)

    def piece(self, number: int) -> Sines:
        """Return piece `number`, from 0; it keeps the limits, also a little beyond its ends."""
        config, n = self.config, len(self.home)
        rng = np.random.default_rng((self.seed, number))
        far = self.limits.as_far_as(1.0)
        centre = far * config.centre * rng.uniform(-1.0, 1.0, n)
        common, own = self._waves(rng, 1), self._waves(rng, n)
        amplitude, omega, phase = (
            np.concatenate([np.broadcast_to(shared, single.shape), single], axis=-1)
            for shared, single in zip(common, own, strict=True)
        )
        share = np.repeat((1.0, config.own_share), config.n_sines)
        amplitude = far[:, None] * config.amplitude * amplitude * share
        amplitude[:, : config.n_sines] *= self._directions[:, None]
        piece = Sines(centre, amplitude, omega, phase)
        size = self._fitting_size(piece)
        return Sines(self.home + size * centre, size * amplitude, omega, phase)

    def _waves(self, rng: np.random.Generator, rows: int) -> tuple[Array, Array, Array]:
        """Return amplitudes that sum to 1, angular frequencies and phases, each (rows, S)."""
        shape = (rows, self.config.n_sines)
        share = rng.uniform(0.3, 1.0, shape)
        omega = 2.0 * np.pi * rng.uniform(*self.config.frequency, shape)
        return share / share.sum(-1, keepdims=True), omega, rng.uniform(0.0, 2.0 * np.pi, shape)

    def _fitting_size(self, piece: Sines) -> float:
        """Return the factor, at most 1, with which a piece around home keeps all limits."""
        q, v, a = piece.at(np.arange(-_BEYOND, self.config.piece_seconds + _BEYOND, _GRID))
        share, limits = self.config.limit_share, self.limits
        margin = limits.margin(self.config.position_margin)
        room = (
            (q, limits.upper - margin - self.home),
            (-q, self.home - limits.lower - margin),
            (np.abs(v), share * limits.velocity),
            (np.abs(a), share * limits.acceleration),
        )
        sizes = [np.min(most / np.maximum(x.max(0), 1e-9)) for x, most in room]
        return float(min(1.0, *sizes))
