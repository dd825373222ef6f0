# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""States and settings of the bridge that sends efforts to an arm behind ros2_control."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from ml3_ros.errors import ConfigError, MessageError
from ml3_ros.robots.ros2_control.presets import Gravity


class NotReadyError(MessageError):
    """The arm or the bridge is in a state in which no effort may be sent."""

    kind = "commands while not ready"


class State(StrEnum):
    """Where the bridge is; efforts are sent in ACTIVE, and where the arm is held or let go."""

    WAITING = "waiting for joint states"
    DISABLED = "disabled"  # until an operator enables it
    READY = "ready"  # enabled; the first command makes it active
    ACTIVE = "active"
    STOPPING = "stopping"  # commands have ended: damping, then held or let go
    FAULT = "fault"  # until an operator resets it


@dataclass(frozen=True, kw_only=True, slots=True)
class EffortConfig:
    """How the bridge behaves.

    Attributes:
        gravity: Who holds the arm up: the `robot` adds gravity torques to every effort, or they
            have to be `included` in it.
        state_timeout: Age beyond which the arm's state is not known any more [s].
        held_up: Pause of the bridge itself after which it must not go on [s].
        entry_velocity: Largest velocity at which efforts may begin [rad/s].
        ramp: Time from the first effort to the full one [s].
        damping: Of an arm that is being stopped: torque -damping M v [1/s].
    """

    gravity: Gravity = "included"
    state_timeout: float = 0.03
    held_up: float = 0.1
    entry_velocity: float = 0.1
    ramp: float = 0.5
    damping: float = 10.0

    def __post_init__(self) -> None:
        """Reject values without a meaning (ConfigError)."""
        for name in ("state_timeout", "held_up", "entry_velocity", "ramp", "damping"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)}: it must be finite and > 0")
