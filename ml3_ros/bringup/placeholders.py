# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Placeholders in the description of a system, and what arguments put in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml3_ros.bringup.arguments import names_of
from ml3_ros.bringup.paths import config_file
from ml3_ros.errors import ConfigError
from ml3_ros.files import user_path

EMULATED = "ros2_control_emulated"
BRIDGED = ("ros2_control", EMULATED)  # arms whose model another argument names


@dataclass(frozen=True, slots=True)
class Arg:
    """Placeholder in a process's parameters for the value of an argument."""

    name: str


@dataclass(frozen=True, slots=True)
class JointsOf:
    """Placeholder for the joint names of the robot that an argument names."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedJointsOf:
    """Placeholder for those joints of the robot `name` that a recording carries; all arguments."""

    name: str
    bag: str
    topic: str
    rename: str
    joints: str


@dataclass(frozen=True, slots=True)
class NameOf:
    """Placeholder for the name of the robot that an argument names, as by the path of a URDF."""

    name: str


@dataclass(frozen=True, slots=True)
class BaseOf:
    """Placeholder for the base frame of the robot that an argument names."""

    name: str


@dataclass(frozen=True, slots=True)
class ModelOf:
    """Placeholder for the model of the robot that an argument names: sawyer for sawyer_sim."""

    name: str


@dataclass(frozen=True, slots=True)
class UrdfOf:
    """Placeholder for the URDF, as text, of the robot that an argument names."""

    name: str


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """Placeholder for the path of a file in config/."""

    name: str


Placeholder = Arg | BaseOf | ConfigFile | JointsOf | ModelOf | NameOf | RecordedJointsOf | UrdfOf


def replaced(value: Any, values: Mapping[str, Any]) -> Any:
    """Return what stands for a value of a description: itself, unless it is a placeholder.

    Raises:
        RobotError: An argument names a robot that does not exist.
        ConfigError: An argument that another one needs is missing, or does not fit it.
    """
    if isinstance(value, Arg):
        return values[value.name]
    if isinstance(value, ModelOf):
        return model_of(value.name, values)
    if isinstance(value, ConfigFile):
        return str(config_file(value.name))
    if isinstance(value, RecordedJointsOf):
        return _recorded_joints(value, values)
    if isinstance(value, BaseOf | JointsOf | NameOf | UrdfOf):
        return _of_robot(value, model_of(value.name, values))
    return value


def _recorded_joints(value: RecordedJointsOf, values: Mapping[str, Any]) -> list[str]:
    """Return the joints that are recorded; all of the robot where there is no such recording.

    Then bag_player, which is to play it, says so.
    """
    from ml3_ros.data.read_recording import joints_recorded
    from ml3_ros.robots.registry import movable_joints

    known = movable_joints(model_of(value.name, values))
    bag = user_path(values[value.bag])
    if not bag.exists():
        return list(known)
    found = list(joints_recorded(bag, known, values[value.topic] or None, values[value.rename]))
    missing = [name for name in names_of(values[value.joints]) if name not in found]
    if missing:
        raise ConfigError(
            f"{bag} does not carry {', '.join(missing)}: choose joints among {', '.join(found)}"
        )
    return found


def _of_robot(value: BaseOf | JointsOf | NameOf | UrdfOf, model: str) -> Any:
    from ml3_ros.robots.registry import load_robot
    from ml3_ros.robots.urdf import urdf_text

    robot = load_robot(model)
    if isinstance(value, UrdfOf):
        return urdf_text(robot)
    if isinstance(value, BaseOf):
        return robot.base
    return list(robot.names) if isinstance(value, JointsOf) else robot.name


def model_of(argument: str, values: Mapping[str, Any]) -> str:
    """Return the model of the robot that an argument names: sawyer is that of sawyer_sim.

    Raises:
        ConfigError: It is an arm that has to be named by another argument, and is not.
    """
    robot: str = values[argument]
    if robot not in BRIDGED or "urdf" not in values:
        return robot.removesuffix("_sim")
    if not values["urdf"]:
        raise ConfigError(f"{argument}:={robot} needs urdf:=VALUE: path of the arm's URDF")
    return str(values["urdf"])
