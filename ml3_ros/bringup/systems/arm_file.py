# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""File of a system's arm: with the chosen joints alone, or as a running robot publishes it.

Nodes read an arm from a file. Where it differs from the one that a user names, it is written into
the folder of the run, with which it stays for the report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from ml3_ros.bringup.arguments import TOPIC_NAME, names_of
from ml3_ros.bringup.placeholders import BRIDGED, EMULATED, model_of
from ml3_ros.bringup.systems.parts import REAL
from ml3_ros.errors import ConfigError
from ml3_ros.files import user_path, write_atomically

TOPIC, DESCRIPTION = "topic", "robot_description"
PATIENCE_S = 30.0  # for a description
LONGEST_NAME = 100  # of a file that is named after a robot


def with_joints(robot: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what completes the arguments of a system whose joints can be chosen.

    Args:
        robot: The argument that names the robot.
    """

    def complete(values: dict[str, Any]) -> dict[str, Any]:
        chosen = names_of(values["joints"])
        if not chosen:
            return values
        if values[robot] in BRIDGED or (robot, values[robot]) == REAL:
            raise ConfigError(
                f"joints:= cannot be chosen with {robot}:={values[robot]}: its driver moves all "
                "of them; leave it out"
            )
        return {**values, robot: arm_with(values[robot], chosen, values["out"])}

    return complete


def with_urdf(values: dict[str, Any]) -> dict[str, Any]:
    """Complete the arguments of a system that names its arm by `urdf`, maybe on a topic."""
    heard = with_description(values, PATIENCE_S)
    return with_joints("urdf")(heard)


def with_description(values: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return arguments in which `urdf` is a file, also where it names a topic.

    Raises:
        ConfigError: It is no topic, or nobody publishes there within `seconds`.
        RobotError: What is published is no robot.
    """
    kind, _, topic = values["urdf"].partition(":")
    if kind != TOPIC:
        return values
    if not re.fullmatch(TOPIC_NAME, topic or DESCRIPTION):
        raise ConfigError(f"urdf:={values['urdf']} names no topic: write urdf:=topic:/NAME")
    from ml3_ros.bringup.systems.live_robot import description
    from ml3_ros.robots.registry import load_urdf

    name, text = description(topic or DESCRIPTION, values["namespace"], seconds)
    robot = load_urdf(text, name, simulated=False)
    return {**values, "urdf": _written(text, robot.name, values["out"])}


def arm_with(robot: str, joints: Sequence[str], out: str) -> str:
    """Return a robot, by name or file, in which these joints alone move.

    Args:
        robot: Name or file.
        joints: Of the robot.
        out: Folder in which a file is written where other joints move, too.

    Raises:
        RobotError: There is no such robot, or it has no such joint.
    """
    from ml3_ros.robots.registry import load_robot, movable_joints
    from ml3_ros.robots.urdf import urdf_text

    model = robot.removesuffix("_sim")
    if set(joints) == set(movable_joints(model)):
        return robot
    held = load_robot(model, joints=joints, simulated=False)
    return _written(urdf_text(held), held.name, out)


def with_rotors(values: dict[str, Any]) -> dict[str, Any]:
    """Complete the arguments of a system whose emulated arm has rotors that its URDF leaves out.

    All nodes read the same file, so whoever commands the arm knows of them, as of a real one.

    Raises:
        ConfigError: `urdf` is missing.
        RobotError: It is no robot.
    """
    if values["robot"] != EMULATED or values["armature"] == 0.0:
        return values
    from ml3_ros.robots.registry import load_robot
    from ml3_ros.robots.urdf import with_armature

    arm = load_robot(model_of("robot", values))
    if arm.format == "mjcf":  # which has a word of its own for them
        return values
    return {
        **values,
        "urdf": _written(with_armature(arm, values["armature"]), arm.name, values["out"]),
    }


def _written(text: str, robot: str, out: str) -> str:
    """Write the URDF of a robot into a folder, under its name, and return where it is."""
    stem = re.sub(r"[^\w-]+", "_", robot)[:LONGEST_NAME] or "arm"
    path = user_path(out) / f"{stem}.urdf"
    write_atomically(path, text.encode())
    return str(path)
