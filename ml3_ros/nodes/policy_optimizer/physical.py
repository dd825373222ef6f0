# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Physical models of policy_optimizer, imported only where the parameter `models` names one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ml3_ros.errors import ConfigError
from ml3_ros.identification.live.companion import PhysicalCompanion
from ml3_ros.identification.live.physical_model import PhysicalModelConfig
from ml3_ros.nodes.policy_optimizer.parameters import PolicyOptimizerParameters
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.registry import load_robot


def arm_of(parameters: PolicyOptimizerParameters, joints: Sequence[str]) -> RobotDescription:
    """Return the arm that physical models begin as.

    Args:
        parameters: Of the node.
        joints: Of the stream, in order; () while they are not known.

    Raises:
        ConfigError: The arm has other joints.
    """
    source = parameters.model or parameters.robot
    description = load_robot(source)
    if joints and set(joints) < set(description.names):  # the stream has fewer: others are held
        description = load_robot(source, recorded=joints)
    if joints and description.names != tuple(joints):
        raise ConfigError(
            f"physical models begin as {description.name}, whose joints are "
            f"{', '.join(description.names)}, but the stream has {', '.join(joints)}: set the "
            "parameter model to the arm that streams"
        )
    return description


def companion_of(
    joints: Sequence[str],
    names: Sequence[str],
    parameters: PolicyOptimizerParameters,
    report: Callable[[str], object],
) -> PhysicalCompanion:
    """Return the physical models of a run.

    Args:
        joints: Of the stream, in order.
        names: Which of physical_model and physical_and_network are asked for.
        parameters: Of the node.
        report: Called when the network is let through, or shut out.

    Raises:
        ConfigError: The arm has other joints.
    """
    config = PhysicalModelConfig(fit=parameters.physical_loss, payload=parameters.payload)
    return PhysicalCompanion(arm_of(parameters, joints), config, names, report=report)
