"""What the package consists of: programs, files beside the code, messages, pinned versions."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_prefix
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = {
    entry.name: entry
    for entry in importlib.metadata.distribution("ml3_ros").entry_points
    if entry.group == "console_scripts"
}
LOCKS = ("requirements.txt", "requirements-dev.txt")
INTERFACES = sorted((ROOT / "ml3_msgs").glob("*/*.[msa][src][gvt]*"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_can_be_loaded(program):
    assert callable(PROGRAMS[program].load())


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_is_where_ros_looks_for_it(program):
    path = Path(get_package_prefix("ml3_ros"), "lib/ml3_ros", program)
    assert os.access(path, os.X_OK), f"{path}: run `make setup`"


def test_every_node_with_a_main_is_a_program():
    nodes = {
        path.stem
        for path in (ROOT / "ml3_ros/nodes").glob("*.py")
        if re.search(r"^def main\(", path.read_text(), re.MULTILINE)
    }
    assert nodes == set(PROGRAMS) - {"ml3"}


def test_every_file_beside_the_code_is_installed(tmp_path):
    results = (".*", "build", "install", "log", "out", "*.egg-info", "__pycache__")
    tree = shutil.copytree(ROOT, tmp_path / "tree", ignore=shutil.ignore_patterns(*results))
    code = "import setuptools.build_meta as build; build.build_wheel('.')"
    subprocess.run([sys.executable, "-c", code], cwd=tree, check=True, capture_output=True)
    (wheel,) = tree.glob("*.whl")
    installed = {re.sub(r"^[^/]+\.data/data/", "", n) for n in zipfile.ZipFile(wheel).namelist()}

    package = {path for path in (tree / "ml3_ros").rglob("*") if path.is_file()}
    assert any(path.suffix == ".xml" for path in package)
    assert {str(path.relative_to(tree)) for path in package} <= installed
    share = [tree / "package.xml", *tree.glob("launch/*"), *tree.glob("config/*")]
    assert {f"share/ml3_ros/{path.relative_to(tree)}" for path in share} <= installed
    assert "share/ament_index/resource_index/packages/ml3_ros" in installed


def test_one_version_everywhere():
    pyproject = tomllib.loads((ROOT / "ml3_msgs/pyproject.toml").read_text())
    versions = {
        importlib.metadata.version("ml3_ros"),
        pyproject["project"]["version"],
        ET.parse(ROOT / "package.xml").findtext("version"),
        ET.parse(ROOT / "ml3_msgs/package.xml").findtext("version"),
    }
    assert len(versions) == 1, versions


@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.stem)
def test_every_field_of_a_message_is_explained(path):
    fields = [line for line in path.read_text().splitlines() if line and line[0] not in "#-"]
    assert fields
    for field in fields:
        kind, _, rest = field.partition(" ")
        assert re.fullmatch(r" *\w+ +# \S.{9,}", rest), f"no comment: {field}"
        if not re.fullmatch(r"[A-Z]\w+", kind):  # a message of ours explains itself
            assert re.search(r"\[[^]]+\]", rest.partition("#")[2]), f"no unit: {field}"
        if kind.endswith("[]"):
            assert "shape (" in rest, f"no shape: {field}"


def test_every_interface_is_built():
    cmake = (ROOT / "ml3_msgs/CMakeLists.txt").read_text()
    built = set(re.findall(r'"((?:msg|srv|action)/\S+)"', cmake))
    assert {str(path.relative_to(ROOT / "ml3_msgs")) for path in INTERFACES} == built


def locked(name: str) -> dict[str, Requirement]:
    """Return the requirements of one lock file by name."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line[:1] != "#"]
    return {requirement.name: requirement for requirement in map(Requirement, lines)}


@pytest.mark.parametrize("name", LOCKS)
def test_locks_hold_exact_public_versions_only(name):
    for requirement in locked(name).values():
        assert requirement.url is None and not requirement.extras
        assert re.fullmatch(r"==[0-9a-z.]+", str(requirement.specifier)), str(requirement)


def test_locks_fit_what_the_package_asks_for():
    pins = {k.lower(): v for lock in LOCKS for k, v in locked(lock).items()}
    for needed in map(Requirement, importlib.metadata.requires("ml3_ros")):
        (pin,) = pins[needed.name.lower()].specifier
        assert needed.specifier.contains(pin.version), str(needed)


def test_set_up_names_the_debian_package_that_is_missing(tmp_path):
    code = "import setup_env; setup_env.check_machine()"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools"), "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    (last,) = result.stderr.splitlines()[-1:]
    assert result.returncode and "sudo apt install gcc g++ cmake make`" in last
