# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of the safety stage, and the errors that it raises."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ml3_ros.errors import ConfigError, MessageError, Ml3Error


class NotFiniteCommandError(MessageError):
    """A command holds NaN or infinity."""

    kind = "not finite commands"


class CommandLengthError(MessageError):
    """A command has not one number for each joint."""

    kind = "commands of wrong length"


class StaleCommandError(MessageError):
    """A command answers a state that is too old."""

    kind = "stale commands"


class FutureCommandError(MessageError):
    """A command is stamped later than the state that it can have seen."""

    kind = "commands from the future"


class SafetyStop(Ml3Error):
    """Nothing may be sent, the arm has to hold itself: the stage stays stopped until a reset."""

    kind = "safety stops"


class NoTorqueError(SafetyStop):
    """No torque is known to be safe in this period; the next one is evaluated anew."""

    kind = "periods without a safe torque"


@dataclass(frozen=True, kw_only=True, slots=True)
class SafetyConfig:
    """Limits as shares of the model's, and what happens beyond them.

    Attributes:
        effort_share: Share of the effort limit that the part on top of gravity may take [-].
        effort_rate: Largest change of that part, in effort limits per second [1/s].
        velocity_share: Share of the velocity limit from which a joint is braked [-].
        overspeed: Share of the velocity limit beyond which the arm is stopped, whatever
            `on_violation` says [-].
        position_margin: Distance to a position limit at which a joint is at rest [rad].
        stop_gain: How hard joints are braked: deceleration over the excess of velocity [1/s].
        on_violation: "clamp" goes on with what is allowed; "stop" lets nothing pass any more.
        command_timeout: Age at which a command is stale [s].
        future_tolerance: How far in the future a stamp may be [s].
    """

    effort_share: float = 1.0
    effort_rate: float = 200.0
    velocity_share: float = 1.0
    position_margin: float = 0.02
    overspeed: float = math.inf
    stop_gain: float = 30.0
    on_violation: Literal["clamp", "stop"] = "clamp"
    command_timeout: float = 0.1
    future_tolerance: float = 0.0

    def __post_init__(self) -> None:
        """Reject values without a meaning (ConfigError)."""
        for name in ("effort_share", "velocity_share"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ConfigError(f"{name} is {getattr(self, name)}: it must be in (0, 1]")
        for name in ("effort_rate", "overspeed", "stop_gain"):  # which may be infinite
            if not getattr(self, name) > 0.0:
                raise ConfigError(f"{name} is {getattr(self, name)}: it must be > 0")
        if not 0.0 < self.command_timeout < math.inf:
            raise ConfigError(
                f"command_timeout is {self.command_timeout}: it must be finite and > 0 s"
            )
        for name in ("position_margin", "future_tolerance"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)}: it must be finite and >= 0")
        if self.on_violation not in ("clamp", "stop"):
            raise ConfigError(f"on_violation is {self.on_violation!r}: it must be clamp or stop")
