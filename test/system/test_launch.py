"""`ros2 launch` starts the same processes as `ml3 up`; only where ROS 2 is installed."""

from __future__ import annotations

import runpy

import pytest

from ml3_ros.bringup.paths import share
from ml3_ros.bringup.systems import SYSTEMS

launch = pytest.importorskip("launch", reason="launch comes with a ROS 2 installation")
pytest.importorskip("launch_ros", reason="launch_ros comes with a ROS 2 installation")

GIVEN = {"bag": "recording.db3", "urdf": "reacher"}


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_launch_file_starts_what_the_description_says(name):
    from launch_ros.actions import Node

    system = SYSTEMS[name]
    module = runpy.run_path(str(share() / "launch" / f"{name}.launch.py"))
    description = module["generate_launch_description"]()
    context = launch.LaunchContext()
    given = {a.name: GIVEN[a.name] for a in system.arguments if a.name in GIVEN}
    context.launch_configurations.update(given)
    nodes = []
    for entity in description.entities:
        nodes += [e for e in entity.visit(context) or [] if isinstance(e, Node)]
    started = system.started(system.resolve(given))
    assert [node.node_executable for node in nodes] == [p.executable for p in started]
    assert {node.node_package for node in nodes} == {"ml3_ros"}
    declared = {argument.name for argument in description.get_launch_arguments()}
    assert declared == {argument.name for argument in system.arguments}
