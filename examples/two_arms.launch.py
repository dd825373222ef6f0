# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Two systems of ml3_ros in one launch file, in two namespaces, beside a node of your own.

ros2 launch examples/two_arms.launch.py duration:=30
"""

from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription, LogInfo
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return both systems, which report into folders of their own, and end."""
    file = PathJoinSubstitution(
        [FindPackageShare("ml3_ros"), "launch", "reacher_invdyn.launch.py"]
    )
    systems = []
    for side, seed in (("left", "0"), ("right", "1")):
        arguments = {
            "namespace": side,
            "seed": seed,
            "out": [LaunchConfiguration("out"), "/", side],
            "duration": LaunchConfiguration("duration"),
        }
        # A group of its own: launch would keep the arguments for the next one.
        systems.append(
            GroupAction([IncludeLaunchDescription(file, launch_arguments=arguments.items())])
        )
    return LaunchDescription(
        [
            DeclareLaunchArgument("duration", default_value="30", description="to learn from [s]"),
            DeclareLaunchArgument("out", default_value="out", description="folder of the results"),
            *systems,
            LogInfo(msg="Your own nodes go here."),
        ]
    )
