# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Launch file of arm_motion: an arm is moved by its own controller, and learned.

Run `ros2 launch ml3_ros arm_motion.launch.py [argument:=value ...]`, with `--show-args` for a
list of the arguments, or include it in a launch file of yours (docs/launch.md).
"""

from launch import LaunchDescription
from ml3_ros.bringup.launch_adapter import launch_description
from ml3_ros.bringup.systems.registry import SYSTEMS


def generate_launch_description() -> LaunchDescription:
    """Return the nodes of the system, as ml3_ros.bringup.systems.motion describes them."""
    return launch_description(SYSTEMS["arm_motion"])
