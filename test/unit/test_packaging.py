# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
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
from ament_index_python.packages import get_package_prefix, get_package_share_directory
from catkin_pkg.package import parse_package
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = {
    entry.name: entry
    for entry in importlib.metadata.distribution("ml3_ros").entry_points
    if entry.group == "console_scripts"
}
LOCKS = ("requirements.txt", "requirements-dev.txt")
JAZZY_LOCK = "requirements-jazzy.txt"
MESSAGE_PACKAGES = tuple(
    ROOT / name
    for name in (
        "ml3_msgs",
        "test/ml3_sawyer_test_msgs",
        "test/ml3_control_test_msgs",
        "tools/tf2_msgs",
    )
)
RELEASED = (ROOT, ROOT / "ml3_msgs")
INTERFACES = sorted(
    path for package in MESSAGE_PACKAGES for path in package.glob("*/*.[msa][src][gvt]*")
)
CONSTANT = re.compile(r"\w+ [A-Z0-9_]+ = ")


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_can_be_loaded(program):
    assert callable(PROGRAMS[program].load())


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_is_where_ros_looks_for_it(program):
    path = Path(get_package_prefix("ml3_ros"), "lib/ml3_ros", program)
    assert os.access(path, os.X_OK), f"{path}: run `make setup`"


def test_every_node_with_a_main_is_a_program():
    nodes = {
        path.parent.name if path.stem == "node" else path.stem
        for path in (ROOT / "ml3_ros/nodes").rglob("*.py")
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
    assert {f"share/ml3_ros/{path.relative_to(tree)}" for path in shared_files(tree)} <= installed
    assert "share/ament_index/resource_index/packages/ml3_ros" in installed


def shared_files(tree: Path) -> list[Path]:
    """Return what of the repository is installed to share/ml3_ros."""
    return [tree / "package.xml", *tree.glob("launch/*.py"), *tree.glob("config/**/*.*")]


def test_shared_files_are_found_by_tools_that_follow_no_links_of_folders():
    """As `ros2 launch` and its completion look for launch files."""
    share = Path(get_package_share_directory("ml3_ros"))
    found = {Path(folder, name) for folder, _, names in os.walk(share) for name in names}
    wanted = {share / file.relative_to(ROOT) for file in shared_files(ROOT)}
    assert not wanted - found, "run `make setup`"
    assert not [path for path in wanted if not path.is_file()]


def test_one_version_everywhere():
    versions = {importlib.metadata.version("ml3_ros")}
    for package in (ROOT, *MESSAGE_PACKAGES):
        versions.add(ET.parse(package / "package.xml").findtext("version"))
    for package in MESSAGE_PACKAGES:
        pyproject = tomllib.loads((package / "pyproject.toml").read_text())
        versions.add(pyproject["project"]["version"])
    assert len(versions) == 1, versions


@pytest.mark.parametrize("folder", RELEASED, ids=lambda path: path.name)
def test_released_packages_say_who_made_them_and_where_to_read_on(folder):
    warnings: list[str] = []
    package = parse_package(str(folder), warnings=warnings)
    package.validate(warnings)
    assert not warnings
    assert [author.name for author in package.authors] == ["ml3_ros maintainers"]
    urls = [url.url for url in package.urls]
    assert {url.type for url in package.urls} <= {"website", "repository", "bugtracker"}
    pages = "".join(path.read_text() for path in (ROOT / "README.md", *ROOT.glob("docs/*.md")))
    assert urls and all(url in pages for url in urls), "an address that no page of ours names"


@pytest.mark.parametrize("path", INTERFACES, ids=lambda path: path.stem)
def test_every_field_of_a_message_is_explained(path):
    fields = [
        line
        for line in path.read_text().splitlines()
        if line and line[0] not in "#-" and not CONSTANT.match(line)
    ]
    assert fields
    for field in fields:
        kind, _, rest = field.partition(" ")
        assert re.fullmatch(r" *\w+( +[^#\s]+)? +# \S.{9,}", rest), f"no comment: {field}"
        if not re.fullmatch(r"[A-Z]\w+", kind):  # a message of ours explains itself
            assert re.search(r"\[[^]]+\]", rest.partition("#")[2]), f"no unit: {field}"
        if kind.endswith("[]"):
            assert "shape (" in rest, f"no shape: {field}"


@pytest.mark.parametrize("package", MESSAGE_PACKAGES, ids=lambda path: path.name)
def test_every_interface_is_built(package):
    cmake = (package / "CMakeLists.txt").read_text()
    built = set(re.findall(r'"((?:msg|srv|action)/\S+)"', cmake))
    there = {path.relative_to(package) for path in INTERFACES if path.is_relative_to(package)}
    assert {str(path) for path in there} == built


def test_only_tests_need_the_messages_for_tests():
    for name in (package.name for package in MESSAGE_PACKAGES[1:3]):
        for path in (ROOT / "ml3_ros").rglob("*.py"):
            assert not re.search(rf"(from|import) {name}", path.read_text()), path
        assert name not in (ROOT / "package.xml").read_text()


def locked(name: str) -> dict[str, Requirement]:
    """Return the requirements of one lock file by name."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line[:1] != "#"]
    return {requirement.name: requirement for requirement in map(Requirement, lines)}


@pytest.mark.parametrize("name", [*LOCKS, JAZZY_LOCK])
def test_locks_hold_exact_public_versions_only(name):
    for requirement in locked(name).values():
        assert requirement.url is None and not requirement.extras
        assert re.fullmatch(r"==[0-9a-z.]+", str(requirement.specifier)), str(requirement)


def test_locks_fit_what_the_package_requires():
    pins = {k.lower(): v for lock in LOCKS for k, v in locked(lock).items()}
    for needed in map(Requirement, importlib.metadata.requires("ml3_ros")):
        (pin,) = pins[needed.name.lower()].specifier
        assert needed.specifier.contains(pin.version), str(needed)


def test_outside_of_ros_jazzy_has_the_versions_of_kilted():
    jazzy, kilted = (
        {str(pin) for name, pin in locked(lock).items() if not name.startswith("ros-")}
        for lock in (JAZZY_LOCK, LOCKS[0])
    )
    assert jazzy == kilted


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
