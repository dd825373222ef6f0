# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Viewers of a system: the processes that `frames:=`, `rviz:=` and `foxglove:=` start."""

from __future__ import annotations

from ml3_ros.bringup.arguments import ARM_FRAMES, ROBOT_STATE_PUBLISHER
from ml3_ros.bringup.description import Process
from ml3_ros.bringup.placeholders import BaseOf, ConfigFile, ModelOf, UrdfOf

# RViz and robot_state_publisher name these topics from the root; ours follow the namespace.
VIEWED = ("tf", "tf_static", "robot_description", "reach_markers", "hand_pose", "goal")
FROM_ROOT = tuple((f"/{topic}", topic) for topic in VIEWED)


def viewing(robot: str = "robot") -> tuple[Process, ...]:
    """Return what the arguments `frames`, `rviz` and `foxglove` start, beside the other nodes.

    Args:
        robot: The argument that names the robot.
    """
    return (
        Process(
            name=ARM_FRAMES,
            executable=ARM_FRAMES,
            parameters={"robot": ModelOf(robot), "autostart": True},
            when=("frames", ARM_FRAMES),
            vital=False,
        ),
        Process(
            name=ROBOT_STATE_PUBLISHER,
            package=ROBOT_STATE_PUBLISHER,
            executable=ROBOT_STATE_PUBLISHER,
            parameters={"robot_description": UrdfOf(robot)},
            remappings=FROM_ROOT[:2],
            when=("frames", ROBOT_STATE_PUBLISHER),
            vital=False,
        ),
        Process(
            name="rviz2",
            package="rviz2",
            executable="rviz2",
            words=("-d", ConfigFile("ml3.rviz"), "-f", BaseOf(robot)),
            remappings=FROM_ROOT,
            when=("rviz", True),
            vital=False,
        ),
        Process(
            name="foxglove_bridge",
            package="foxglove_bridge",
            executable="foxglove_bridge",
            when=("foxglove", True),
            vital=False,
        ),
    )
