# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What shows a system: who publishes frames, RViz, Foxglove, and what is said where they miss."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ml3_ros.bringup.node_arguments import ros_arguments
from ml3_ros.bringup.systems.arm_file import TOPIC
from ml3_ros.bringup.systems.registry import SYSTEMS
from ml3_ros.bringup.systems.viewing import VIEWED
from ml3_ros.bringup.up import command
from ml3_ros.errors import ConfigError
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.urdf import urdf_text

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = """
from ml3_ros.bringup.systems.arm_file import TOPIC
from ml3_ros.bringup.systems.registry import SYSTEMS
print(SYSTEMS["reacher_reach"].resolve({})["frames"])
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function that installs a program of a ROS package, whose content is a script."""

    def install(package, text="#!/bin/sh\n"):
        marker = tmp_path / "share/ament_index/resource_index/packages" / package
        path = tmp_path / "lib" / package / package
        for file in (marker, path):
            file.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
        path.write_text(text)
        path.chmod(0o755)
        prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
        monkeypatch.setenv("AMENT_PREFIX_PATH", os.pathsep.join([str(tmp_path), *prefixes]))
        return path

    return install


def started(name, **given):
    values = SYSTEMS[name].resolve({"frames": "none", **given})
    return values, {process.name: process for process in SYSTEMS[name].started(values)}


@pytest.mark.parametrize("name", SYSTEMS)
def test_one_argument_says_who_publishes_the_frames(name, installed):
    needed = [a for a in SYSTEMS[name].arguments if a.default in (None, TOPIC)]
    given = {argument.name: "reacher" for argument in needed}
    installed("robot_state_publisher")
    robot = "sawyer" if name.startswith("sawyer") else "reacher"
    _, ours = started(name, frames="arm_frames", **given)
    assert ours["arm_frames"].parameters == {"robot": robot, "autostart": True}
    _, standard = started(name, frames="robot_state_publisher", **given)
    urdf = standard["robot_state_publisher"].parameters["robot_description"]
    assert urdf == urdf_text(load_robot(robot))
    _, nobody = started(name, **given)
    assert set(ours) - set(nobody) == {"arm_frames"}
    assert set(standard) - set(nobody) == {"robot_state_publisher"}


@pytest.mark.parametrize(
    ("given", "package"),
    [
        ({"rviz": "true"}, "rviz2"),
        ({"foxglove": "true"}, "foxglove-bridge"),
        ({"frames": "robot_state_publisher"}, "robot-state-publisher"),
    ],
)
def test_a_program_that_is_not_installed_is_named_with_its_debian_package(
    monkeypatch, given, package
):
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/nowhere")
    monkeypatch.setenv("ROS_DISTRO", "kilted")
    with pytest.raises(ConfigError, match=f"sudo apt install ros-kilted-{package}`"):
        started("reacher_reach", **given)


def test_rviz_is_started_with_our_view_in_the_frame_of_the_arm(installed):
    path = installed("rviz2")
    values, processes = started("reacher_reach", rviz="true", namespace="arms/left")
    made = command(processes["rviz2"], values, {}, {})
    assert made.argv[:5] == [str(path), "-d", str(ROOT / "config/ml3.rviz"), "-f", "base"]
    assert made.argv[5] == "--ros-args" and "__ns:=/arms/left" in made.argv
    for topic in VIEWED:
        assert f"/{topic}:={topic}" in made.argv
    assert "--params-file" not in made.argv
    assert not made.vital


def test_the_description_reaches_robot_state_publisher_whole(installed):
    installed("robot_state_publisher")
    values, processes = started("sawyer_invdyn", frames="robot_state_publisher")
    words = ros_arguments(processes["robot_state_publisher"], values, {}, {})
    (word,) = [w for w in words if w.startswith("robot_description:=")]
    text = yaml.safe_load(word.removeprefix("robot_description:="))
    assert text == urdf_text(load_robot("sawyer"))


def test_a_description_that_no_command_line_holds_is_left_to_arm_frames(installed, tmp_path):
    installed("robot_state_publisher")
    urdf = tmp_path / "long.urdf"
    comment = f"<!-- {'x' * 140_000} --></robot>"
    urdf.write_text(urdf_text(load_robot("reacher")).replace("</robot>", comment))
    values, processes = started(
        "sawyer_invdyn", frames="robot_state_publisher", robot=str(urdf), loss="none"
    )
    with pytest.raises(ConfigError, match="frames:=arm_frames"):
        command(processes["robot_state_publisher"], values, {}, {})


@pytest.mark.parametrize(
    ("packages", "env", "expected"),
    [
        (["robot_state_publisher"], {}, "robot_state_publisher"),
        (["robot_state_publisher"], {"ROS_SECURITY_ENABLE": "true"}, None),
        ([], {"AMENT_PREFIX_PATH": "/nowhere"}, None),
    ],
)
def test_frames_come_from_robot_state_publisher_where_it_is_installed(
    installed, packages, env, expected
):
    for package in packages:
        installed(package)
    found = subprocess.check_output(
        [sys.executable, "-c", DEFAULT], cwd=ROOT, env=os.environ | env, text=True
    ).strip()
    assert found == expected if expected else found in ("arm_frames", "none")
