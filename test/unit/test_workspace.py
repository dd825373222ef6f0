# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An ordinary workspace made as README says: the tools of ROS 2 see both packages and their needs.

rosdep looks into excerpts of ros/rosdistro that lie beside this file, in rosdistro/. A key that is
new in package.xml is to be added there, as ros/rosdistro has it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from catkin_pkg.packages import find_packages
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
EXCERPTS = Path(__file__).with_name("rosdistro")
RESULTS = (".*", "build", "install", "log", "out", "outputs", "*.egg-info", "__pycache__")
BOTH = {"ml3_msgs", "ml3_ros"}
DISTROS = {"jazzy": "ubuntu:noble", "kilted": "ubuntu:noble"}
# rosdep takes what is in an ament prefix for installed, and this environment is one.
ROSDEP = (
    "import os; os.environ.pop('AMENT_PREFIX_PATH', None); from rosdep2.main import rosdep_main; "
    "rosdep_main()"
)
KEYS = {  # of packages on PyPI that are called otherwise in rosdep
    "pin": "pinocchio",
    "pyyaml": "python3-yaml",
}


def block() -> str:
    """Return the commands of the README's section on workspaces."""
    section = (ROOT / "README.md").read_text().split("### In a colcon workspace")[1]
    return re.search(r"```bash\n(.*?)```", section, re.DOTALL)[1]


def documented(program: str) -> str:
    """Return the command among them that calls this program."""
    (command,) = [
        command.strip()
        for line in block().splitlines()
        for command in line.partition(" #")[0].split("&&")
        if program in (Path(word).name for word in shlex.split(command))
    ]
    return command


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A workspace whose src/ holds a clone and what the documented command adds."""
    folder = tmp_path_factory.mktemp("workspace")
    shutil.copytree(ROOT, folder / "src/ml3_ros", ignore=shutil.ignore_patterns(*RESULTS))
    subprocess.run(shlex.split(documented("ln")), cwd=folder, check=True)
    return folder


@pytest.fixture
def call(tmp_path):
    """Run a program of this environment in a folder, with a home of its own; return its output."""
    environment = {key: x for key, x in os.environ.items() if not key.startswith("COLCON")}
    environment |= {
        "HOME": str(tmp_path),
        "PATH": f"{BIN}:{environment['PATH']}",
        "ROSDEP_SOURCE_PATH": str(tmp_path),
        "ROSDISTRO_INDEX_URL": f"file://{EXCERPTS}/index.yaml",
        "ROS_HOME": str(tmp_path),
        "ROS_PYTHON_VERSION": "3",
    }

    def run(command: str, cwd: Path) -> str:
        words = shlex.split(command)
        if words[0] == "rosdep":
            words[:1] = [sys.executable, "-c", ROSDEP]
        result = subprocess.run(
            words,
            cwd=cwd,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout
        return result.stdout

    return run


@pytest.mark.slow
def test_a_workspace_is_built_and_its_programs_run_in_its_environment(workspace, tmp_path):
    """All documented commands but rosdep; this environment stands for an installed ROS 2."""
    purelib = sysconfig.get_path("purelib")
    environment = os.environ | {
        "AMENT_PREFIX_PATH": sys.prefix,
        "CMAKE_PREFIX_PATH": sys.prefix,
        "COLCON_HOME": str(tmp_path),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": purelib,
    }
    lines = [line for line in block().splitlines() if not line.startswith(("ln ", "rosdep "))]
    check = (
        "import ml3_msgs, ml3_ros, ml3_msgs.msg, sys\n"
        "print(sys.prefix, ml3_msgs.__file__, ml3_ros.__file__, sep='\\n')"
    )
    program = "install/ml3_ros/lib/ml3_ros/ml3"
    script = ["set -e", *lines, f"{program} up --help", 'venv/bin/python -c "$CHECK"']
    result = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=workspace,
        env=environment | {"CHECK": check},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert "usage: ml3 up" in result.stdout
    prefix, messages, package = result.stdout.splitlines()[-3:]
    assert prefix == str(workspace / "venv")
    assert Path(messages).is_relative_to(workspace / "install/ml3_msgs")
    assert Path(package).is_relative_to(workspace / "install/ml3_ros")
    for path in (workspace / "install/ml3_ros/lib/ml3_ros").iterdir():
        assert path.read_text().startswith(f"#!{workspace}/venv/bin/python\n"), path


def names(colcon_list: str) -> set[str]:
    return {line.split()[0] for line in colcon_list.splitlines() if "(ros.ament" in line}


def test_catkin_tools_see_both_packages(workspace):
    assert {package.name for package in find_packages(workspace / "src").values()} == BOTH


def test_colcon_sees_both_packages_in_the_workspace_and_in_the_clone(workspace, call, tmp_path):
    assert names(call(f"colcon --log-base {tmp_path} list", workspace)) == BOTH
    assert names(call(f"colcon --log-base {tmp_path} list", workspace / "src/ml3_ros")) == BOTH


@pytest.mark.parametrize("distro", DISTROS)
def test_rosdep_knows_all_that_is_needed_and_apt_brings_it(workspace, call, tmp_path, distro):
    (tmp_path / "10-excerpt.list").write_text(f"yaml file://{EXCERPTS}/python.yaml\n")
    call("rosdep update", workspace)
    where = f"--os={DISTROS[distro]} --rosdistro={distro}"
    simulated = call(f"{documented('rosdep')} --simulate {where}", workspace)
    assert "pip" not in simulated, "pip is refused where apt manages the system's Python"
    assert {f"ros-{distro}-pinocchio", f"ros-{distro}-rclpy", "python3-matplotlib"} <= {
        line.split()[-1] for line in simulated.splitlines()
    }
    keys = call("rosdep keys --from-paths src --ignore-src", workspace).split()
    assert "#pip" not in call(f"rosdep resolve {where} {' '.join(keys)}", workspace)


def test_what_pip_installs_is_needed_and_apt_does_not_have_it():
    """Each run-time requirement of setup.py comes by rosdep, or else by the documented pip."""
    path = Path(documented("pip").split()[-1]).relative_to("src/ml3_ros")
    lines = [line.partition("#")[0].strip() for line in (ROOT / path).read_text().splitlines()]
    by_pip = {r.name: r.specifier for r in map(Requirement, filter(None, lines))}
    by_apt = {tag.text for tag in ET.parse(ROOT / "package.xml").iter("exec_depend")}
    for requirement in runtime_requirements():
        name = canonicalize_name(requirement.name)
        if KEYS.get(name, f"python3-{name}") not in by_apt:
            assert by_pip.pop(requirement.name) == requirement.specifier
    assert set(by_pip) == {"setuptools"}


def runtime_requirements() -> list[Requirement]:
    """Return what setup.py asks for, without extras."""
    code = (
        "import runpy, setuptools\n"
        "setuptools.setup = lambda **given: print(*given['install_requires'], sep='\\n')\n"
        "runpy.run_path('setup.py')"
    )
    out = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    return [Requirement(line) for line in out.splitlines()]
