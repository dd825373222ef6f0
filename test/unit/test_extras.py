# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Programs start without the packages of extras, and `ros2 launch` without those of PyPI alone."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

from ml3_ros.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
MODULES = {  # of packages that do not say which modules they bring, or are called otherwise
    "example-robot-data": "example_robot_data",
    "scikit-learn": "sklearn",
    "stable-baselines3": "stable_baselines3",
}
EXTRAS = {
    MODULES.get(requirement.name, requirement.name)
    for requirement in map(Requirement, importlib.metadata.requires("ml3_ros"))
    if requirement.marker and not requirement.marker.evaluate({"extra": "test"})
}
PYPI_ALONE = {
    Requirement(line.partition("#")[0]).name
    for line in (ROOT / "requirements-colcon.txt").read_text().splitlines()
    if line and line[0] != "#"
} - {"setuptools"}
BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ImportError(f"blocked: {{name}}", name=name)
sys.meta_path.insert(0, Blocked())
"""


def run_without(names: set[str], code: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process where packages of these names cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", BLOCK.format(names=names) + code, *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_extras_are_known():
    assert {"crocoddyl", "higher", "ray", "sklearn", "tyro"} <= EXTRAS
    assert not {"pytest", "torch"} & EXTRAS


def test_programs_and_their_help_need_no_extra():
    code = """
import importlib.metadata
from ml3_ros.cli.main import COMMANDS, main
for entry in importlib.metadata.distribution("ml3_ros").entry_points:
    assert callable(entry.load()), entry
for command in COMMANDS:
    try:
        main([command, "--help"])
    except SystemExit as end:
        assert end.code == 0, command
"""
    result = run_without(EXTRAS, code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("usage: ml3 ") == len(COMMANDS)


NEEDING = {  # what needs an extra, and the package that is named then
    "with_overrides(0, ['robot=reacher'])": "tyro",
    "meta_gradient_of(Engine(kind='higher'))": "higher",
    "table_rows(Table(q=x, v=x, a=x, tau=x), TableSplitConfig())": "scikit-learn",
    "load_images()": "scikit-learn",
    "SignMazeWorld()": "minigrid",
    "ilqr(*[None] * 4, effort=0.0, n_iterations=1)": "crocoddyl",
    "RayBackend()": "ray",
}


def test_what_needs_an_extra_says_which():
    code = f"""
import numpy as np
from ml3_ros.cli.overrides import with_overrides
from ml3_ros.core.engine.engine import Engine
from ml3_ros.core.engine.meta_gradients import meta_gradient_of
from ml3_ros.errors import ConfigError
from ml3_ros.experiments.digits.images import load_images
from ml3_ros.experiments.metarl.sign_maze import SignMazeWorld
from ml3_ros.experiments.mountain_car.ilqr import ilqr
from ml3_ros.experiments.runner.ray_backend import RayBackend
from ml3_ros.identification.unordered_split import Table, TableSplitConfig, table_rows
x = np.random.default_rng(0).normal(size=(1000, 2))
for call in {list(NEEDING)}:
    try:
        print(eval(call))
    except ConfigError as error:
        print(error)
"""
    result = run_without(EXTRAS, code)
    assert result.returncode == 0, result.stderr
    for line, package in zip(result.stdout.splitlines(), NEEDING.values(), strict=True):
        assert f" needs {package}: run `pip install {package}` (extra ml3_ros[" in line


def test_launch_files_can_be_read_without_what_pypi_alone_has():
    """They are read in the Python of `ros2`, which finds the package but not its environment."""
    adapter = ast.parse((ROOT / "ml3_ros/bringup/launch_adapter.py").read_text())
    modules = {node.module for node in ast.walk(adapter) if isinstance(node, ast.ImportFrom)}
    ours = sorted(module for module in modules if module.startswith("ml3_ros."))
    code = "\n".join(f"import {module}" for module in (*ours, "ml3_ros.bringup.systems.registry"))
    result = run_without(PYPI_ALONE | EXTRAS, code)
    assert ours and result.returncode == 0, result.stderr
