"""The systems of ml3_ros for `ros2 launch`: the same description as `ml3 up`, as launch entities.

`launch` and `launch_ros` belong to a ROS 2 installation and are on no package index, so they are
imported here alone, and only when a launch file is read.
"""

from __future__ import annotations

import sys

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from ml3_ros.bringup.description import Process, System, yaml_text
from ml3_ros.bringup.paths import config_file

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
            OpaqueFunction(function=lambda context: _entities(system, context)),
        ]
    )


def _entities(system: System, context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the processes, now that the arguments have values."""
    given = {a.name: context.launch_configurations[a.name] for a in system.arguments}
    values = system.resolve(given)
    entities: list[LaunchDescriptionEntity] = []
    for process in system.started(values):
        node = _node(process)
        entities.append(node)
        handler = OnProcessExit(
            target_action=node,
            on_exit=lambda event, _context, name=process.name: _on_exit(
                event, name, system, values[system.report]
            ),
        )
        entities.append(RegisterEventHandler(handler))
    return entities


def _node(process: Process) -> Node:
    return Node(
        package="ml3_ros",
        executable=process.executable,
        name=process.name,
        parameters=[str(config_file(f"{process.executable}.yaml")), dict(process.parameters)],
        remappings=list(process.remappings),
        output="screen",
        emulate_tty=True,
    )


def _on_exit(
    event: ProcessExited, name: str, system: System, out: str
) -> list[LaunchDescriptionEntity]:
    """End the rest when a process crashed or the system is done; then report."""
    if event.returncode != 0:
        reason = f"{name} ended with rc {event.returncode}"
        told = LogInfo(msg=f"{reason}: ending the rest")
        return [told, EmitEvent(event=Shutdown(reason=reason))]
    if name != system.ends:
        return []
    report = ExecuteProcess(
        cmd=[sys.executable, "-c", REPORT, "report", out],
        name="report",
        output="screen",
        on_exit=[EmitEvent(event=Shutdown(reason="the run is finished"))],
    )
    return [report]


def _text(default: object) -> str:
    return default if isinstance(default, str) else yaml_text(default)
