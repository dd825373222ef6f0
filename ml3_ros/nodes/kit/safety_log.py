# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Log of what the safety stage changed, the same for every node that drives motors."""

from __future__ import annotations

from typing import Any

from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.robots.control.safety import SafeCommand


def log_violations(node: Ml3Node[Any], command: SafeCommand) -> None:
    """Count and log what the stage changed in a command."""
    for violation in command.violations:
        node.diagnostics.counts[violation.kind] += 1
        node.get_logger().warning(str(violation), throttle_duration_sec=2.0)
