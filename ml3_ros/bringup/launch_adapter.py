"""The systems of ml3_ros for `ros2 launch`: the same description as `ml3 up`, as launch entities.

`launch` and `launch_ros` belong to a ROS 2 installation and are on no package index, so they are
imported here alone, and only when a launch file is read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import yaml
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from ml3_ros.bringup.description import Process, System, enclave_arguments, yaml_text
from ml3_ros.bringup.middleware import middleware
from ml3_ros.bringup.paths import config_file
from ml3_ros.errors import Ml3Error

REPORT = "from ml3_ros.cli.main import main; raise SystemExit(main())"


def launch_description(system: System) -> LaunchDescription:
    """Return what a launch file of this system has to return."""
    declared = [
        DeclareLaunchArgument(
            argument.name,
            default_value=None if argument.default is None else _text(argument.default),
            description=argument.help,
            choices=list(argument.choices) or None,
        )
        for argument in system.arguments
    ]
    return LaunchDescription(
        [
            *declared,
            SetEnvironmentVariable("OMP_NUM_THREADS", "1"),
            *(SetEnvironmentVariable(*setting) for setting in middleware(os.environ).items()),
            OpaqueFunction(function=lambda context: _entities(system, context)),
        ]
    )


def _entities(system: System, context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the processes, now that the arguments have values."""
    ours = {argument.name for argument in system.arguments}
    nodes = {process.name for process in system.processes}
    words = [  # a launch file that includes this one may have arguments of its own
        f"{key}:={value}"
        for key, value in context.launch_configurations.items()
        if key in ours or ("." in key and key.partition(".")[0] in nodes)
    ]
    values, overrides = system.parse(words)
    entities: list[LaunchDescriptionEntity] = []
    for process in system.started(values):
        node = _node(process, overrides.get(process.name, {}))
        entities.append(node)
        handler = OnProcessExit(
            target_action=node,
            on_exit=lambda event, context, name=process.name: _on_exit(
                event, context, name, system, values[system.report]
            ),
        )
        entities.append(RegisterEventHandler(handler))
    return entities


def _node(process: Process, overrides: Mapping[str, str]) -> Node:
    file = str(config_file(f"{process.executable}.yaml"))
    given = {key: yaml.safe_load(text) for key, text in overrides.items()}
    return Node(
        package="ml3_ros",
        executable=process.executable,
        name=process.name,
        parameters=[file, dict(process.parameters) | given],
        remappings=list(process.remappings),
        ros_arguments=enclave_arguments(process.name, os.environ),
        output="screen",
        emulate_tty=True,
    )


def _on_exit(
    event: ProcessExited, context: LaunchContext, name: str, system: System, out: str
) -> list[LaunchDescriptionEntity]:
    """End the rest when a process crashed or the system is done; then report.

    Raises:
        Ml3Error: A process crashed. launch ends the rest in good order then, as after a Shutdown,
            but only with an exception does `ros2 launch` end with rc 1, as `ml3 up` does.
    """
    if context.is_shutdown:
        return []
    if event.returncode != 0:
        raise Ml3Error(f"{name} ended with rc {event.returncode}: ending the rest")
    if name != system.ends:
        return []
    report = ExecuteProcess(
        cmd=[sys.executable, "-c", REPORT, "report", out],
        name="report",
        output="screen",
        on_exit=_on_report,
    )
    return [report]


def _on_report(event: ProcessExited, _context: LaunchContext) -> list[LaunchDescriptionEntity]:
    if event.returncode != 0:
        raise Ml3Error(f"the report ended with rc {event.returncode}")
    return [EmitEvent(event=Shutdown(reason="the run is finished"))]


def _text(default: object) -> str:
    return default if isinstance(default, str) else yaml_text(default)
