# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Adapter to `ros2 launch`: turns the description of a system into launch actions.

A launch file of ours can be part of another one: at the end of its system it ends its own
processes alone, and what it sets it sets for them alone. `launch` and `launch_ros` belong to a
ROS 2 installation and are on no package index: they are imported here alone, when a launch file is
read.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.event_handlers import OnProcessExit
from launch.events import matches_action
from launch.events.process import ProcessExited, ShutdownProcess
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from ml3_ros.bringup.arguments import yaml_text
from ml3_ros.bringup.description import Process, System
from ml3_ros.bringup.node_arguments import node_environment, ros_arguments
from ml3_ros.bringup.parent import PARENT
from ml3_ros.bringup.paths import program, use_packages_of

PREFIX, FILTER = "launch-prefix", "launch-prefix-filter"  # arguments of launch itself
PUSHED = "ros_namespace"  # where launch_ros keeps the namespace of a group
# A Ctrl-C reaches every process of a terminal. Until its node has started, Python would answer it
# with a traceback; launch ends what did not listen with SIGTERM.
SHIELD = """sh -c 'trap "" INT; exec "$0" "$@"'"""
PATIENCE_S = "3"


def launch_description(system: System) -> LaunchDescription:
    """Return the launch description of a system: what its launch file has to return."""
    use_packages_of(program())
    declared = [
        DeclareLaunchArgument(
            argument.name,
            default_value=None if argument.default is None else _text(argument.default),
            description=argument.help,
            choices=list(argument.only) or None,
        )
        for argument in system.arguments
    ]
    start = OpaqueFunction(function=lambda context: LaunchedSystem(system, context).start(context))
    return LaunchDescription([*declared, start])


class LaunchedSystem:
    """One system in a launch: its processes, the end of them all, and the report.

    A process that crashes ends the other processes of its system. The rest of the launch goes on,
    and the return code of `ros2 launch` is 1 in the end.
    """

    def __init__(self, system: System, context: LaunchContext) -> None:
        """Read the arguments, which have values now.

        Raises:
            ConfigError: An argument is unknown, missing, or outside what it may be.
            RobotError: There is no such robot.
        """
        configurations = context.launch_configurations
        included = _is_included(context)
        keys = _readable(system, configurations)
        if not included:
            keys |= _words_of_the_user(context)
        values, overrides = system.parse(
            [f"{key}:={configurations[key]}" for key in keys], included=included
        )
        values = system.complete(values)
        steps = system.before(values)
        values = {**values, **{k: value for step in steps for k, value in step.values.items()}}
        self._system, self._out = system, values[system.report]
        self._steps = [step for step in steps if step.words]
        self._environment = node_environment(context.environment)
        processes = system.started(values)
        self._nodes = {
            process.name: self._node(process, values, overrides.get(process.name, {}), context)
            for process in processes
        }
        self._vital = {process.name for process in processes if process.vital}
        self._running = set(self._nodes)
        self._ending = self._failed = False

    def start(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        """Return what runs before the nodes, as long as something is left of it; then these."""
        if not self._steps:
            return self._start_nodes()
        step = self._steps.pop(0)

        def follow(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
            if context.is_shutdown:
                return []
            if event.returncode != 0:
                self._fail(f"{step.name} ended with rc {event.returncode}", context)
                return []
            return self.start(context)

        return [self._command(step.name, step.words, follow)]

    def _start_nodes(self) -> list[LaunchDescriptionEntity]:
        """Return the processes, each with what follows its end."""
        entities: list[LaunchDescriptionEntity] = []
        for name, node in self._nodes.items():
            handler = OnProcessExit(
                target_action=node,
                on_exit=lambda event, context, name=name: self._on_exit(event, context, name),
            )
            entities += [node, RegisterEventHandler(handler)]
        return entities

    def _node(
        self,
        process: Process,
        values: Mapping[str, Any],
        overrides: Mapping[str, str],
        context: LaunchContext,
    ) -> Node:
        prefix = _prefix(process.executable, context.launch_configurations)
        pushed = context.launch_configurations.get(PUSHED, "")
        inside = {**values, "namespace": f"{pushed}/{values['namespace']}"}
        parent = {} if prefix else {PARENT: str(os.getpid())}  # a debugger comes in between
        return Node(
            package=process.package,
            executable=process.executable,
            arguments=list(process.words),
            exec_name=process.executable,
            name=process.name,
            namespace=values["namespace"].strip("/") or None,
            ros_arguments=ros_arguments(process, inside, overrides, context.environment),
            additional_env=self._environment | parent,
            prefix=prefix or SHIELD,
            sigterm_timeout=PATIENCE_S,
            output="screen",
            emulate_tty=True,
        )

    def _on_exit(
        self, event: ProcessExited, context: LaunchContext, name: str
    ) -> list[LaunchDescriptionEntity]:
        """End the rest after a crash, or when the system is done; report when all have ended."""
        self._running.discard(name)
        if context.is_shutdown:
            return []
        entities: list[LaunchDescriptionEntity] = []
        crashed = event.returncode != 0 and name in self._vital
        if not self._ending and (crashed or name == self._system.ends):
            self._ending = True
            if crashed:
                self._fail(f"{name} ended with rc {event.returncode}: ending the rest", context)
            entities += [self._shutdown_of(other) for other in sorted(self._running)]
        if not self._running and not self._failed:
            words = ("report", self._out)
            entities.append(self._command("report", words, self._on_report))
        return entities

    def _shutdown_of(self, name: str) -> EmitEvent:
        matcher = matches_action(self._nodes[name])
        return EmitEvent(event=ShutdownProcess(process_matcher=matcher))

    def _command(
        self, name: str, words: Sequence[str], on_exit: Callable[..., Any]
    ) -> ExecuteProcess:
        """Return a command of `ml3`."""
        return ExecuteProcess(
            cmd=[str(program()), *words],
            name=name,
            additional_env=self._environment,
            output="screen",
            on_exit=on_exit,
        )

    def _on_report(self, event: ProcessExited, context: LaunchContext) -> None:
        if event.returncode != 0 and not context.is_shutdown:
            self._fail(f"the report ended with rc {event.returncode}", context)

    def _fail(self, reason: str, context: LaunchContext) -> None:
        """Log it, and let the launch as a whole return 1 without ending it."""
        self._failed = True
        context.asyncio_loop.call_exception_handler({"message": f"{self._system.name}: {reason}"})


def _is_included(context: LaunchContext) -> bool:
    """Return whether the command line starts another launch file, which includes this one.

    That may have arguments of its own, and a parameter file for other nodes.
    """
    file = Path(getattr(context.locals, "current_launch_file_path", ""))
    return file.name not in {Path(word).name for word in sys.argv}


def _words_of_the_user(context: LaunchContext) -> set[str]:
    """Return the arguments of the command line: those of another system are rejected by name."""
    return {word.partition(":=")[0] for word in context.argv if ":=" in word} - {PREFIX, FILTER}


def _readable(system: System, keys: Iterable[str]) -> set[str]:
    """Return the keys that are arguments of the system, or parameters of its nodes."""
    arguments = {argument.name for argument in system.arguments}
    nodes = {process.name for process in system.processes}
    return {
        key for key in keys if key in arguments or ("." in key and key.partition(".")[0] in nodes)
    }


def _prefix(executable: str, configurations: Mapping[str, str]) -> str:
    """Return the user's `launch-prefix`, as gdb, where its filter fits; else ""."""
    fits = re.match(configurations.get(FILTER, ""), executable)
    return configurations.get(PREFIX, "") if fits else ""


def _text(default: object) -> str:
    return default if isinstance(default, str) else yaml_text(default)
