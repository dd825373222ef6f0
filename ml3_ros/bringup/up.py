"""`ml3 up`: the processes of a system as commands, run by the supervisor, then its report."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence

from ml3_ros.bringup.description import Process, System, enclave_arguments, yaml_text
from ml3_ros.bringup.middleware import RANGE, middleware
from ml3_ros.bringup.paths import config_file
from ml3_ros.bringup.supervisor import Command, Supervisor


def environment() -> dict[str, str]:
    """Return the environment of the nodes; what the user has set means what it did."""
    env = dict(os.environ) | _reach()
    env |= middleware(env)
    env.setdefault("AMENT_PREFIX_PATH", sys.prefix)
    env.setdefault("OMP_NUM_THREADS", "1")
    env.setdefault("PYTHONUNBUFFERED", "1")
    env.setdefault("RCUTILS_COLORIZED_OUTPUT", "0")
    env.setdefault("RCUTILS_CONSOLE_OUTPUT_FORMAT", "[{severity}] {message}")
    return env


def _reach() -> dict[str, str]:
    """Return which nodes find each other: by default those of this machine."""
    names = {"ROS_DOMAIN_ID": "0", RANGE: "LOCALHOST"}
    return {name: os.environ.get(name, default) for name, default in names.items()}


def command(process: Process, overrides: Mapping[str, str], env: Mapping[str, str]) -> Command:
    """Return the command line of a node, as `ros2 run` would build it.

    Args:
        process: The node, with resolved parameters.
        overrides: Single parameters as YAML text, stronger than those of `process`.
        env: Environment of the node.
    """
    texts = {key: yaml_text(value) for key, value in process.parameters.items()} | dict(overrides)
    argv = [sys.executable, "-m", f"ml3_ros.nodes.{process.executable}", "--ros-args"]
    argv += ["-r", f"__node:={process.name}"]
    for source, target in process.remappings:
        argv += ["-r", f"{source}:={target}"]
    argv += ["--params-file", str(config_file(f"{process.executable}.yaml"))]
    argv += enclave_arguments(process.name, env)
    for key, text in texts.items():
        argv += ["-p", f"{key}:={text}"]
    return Command(name=process.name, argv=argv, env=env)


def up(system: System, words: Sequence[str]) -> int:
    """Run a system until it ends; return the exit code of `ml3 up`.

    Raises:
        ConfigError: An argument is unknown, missing, or outside what it may be.
    """
    values, overrides = system.parse(words)
    env = environment()
    processes = system.started(values)
    commands = [command(p, overrides.get(p.name, {}), env) for p in processes]
    supervisor = Supervisor()
    supervisor.log(f"{system.name}: " + " ".join(f"{k}:={v}" for k, v in values.items()))
    for line in viewing_commands(env):
        supervisor.log(line)
    rc = supervisor.run(commands, ends=system.ends)
    if rc == 0 and not supervisor.interrupted:
        argv = [sys.executable, "-m", "ml3_ros.cli.main", "report", values[system.report]]
        report = Command(name="report", argv=argv, env=env)
        rc = supervisor.run([report], ends="report", bare=True)
    return rc


def viewing_commands(env: Mapping[str, str]) -> list[str]:
    """Return how to see the topics of the running system from another terminal."""
    setting = " ".join(f"{name}={value}" for name, value in _reach().items())
    if shutil.which("ros2", path=env.get("PATH")):
        viewers = (
            "ros2 topic list",
            "ros2 topic echo /adaptation",
            "ros2 topic echo /diagnostics",
        )
    else:
        viewers = ("ml3 topics", "ml3 topics /adaptation", "ml3 topics /diagnostics")
    return ["look at it from another terminal (Ctrl-C here ends everything):"] + [
        f"  {setting} {viewer}" for viewer in viewers
    ]
