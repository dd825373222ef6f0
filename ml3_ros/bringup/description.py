# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Description of a system of nodes as data: its processes and arguments, and their values.

`ml3 up` (up.py) and `ros2 launch` (launch_adapter.py) start the same processes from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ml3_ros.bringup.arguments import COMMON, Argument, yaml_text
from ml3_ros.bringup.params_file import read_params_file
from ml3_ros.bringup.paths import program_of
from ml3_ros.bringup.placeholders import replaced
from ml3_ros.errors import ConfigError

OURS = "ml3_ros"
Condition = tuple[str, *tuple[Any, ...]]
"""(argument, values...): it has one of these values."""


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
        remappings: (from, to) names of topics; placeholders are replaced.
        renamed: More of them, and when.
        when: Start the process only then.
        unless: Do not start it then.
    """

    name: str
    executable: str
    package: str = OURS
    words: tuple[Any, ...] = ()
    vital: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)
    remappings: tuple[tuple[str, Any], ...] = ()
    renamed: tuple[Condition, tuple[tuple[str, str], ...]] | None = None
    when: Condition | None = None
    unless: Condition | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A command of `ml3` that runs to its end before the nodes of a system start.

    Attributes:
        name: Of its output.
        words: What follows `ml3`.
        values: Arguments that have other values from then on.
    """

    name: str
    words: tuple[str, ...]
    values: Mapping[str, Any]


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
        complete: Returns all arguments as they are once files, and what runs already, are looked
            at: `ml3 up` and launch call it when they begin.
        before: Returns what runs before the nodes, in order.
    """

    name: str
    help: str
    own_arguments: tuple[Argument, ...]
    processes: tuple[Process, ...]
    ends: str = "conductor"
    report: str = "out"
    shown: str = "adaptation/adam_tuned"
    complete: Callable[[dict[str, Any]], dict[str, Any]] = dict
    before: Callable[[Mapping[str, Any]], list[Step]] = lambda _: []

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """All arguments: the system's own, then those that every system has."""
        own = {argument.name for argument in self.own_arguments}
        return (*self.own_arguments, *(a for a in COMMON if a.name not in own))

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
            if process.when is not None and not _holds(process.when, values):
                continue
            if process.unless is not None and _holds(process.unless, values):
                continue
            if process.package != OURS:
                program_of(process.package, process.executable)
            parameters = {
                key: replaced(value, values) for key, value in process.parameters.items()
            }
            words = tuple(replaced(word, values) for word in process.words)
            names = tuple((topic, replaced(name, values)) for topic, name in process.remappings)
            if process.renamed is not None and _holds(process.renamed[0], values):
                names += process.renamed[1]
            filled = replace(process, parameters=parameters, words=words, remappings=names)
            processes.append(replace(filled, renamed=None, when=None, unless=None))
        return processes

    def usage(self) -> str:
        """Return the arguments in one line."""
        return "arguments: " + ", ".join(
            f"{a.name}:={'VALUE' if a.default is None else yaml_text(a.default)}"
            for a in self.arguments
        )


def _holds(condition: Condition, values: Mapping[str, Any]) -> bool:
    argument, *expected = condition
    return values[argument] in expected
