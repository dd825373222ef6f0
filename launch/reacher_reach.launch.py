# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ros2 launch ml3_ros reacher_reach.launch.py [key:=value ...]; --show-args tells the keys."""

from launch import LaunchDescription
from ml3_ros.bringup.launch_adapter import launch_description
from ml3_ros.bringup.systems.invdyn import SYSTEMS


def generate_launch_description() -> LaunchDescription:
    """Return the processes of the system, as described in ml3_ros.bringup.systems.invdyn."""
    return launch_description(SYSTEMS["reacher_reach"])
