# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Description of a system of nodes as data: its processes and arguments, and their values.

`ml3 up` (up.py) and `ros2 launch` (launch_adapter.py) start the same processes from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ml3_ros.bringup.arguments import COMMON, Argument, yaml_text
from ml3_ros.bringup.params_file import read_params_file
from ml3_ros.bringup.paths import config_file, program_of
from ml3_ros.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Arg:
    """Placeholder in a process's parameters for the value of an argument."""

    name: str


@dataclass(frozen=True, slots=True)
class JointsOf:
    """Placeholder for the joint names of the robot that an argument names."""

    name: str


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


Placeholder = Arg | BaseOf | ConfigFile | JointsOf | ModelOf | NameOf | UrdfOf
OURS = "ml3_ros"


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """One node of a system.

    Attributes:
        name: Name of the node and of its output.
        executable: Console script of ml3_ros, the module of that name in ml3_ros.nodes; or a
            program of another package.
        package: ROS package of the program; others than ours are not configured by config/.
        words: Further words of the command line; placeholders are replaced.
        parameters: Overrides of config/<executable>.yaml; placeholders (`Arg`, ...) are replaced.
        vital: Whether its crash ends the system. What only shows something is not vital.
        remappings: (from, to) names of topics.
        when: (argument, value): start the process only then.
        unless: (argument, value): do not start it then.
    """

    name: str
    executable: str
    package: str = OURS
    words: tuple[Any, ...] = ()
    vital: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)
    remappings: tuple[tuple[str, str], ...] = ()
    when: tuple[str, Any] | None = None
    unless: tuple[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class System:
    """A system of nodes.

    Attributes:
        name: Name on the command line.
        help: One sentence.
        own_arguments: What a user may set, beside COMMON.
        processes: All nodes; some only with certain arguments.
        ends: Name of the process whose end is the end of the system.
        report: Argument whose value is the folder that `ml3 report` shows at the end.
        shown: Topic that shows how learning goes.
    """

    name: str
    help: str
    own_arguments: tuple[Argument, ...]
    processes: tuple[Process, ...]
    ends: str = "conductor"
    report: str = "out"
    shown: str = "adaptation/adam_tuned"

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """All arguments: the system's own, then those that every system has."""
        return self.own_arguments + COMMON

    def parse(
        self, words: Sequence[str], *, included: bool = False
    ) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
        """Split `key:=value` words into arguments and overrides of single parameters.

        Args:
            words: `argument:=value`, or `node.parameter:=value` for any parameter of a node.
            included: Whether the system is a part of a launch of others, whose `params_file` may
                be for other nodes.

        Returns:
            All arguments by name, and overrides by node (their values as YAML text): those of
            the file `params_file`, then those of the words.

        Raises:
            ConfigError: A word is no such pair, a key is unknown, or a value does not fit.
        """
        given: dict[str, str] = {}
        single: dict[str, dict[str, str]] = {}
        nodes = dict.fromkeys(process.name for process in self.processes)
        for word in words:
            key, separator, value = word.partition(":=")
            node, dot, parameter = key.partition(".")
            if not separator:
                raise ConfigError(f"'{word}' is not key:=value; {self.usage()}")
            if dot and node in nodes:
                single.setdefault(node, {})[parameter] = value
            elif key in {argument.name for argument in self.arguments}:
                given[key] = value
            else:
                raise ConfigError(f"{self.name} has no argument '{key}'; {self.usage()}")
        values = self.resolve(given)
        if not values["params_file"]:
            return values, single
        overrides = read_params_file(
            values["params_file"], nodes, values["namespace"], shared=included
        )
        return values, {name: overrides[name] | single.get(name, {}) for name in nodes}

    def resolve(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return all arguments by name, parsed, with defaults filled in.

        Raises:
            ConfigError: A value does not fit, or one that must be given is missing.
        """
        values = {}
        for argument in self.arguments:
            if argument.name in given:
                values[argument.name] = argument.parse(given[argument.name])
            elif argument.default is None:
                raise ConfigError(f"{self.name} needs {argument.name}:=VALUE: {argument.help}")
            else:
                values[argument.name] = argument.default
        return values

    def started(self, values: Mapping[str, Any]) -> list[Process]:
        """Return the processes that these arguments start, with every placeholder replaced.

        Raises:
            RobotError: An argument names a robot that does not exist.
            ConfigError: A program of another package is not installed.
        """
        processes = []
        for process in self.processes:
            if process.when is not None and values[process.when[0]] != process.when[1]:
                continue
            if process.unless is not None and values[process.unless[0]] == process.unless[1]:
                continue
            if process.package != OURS:
                program_of(process.package, process.executable)
            parameters = {
                key: _replaced(value, values) for key, value in process.parameters.items()
            }
            words = tuple(_replaced(word, values) for word in process.words)
            processes.append(
                replace(process, parameters=parameters, words=words, when=None, unless=None)
            )
        return processes

    def usage(self) -> str:
        """Return the arguments in one line."""
        return "arguments: " + ", ".join(
            f"{a.name}:={'VALUE' if a.default is None else yaml_text(a.default)}"
            for a in self.arguments
        )


def _replaced(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, Arg):
        return values[value.name]
    if isinstance(value, ModelOf):
        return model_of(values[value.name])
    if isinstance(value, ConfigFile):
        return str(config_file(value.name))
    if isinstance(value, BaseOf | JointsOf | NameOf | UrdfOf):
        return _of_robot(value, model_of(values[value.name]))
    return value


def _of_robot(value: BaseOf | JointsOf | NameOf | UrdfOf, model: str) -> Any:
    from ml3_ros.robots.registry import load_robot
    from ml3_ros.robots.urdf import urdf_text

    robot = load_robot(model)
    if isinstance(value, UrdfOf):
        return urdf_text(robot)
    if isinstance(value, BaseOf):
        return robot.base
    return list(robot.names) if isinstance(value, JointsOf) else robot.name


def model_of(robot: str) -> str:
    """Return the name of a robot's model: that of sawyer_sim, the simulated arm, is sawyer."""
    return robot.removesuffix("_sim")
