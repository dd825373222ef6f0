# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Run of a system by `ml3 up`: its processes under the supervisor, then its report."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ml3_ros.bringup.description import OURS, Process, System
from ml3_ros.bringup.middleware import RANGE
from ml3_ros.bringup.node_arguments import node_environment, ros_arguments
from ml3_ros.bringup.paths import program_of
from ml3_ros.bringup.supervisor import Command, Supervisor


def environment() -> dict[str, str]:
    """Return the environment of the nodes: our defaults, and what the user has set unchanged."""
    env = dict(os.environ) | _reach()
    env |= node_environment(env)
    env.setdefault("AMENT_PREFIX_PATH", sys.prefix)
    env.setdefault("PYTHONUNBUFFERED", "1")
    env.setdefault("RCUTILS_COLORIZED_OUTPUT", "0")
    env.setdefault("RCUTILS_CONSOLE_OUTPUT_FORMAT", "[{severity}] {message}")
    return env


def _reach() -> dict[str, str]:
    """Return the variables that say which nodes meet: by default those of this machine."""
    names = {"ROS_DOMAIN_ID": "0", RANGE: "LOCALHOST"}
    return {name: os.environ.get(name, default) for name, default in names.items()}


def command(
    process: Process,
    values: Mapping[str, Any],
    overrides: Mapping[str, str],
    env: Mapping[str, str],
) -> Command:
    """Return the command line of a node, as `ros2 run` would build it.

    Args:
        process: The node, with resolved parameters.
        values: The system's arguments.
        overrides: Single parameters as YAML text, stronger than those of `process`.
        env: Environment of the node.
    """
    argv = [sys.executable, "-m", f"ml3_ros.nodes.{process.executable}"]
    if process.package != OURS:
        argv = [str(program_of(process.package, process.executable))]
    argv += [*process.words, "--ros-args", "-r", f"__node:={process.name}"]
    if namespace := values["namespace"].strip("/"):
        argv += ["-r", f"__ns:=/{namespace}"]
    argv += ros_arguments(process, values, overrides, env)
    return Command(name=process.name, argv=argv, env=env, vital=process.vital)


def up(system: System, words: Sequence[str]) -> int:
    """Run a system until it ends; return the exit code of `ml3 up`.

    Raises:
        ConfigError: An argument is unknown, missing, or outside what it may be.
    """
    values, overrides = system.parse(words)
    env = environment()
    with _in_the_place_of(env):
        values = system.complete(values)
    steps = system.before(values)
    changed = {key: value for step in steps for key, value in step.values.items()}
    processes = system.started({**values, **changed})
    commands = [command(p, values, overrides.get(p.name, {}), env) for p in processes]
    supervisor = Supervisor()
    supervisor.log(f"{system.name}: " + " ".join(f"{k}:={v}" for k, v in values.items()))
    for step in steps:
        rc = _run(supervisor, step.name, step.words, env) if step.words else 0
        if rc != 0 or supervisor.interrupted:
            return rc
    for line in viewing_commands(env, system.shown, values["namespace"]):
        supervisor.log(line)
    rc = supervisor.run(commands, ends=system.ends)
    if rc == 0 and not supervisor.interrupted:
        rc = _run(supervisor, "report", ("report", values[system.report]), env)
    return rc


def _run(supervisor: Supervisor, name: str, words: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a command of `ml3` to its end; return its code, 0 where a signal ended it."""
    argv = [sys.executable, "-m", "ml3_ros.cli.main", *words]
    return supervisor.run([Command(name=name, argv=argv, env=env)], ends=name, bare=True)


@contextmanager
def _in_the_place_of(env: Mapping[str, str]) -> Iterator[None]:
    """Let this process hear and be heard as the nodes that get `env`."""
    before = dict(os.environ)
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def viewing_commands(env: Mapping[str, str], shown: str, namespace: str = "") -> list[str]:
    """Return commands that show the topics of a running system in another terminal."""
    topic = "/".join(filter(None, [*namespace.split("/"), shown]))
    setting = " ".join(f"{name}={value}" for name, value in _reach().items())
    if shutil.which("ros2", path=env.get("PATH")):
        viewers = (
            "ros2 topic list",
            f"ros2 topic echo /{topic}",
            "ros2 topic echo /diagnostics",
        )
    else:
        viewers = ("ml3 topics", f"ml3 topics /{topic}", "ml3 topics /diagnostics")
    return ["look at it from another terminal (Ctrl-C here ends everything):"] + [
        f"  {setting} {viewer}" for viewer in viewers
    ]
