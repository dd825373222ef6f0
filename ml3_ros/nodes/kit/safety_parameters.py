"""Parameters of the safety stage, the same for every node that drives motors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.parameters import Param
from ml3_ros.robots.control.safety import SafeCommand
from ml3_ros.robots.control.safety_config import SafetyConfig

OFF = 1e9  # stands for infinity, which no YAML of ROS can say


def safety_params(default: SafetyConfig) -> tuple[Param, ...]:
    """Return the rows of the parameter table, with the defaults of a robot."""
    return (
        Param(name="effort_share", default=default.effort_share, help="share of the effort limits "
              "that commands may take on top of gravity [-]", limits=(0.0, 1.0)),
        Param(name="effort_rate", default=default.effort_rate, help="largest change of a torque, "
              "in effort limits per second [1/s]", limits=(0.1, 1e4)),
        Param(name="velocity_share", default=default.velocity_share, help="share of the velocity "
              "limits that joints are kept below [-]", limits=(0.01, 1.0)),
        Param(name="overspeed", default=min(default.overspeed, OFF), help="share of the velocity "
              "limits beyond which the arm is stopped until it is reset; 1e9: never [-]",
              limits=(0.01, OFF)),
        Param(name="position_margin", default=default.position_margin, help="distance to the "
              "position limits at which joints come to rest [rad]", limits=(0.0, 1.0)),
        Param(name="stop_gain", default=default.stop_gain, help="how hard joints are braked: "
              "deceleration over the excess of velocity [1/s]", limits=(1.0, 300.0)),
        Param(name="on_violation", default=default.on_violation, help="a command beyond a limit "
              "is cut down (clamp), or ends all commands until the arm is reset (stop)",
              choices=("clamp", "stop")),
        Param(name="command_timeout", default=default.command_timeout, help="age at which a "
              "command is stale [s]", limits=(0.005, 5.0)),
        Param(name="future_tolerance", default=default.future_tolerance, help="how far in the "
              "future a command may be stamped [s]", limits=(0.0, 1.0)),
    )  # fmt: skip


def safety_config(values: Mapping[str, Any]) -> SafetyConfig:
    """Return the configuration that a node's parameters say.

    Raises:
        ConfigError: Values do not go together.
    """
    names = SafetyConfig.__dataclass_fields__
    config = {name: values[name] for name in names}
    if config["overspeed"] >= OFF:
        config["overspeed"] = math.inf
    return SafetyConfig(**config)


def log_violations(node: Ml3Node, command: SafeCommand) -> None:
    """Count what the stage changed in a command, and say so."""
    for violation in command.violations:
        node.diagnostics.counts[violation.kind] += 1
        node.get_logger().warning(str(violation), throttle_duration_sec=2.0)
