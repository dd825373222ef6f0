# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`log_level` of a system is the level of its nodes, and not that of what they are built on."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ml3_ros.bringup.systems.invdyn import REACHER_INVDYN
from ml3_ros.bringup.up import command, environment

# The levels in a process that gets the arguments of a node.
LEVELS = """
import json, rclpy
from rclpy.logging import get_logger_effective_level
rclpy.init()
logger = rclpy.create_node("name_that_is_remapped").get_logger()
others = {name: get_logger_effective_level(name).name for name in ("rcl", "rmw", "rclpy")}
children = logger.get_child("action_server").get_effective_level().name
own = logger.get_effective_level().name
print(json.dumps({logger.name: own, "its children": children, **others}))
"""


def started(*words):
    """Return the command of the first node that these words start."""
    values, overrides = REACHER_INVDYN.parse([*words, "loss:=none"])
    process = REACHER_INVDYN.started(values)[0]
    return command(process, values, overrides.get(process.name, {}), environment())


def printed_until(last, argv, env):
    """Return the lines that a program prints, up to the one with `last` in it."""
    program = subprocess.Popen(
        argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines = []
    try:
        for line in program.stdout:
            lines.append(line)
            if last in line:
                break
    finally:
        program.kill()
        program.communicate()
    return "".join(lines)


@pytest.mark.parametrize(
    ("level", "namespace"), [("debug", ""), ("warn", ""), ("debug", "arms/left"), ("error", "/a")]
)
def test_the_level_is_that_of_our_node_alone(level, namespace):
    node = started(f"log_level:={level}", f"namespace:={namespace}")
    arguments = node.argv[node.argv.index("--ros-args") :]
    printed = printed_until("{", [sys.executable, "-c", LEVELS, *arguments], node.env)
    found = json.loads(printed.splitlines()[-1])
    name = ".".join([*filter(None, namespace.split("/")), "sim_arm"])
    ours = {name: level.upper(), "its children": level.upper()}
    assert found == {**ours, "rcl": "INFO", "rmw": "INFO", "rclpy": "INFO"}
    assert "[DEBUG]" not in printed


@pytest.mark.parametrize(("level", "shown"), [("debug", True), ("warn", True), ("error", False)])
def test_a_node_shows_warnings_down_to_its_level_and_nothing_of_the_middleware(level, shown):
    """A misspelt parameter is a warning; an arm that does not exist, tried later, an error."""
    words = ("sim_arm.misspelt:=1", "sim_arm.robot:=no_arm.xml", "sim_arm.autostart:=true")
    node = started(f"log_level:={level}", *words)
    printed = printed_until("no_arm.xml", node.argv, node.env)
    assert ("there is no parameter 'misspelt'" in printed) == shown
    assert "no_arm.xml" in printed  # the error
    assert "[DEBUG]" not in printed
