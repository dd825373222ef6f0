# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters of the safety stage, the same for every node that drives motors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from ml3_ros.nodes.kit.parameters.annotated import NodeParameters, Param
from ml3_ros.robots.control.safety_config import SafetyConfig

DEFAULT = SafetyConfig()
OFF = 1e9  # stands for infinity, which YAML of ROS cannot express


@dataclass(frozen=True, kw_only=True)
class SafetyParameters(NodeParameters):
    """How commands to motors are limited, as shares of the limits of the robot's model."""

    effort_share: Annotated[
        float,
        Param("share of the effort limits that commands may take on top of gravity [-]", (0, 1)),
    ] = DEFAULT.effort_share
    effort_rate: Annotated[
        float,
        Param("largest change of a torque, in effort limits per second [1/s]", (0.1, 1e4)),
    ] = DEFAULT.effort_rate
    velocity_share: Annotated[
        float,
        Param("share of the velocity limits beyond which a joint is braked [-]", (0.01, 1)),
    ] = DEFAULT.velocity_share
    overspeed: Annotated[
        float,
        Param(
            "share of the velocity limits beyond which the arm is stopped until it is reset; "
            "1e9: never [-]",
            (0.01, OFF),
        ),
    ] = min(DEFAULT.overspeed, OFF)
    position_margin: Annotated[
        float,
        Param("distance to the position limits at which joints come to rest [rad]", (0, 1)),
    ] = DEFAULT.position_margin
    stop_gain: Annotated[
        float,
        Param("how hard joints are braked: deceleration over excess velocity [1/s]", (1, 300)),
    ] = DEFAULT.stop_gain
    on_violation: Annotated[
        Literal["clamp", "stop"],
        Param(
            "what follows a command beyond a limit: it is cut down (clamp), or no command passes "
            "until the arm is reset (stop)"
        ),
    ] = DEFAULT.on_violation
    command_timeout: Annotated[
        float, Param("age beyond which a command is stale and not used [s]", (0.005, 5))
    ] = DEFAULT.command_timeout
    future_tolerance: Annotated[
        float, Param("how far in the future a command may be stamped [s]", (0, 1))
    ] = DEFAULT.future_tolerance

    def safety(self) -> SafetyConfig:
        """Return the configuration of the safety stage.

        Raises:
            ConfigError: Values do not go together.
        """
        return SafetyConfig(
            effort_share=self.effort_share,
            effort_rate=self.effort_rate,
            velocity_share=self.velocity_share,
            overspeed=math.inf if self.overspeed >= OFF else self.overspeed,
            position_margin=self.position_margin,
            stop_gain=self.stop_gain,
            on_violation=self.on_violation,
            command_timeout=self.command_timeout,
            future_tolerance=self.future_tolerance,
        )
