# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ROS arguments and environment of a node: the same for `ml3 up` and for `ros2 launch`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml3_ros.bringup.arguments import yaml_text
from ml3_ros.bringup.description import OURS, Process
from ml3_ros.bringup.middleware import middleware
from ml3_ros.bringup.paths import config_file
from ml3_ros.errors import ConfigError

LONGEST_WORD = 131_000  # of a command line, by Linux
ENCLAVES = "/ml3"  # each node has one below it, with the policies of config/security


def ros_arguments(
    process: Process,
    values: Mapping[str, Any],
    overrides: Mapping[str, str],
    env: Mapping[str, str],
) -> list[str]:
    """Return what follows --ros-args, but for the node's name and namespace.

    Args:
        process: The node, with resolved parameters.
        values: The system's arguments; `namespace` is the whole namespace that the node is in.
        overrides: Single parameters as YAML text, stronger than those of `process`.
        env: Environment of the node.

    Raises:
        ConfigError: A parameter is longer than a command line may be.
    """
    texts = {key: yaml_text(value) for key, value in process.parameters.items()}
    texts["use_sim_time"] = yaml_text(values["use_sim_time"])
    texts |= overrides
    words = [word for pair in process.remappings for word in ("-r", ":=".join(pair))]
    if process.package == OURS:
        words += ["--params-file", str(config_file(f"{process.executable}.yaml"))]
        # without a logger's name the level would be that of the middleware, too
        logger = logger_name(process.name, values["namespace"])
        words += ["--log-level", f"{logger}:={values['log_level']}"]
    words += enclave_arguments(process.name, env)
    words += [word for key, text in texts.items() for word in ("-p", f"{key}:={text}")]
    if any(len(word) > LONGEST_WORD for word in words):
        raise ConfigError(
            f"the description of the robot is too long for {process.name}: frames:=arm_frames "
            "reads it from its file"
        )
    return words


def logger_name(node: str, namespace: str) -> str:
    """Return the name of a node's logger: arms.left.sim_arm of sim_arm in arms/left."""
    return ".".join([*filter(None, namespace.split("/")), node])


def enclave_arguments(name: str, env: Mapping[str, str]) -> list[str]:
    """Return the ROS arguments that put a node into its security enclave, where security is on.

    Args:
        name: Of the node.
        env: Its environment.
    """
    secure = env.get("ROS_SECURITY_ENABLE") == "true"
    return ["--enclave", f"{ENCLAVES}/{name}"] if secure else []


def node_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a node gets beside `env`; what the user has set stays."""
    ours = {
        "OMP_NUM_THREADS": "1",  # the networks are small: more threads only wait for each other
        "MUJOCO_GL": "disable",  # nodes draw nothing; looking for a window system takes 0.2 s
    }
    return {name: value for name, value in ours.items() if name not in env} | middleware(env)
