# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Feedforward of a learned torque: bounded, faded in and out, off when it is too old."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.base import Array

_NO_WEIGHT = 1e-6  # a feedforward with less is out of a mixture: its torque makes no jump

Feedforward = Callable[[Array, Array, Array], Array]
"""(q_ref [rad], v_ref [rad/s], a_ref [rad/s^2]) -> tau [N m], all (n,)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedforwardConfig:
    """How far a learned torque is trusted.

    Attributes:
        share: Largest share of the effort limits that it may take [-].
        fade: How long it takes to go from nothing to all of it, and back [s].
        max_age: Age beyond which a model counts no more [s].
    """

    share: float = 0.8
    fade: float = 1.0
    max_age: float = math.inf

    def __post_init__(self) -> None:
        """Reject values without a meaning (ConfigError)."""
        if not 0.0 <= self.share <= 1.0:
            raise ConfigError(f"share is {self.share}: it must be in [0, 1]")
        for name in ("fade", "max_age"):
            if not getattr(self, name) > 0.0:
                raise ConfigError(f"{name} is {getattr(self, name)}: it must be > 0 s")


@dataclass(frozen=True, slots=True)
class Trusted:
    """What is used of a learned torque [N m], (n,), and why it is less than all, if it is."""

    tau: Array
    fault: str | None


class FeedforwardGate:
    """Lets a learned torque in gradually, and out of the way when its model is not to be trusted.

    The weight of the torque rises from 0 to 1 within `fade` while the model is fresh and finite,
    and falls as fast once it is too old. Without a finite torque it is 0 at once: the last finite
    one holds no information about where the arm is now.
    """

    _bound: Array  # of the torque [N m], (n,)
    _config: FeedforwardConfig

    def __init__(self, effort: Array, config: FeedforwardConfig) -> None:
        """Begin with nothing let in; `effort` (n,) are the effort limits [N m].

        Raises:
            ConfigError: An effort limit is NaN or below 0.
        """
        if not (effort >= 0.0).all():
            raise ConfigError(
                f"effort limits are {effort.tolist()}: they must be >= 0, infinite where "
                "there is none"
            )
        self._effort = effort
        self.set(config)
        self.weight = 0.0

    def set(self, config: FeedforwardConfig) -> None:
        """Trust a torque so far from now on; its weight goes on from where it is."""
        # no share is nothing, also of a joint without an effort limit
        effort = self._effort
        self._bound = config.share * effort if config.share > 0.0 else np.zeros_like(effort)
        self._config = config

    def reset(self) -> None:
        """Begin anew with nothing let in."""
        self.weight = 0.0

    def passed(self, tau: Array | None, age: float, dt: float) -> Trusted:
        """Return what to use for the coming period.

        Args:
            tau: Learned torque [N m], (n,); None: there is no model yet.
            age: Since the model has last learned [s].
            dt: Since the last call [s].

        Raises:
            ConfigError: dt is not finite, or below 0; what was let in stays.
            RobotError: tau is not one number a joint; what was let in stays.
        """
        if not 0.0 <= dt < math.inf:
            raise ConfigError(f"dt is {dt}: it must be finite and >= 0 s")
        if tau is None:
            self.weight = 0.0
            return Trusted(np.zeros_like(self._bound), None)
        if np.shape(tau) != self._bound.shape:
            raise RobotError(
                f"the learned torque has shape {np.shape(tau)}: it must be {self._bound.shape}"
            )
        if not np.isfinite(tau).all():
            self.weight = 0.0
            return Trusted(np.zeros_like(self._bound), "not finite feedforward torques")
        old = not age <= self._config.max_age  # NaN is old
        step = dt / self._config.fade
        self.weight = float(np.clip(self.weight + (-step if old else step), 0.0, 1.0))
        bounded = np.clip(tau, -self._bound, self._bound)
        fault = None
        if old:
            fault = "models too old"
        elif (bounded != tau).any():
            fault = "feedforward torques over their share"
        return Trusted(self.weight * bounded, fault)


class Crossfade:
    """One feedforward that turns into another without a jump of the torque.

    Called once a control period; the change-over takes `seconds`. One that begins before the last
    is over begins from the mixture that was reached: that is faded out as a whole.
    """

    _step: float  # of the mixture's share, a period

    def __init__(self, first: Feedforward, seconds: float, dt: float) -> None:
        """Begin with `first`; `dt` is the control period [s].

        Raises:
            ConfigError: seconds or dt is not finite and > 0.
        """
        self._dt = dt
        self.retime(seconds)
        self._newest = first
        self._mixture: dict[Feedforward, float] = {}  # is faded out; weights, together 1
        self._left = 0.0  # share of the mixture

    def retime(self, seconds: float) -> None:
        """Let change-overs take `seconds` from now on, also what is left of the present one.

        Raises:
            ConfigError: seconds or dt is not finite and > 0.
        """
        for name, value in (("seconds", seconds), ("dt", self._dt)):
            if not 0.0 < value < math.inf:
                raise ConfigError(f"{name} is {value}: it must be finite and > 0 s")
        self._step = self._dt / seconds

    def to(self, feedforward: Feedforward) -> None:
        """Begin to change over to another feedforward."""
        weights = {old: self._left * weight for old, weight in self._mixture.items()}
        mixture = {old: weight for old, weight in weights.items() if weight > _NO_WEIGHT}
        newest = 1.0 - sum(mixture.values())
        mixture[self._newest] = mixture.get(self._newest, 0.0) + newest
        self._mixture, self._newest, self._left = mixture, feedforward, 1.0

    def replace(self, feedforward: Feedforward) -> None:
        """Use another version of the newest feedforward, at once."""
        self._newest = feedforward

    def __call__(self, q: Array, v: Array, a: Array) -> Array:
        """Return the torque of this period [N m], (n,)."""
        self._left = max(0.0, self._left - self._step)
        tau = self._newest(q, v, a)
        if self._left == 0.0:
            self._mixture.clear()
            return tau
        old = sum(weight * each(q, v, a) for each, weight in self._mixture.items())
        return (1.0 - self._left) * tau + self._left * old
