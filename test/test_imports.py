# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who may import whom: imports run one way, ROS stays in its rooms, what is used is declared."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tools import draw_rooms

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ml3_ros"

ROS_ROOMS = {"nodes", "bringup", "benchmarks", "client"}
ROS_FREE_ROOMS = (
    {folder.parent.name for folder in PACKAGE.glob("*/__init__.py")} - ROS_ROOMS - {"cli"}
)
ROS = re.compile(
    r"(rclpy|rcl_interfaces|builtin_interfaces|rosidl\w*|ament_index_python|launch(_\w+)?|\w+_(msgs|srvs))"
    r"(\.|$)"
)
SIMULATORS = {"mujoco", "pinocchio"}
CORE_IMPORTS = {"torch", "safetensors"}


def imports_of(path: Path) -> set[str]:
    """Return the dotted names that a file imports, also those inside its functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports hide the room they come from"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


SOURCES = {
    path.relative_to(PACKAGE): imports_of(path)
    for path in PACKAGE.rglob("*.py")
    if len(path.relative_to(PACKAGE).parts) > 1
}


def test_imports_keep_the_contracts_of_the_rooms():
    """The contracts stand in pyproject.toml; every room has its level there."""
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_ros_stays_in_its_rooms():
    for path, names in SOURCES.items():
        if path.parts[0] not in ROS_ROOMS:
            assert not [name for name in names if ROS.match(name)], path


def test_core_imports_torch_and_little_else():
    for path, names in SOURCES.items():
        if path.parts[0] == "core":
            allowed = CORE_IMPORTS | sys.stdlib_module_names | {"ml3_ros"}
            allowed |= {"higher"} if path.name == "higher.py" else set()
            assert {name.split(".")[0] for name in names} <= allowed, path


def test_only_robots_import_a_simulator():
    for path, names in SOURCES.items():
        if path.parts[0] != "robots":
            assert not SIMULATORS & {name.split(".")[0] for name in names}, path


def loaded_by(code: str) -> set[str]:
    """Return the names of the top-level modules that are loaded after `code` ran."""
    code += "\nimport sys; print('LOADED', *{name.split('.')[0] for name in sys.modules})"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split("LOADED", 1)[1].split())


def test_the_rooms_below_ros_load_without_it():
    modules = [
        ".".join(("ml3_ros", *path.with_suffix("").parts)).removesuffix(".__init__")
        for path in SOURCES
        if path.parts[0] in ROS_FREE_ROOMS
    ]
    loaded = loaded_by("\n".join(f"import {module}" for module in modules))
    assert loaded >= SIMULATORS  # all of it really was imported
    assert not [name for name in loaded if ROS.match(name)]


@pytest.mark.parametrize(
    "module", ["ml3_ros.data.filters", "ml3_ros.learners.inverse_dynamics.online"]
)
def test_what_adapts_online_loads_no_model(module):
    assert not SIMULATORS & loaded_by(f"import {module}")


def test_the_picture_of_the_rooms_is_current():
    assert draw_rooms.PAGE.read_text() == draw_rooms.drawn(draw_rooms.PAGE.read_text()), (
        "run .venv/bin/python tools/draw_rooms.py"
    )


def test_rooms_that_import_one_another_are_no_levels():
    with pytest.raises(ValueError, match="a, b"):
        draw_rooms.levels({"a": {"b"}, "b": {"a"}, "c": set()})


def third_party() -> set[str]:
    """Return the top-level modules that the package imports from elsewhere."""
    names = {name.split(".")[0] for names in SOURCES.values() for name in names}
    return names - sys.stdlib_module_names - {"ml3_ros"}


def test_ros_packages_in_use_are_declared():
    declared = {tag.text for tag in ET.parse(ROOT / "package.xml").iter("exec_depend")}
    assert {name for name in third_party() if ROS.match(name)} <= declared


def test_python_packages_in_use_are_declared():
    distributions = {
        **importlib.metadata.packages_distributions(),
        "crocoddyl": ["crocoddyl"],  # this and Pinocchio do not say which modules they bring
        "pinocchio": ["pin"],
    }
    requirements = importlib.metadata.requires("ml3_ros")
    declared = {
        canonicalize_name(re.match(r"[\w.-]+", text)[0])
        for text in requirements
        if 'extra == "test"' not in text  # what only tests may import
    }
    for name in third_party():
        if not ROS.match(name):
            assert {canonicalize_name(d) for d in distributions[name]} & declared, name
