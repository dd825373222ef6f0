# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""States and settings of the Sawyer driver, and the commands that it sends."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from ml3_ros.errors import ConfigError, MessageError
from ml3_ros.robots.base import Array


class NotReadyError(MessageError):
    """The robot or the driver is in a state in which no torque may be sent."""

    kind = "commands while not ready"


class State(StrEnum):
    """Where the driver is; torque is sent in ACTIVE and, to brake, in STOPPING."""

    DISCONNECTED = "disconnected"  # /robot/state or joint states have never come
    DISABLED = "disabled"
    HOLD = "holding"  # enabled; the robot holds its position
    HOMING = "moving home"  # the robot moves home in its position mode
    ACTIVE = "active"
    STOPPING = "stopping"  # commands have ended: damping, then hold
    FAULT = "fault"  # until an operator resets it


@dataclass(frozen=True, kw_only=True, slots=True)
class DrivingConfig:
    """How the driver behaves.

    Attributes:
        state_timeout: Age beyond which the arm's state is not known any more [s].
        robot_timeout: Time without a command after which the robot lets the arm hold [s].
        entry_velocity: Largest velocity at which torques may begin [rad/s].
        ramp: Time from the first torque to the full one [s].
        damping: Of an arm that is being stopped: torque -damping M v [1/s].
        brake_release: Time from enabling to the first torque [s].
        home_timeout: Longest way home [s].
        gravity_on_top: joint_command is on top of gravity already: nothing is taken out.
    """

    state_timeout: float = 0.02
    robot_timeout: float = 0.05
    entry_velocity: float = 0.1
    ramp: float = 0.5
    damping: float = 10.0
    brake_release: float = 1.0
    home_timeout: float = 30.0
    gravity_on_top: bool = False

    def __post_init__(self) -> None:
        """Reject values without a meaning (ConfigError)."""
        positive = ("state_timeout", "robot_timeout", "entry_velocity", "ramp", "damping")
        for name in (*positive, "home_timeout"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)}: it must be finite and > 0")
        if not 0.0 <= self.brake_release < math.inf:
            raise ConfigError(
                f"brake_release is {self.brake_release}: it must be finite and >= 0 s"
            )


@dataclass(frozen=True, slots=True)
class Send:
    """One JointCommand: torque on top of gravity [N m], or a position [rad], (n,)."""

    torque: Array | None = None
    position: Array | None = None
