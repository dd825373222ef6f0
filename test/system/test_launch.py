# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ros2 launch` starts the same processes as `ml3 up`; only where ROS 2 is installed."""

from __future__ import annotations

import runpy
import shutil
import subprocess

import pytest

from ml3_ros.bringup.paths import share
from ml3_ros.bringup.systems.registry import SYSTEMS

launch = pytest.importorskip("launch", reason="launch comes with a ROS 2 installation")
pytest.importorskip("launch_ros", reason="launch_ros comes with a ROS 2 installation")

TIMEOUT_S = 120.0
GIVEN = {"bag": "recording.db3", "urdf": "reacher"}
HEARD = {"joints": "[joint0,joint1]", "reliable": "true"}  # what would be listened for


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_launch_file_starts_what_the_description_says(name, tmp_path):
    from launch_ros.actions import Node

    system = SYSTEMS[name]
    module = runpy.run_path(str(share() / "launch" / f"{name}.launch.py"))
    description = module["generate_launch_description"]()
    context = launch.LaunchContext()
    known = GIVEN | HEARD if name == "observe" else GIVEN
    given = {a.name: known[a.name] for a in system.arguments if a.name in known}
    given["out"] = str(tmp_path)
    context.launch_configurations.update(given)
    nodes = []
    for entity in description.entities:
        nodes += [e for e in entity.visit(context) or [] if isinstance(e, Node)]
    started = system.started(system.complete(system.resolve(given)))
    assert [node.node_executable for node in nodes] == [p.executable for p in started]
    assert [node.node_package for node in nodes] == [p.package for p in started]
    declared = {argument.name for argument in description.get_launch_arguments()}
    assert declared == {argument.name for argument in system.arguments}


def ros2_launch(name, *words):
    """Run a launch file to its end; return the exit code and the output."""
    if shutil.which("ros2") is None:
        pytest.skip("ros2 comes with a ROS 2 installation")
    path = str(share() / "launch" / f"{name}.launch.py")
    result = subprocess.run(
        ["ros2", "launch", path, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return result.returncode, result.stdout


@pytest.mark.system
def test_policies_learn_and_any_parameter_of_a_node_can_be_set(tmp_path):
    words = ("goals:=1", "updates:=1", "speed:=5", "frames:=none", f"out:={tmp_path / 'out'}")
    rc, output = ros2_launch("reacher_reach", *words, "reach_optimizer.updates:=2")
    assert rc == 0, output
    assert "after 2 updates" in output
    assert "after 3 updates" not in output
    assert "Distance of the hand from its goal when an episode ends" in output
    assert (tmp_path / "out/reach_live.png").stat().st_size > 1000
    assert output.count("process has finished cleanly") == 4, "three nodes and the report"


@pytest.mark.system
def test_a_process_that_fails_ends_the_rest_and_is_rc_1(tmp_path):
    words = ("loss:=reacher_ml3_shaped", "frames:=none", f"out:={tmp_path / 'out'}")
    rc, output = ros2_launch("reacher_reach", *words)
    assert rc == 1, output
    assert "conductor ended with rc 1: ending the rest" in output
    assert output.count("process has finished cleanly") == 2, "the arm and the optimizer"
    assert "Traceback" not in output
