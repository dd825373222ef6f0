# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files beside the code, and the packages of an environment that is not this Python's own."""

import os
import subprocess
import sys
import sysconfig

import pytest

from ml3_ros.bringup.paths import config_file, program
from ml3_ros.errors import ConfigError


def test_the_program_runs():
    result = subprocess.run(
        [program(), "--help"], capture_output=True, text=True, check=False, env=os.environ
    )
    assert result.returncode == 0 and "report" in result.stdout


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match=r"config/no_such\.yaml is missing"):
        config_file("no_such.yaml")


@pytest.mark.parametrize("is_environment", (True, False))
def test_packages_beside_the_program_are_found_and_replace_none(tmp_path, is_environment):
    packages = tmp_path / os.path.relpath(sysconfig.get_path("purelib"), sys.prefix)
    for folder, name in (("", "yaml"), ("", "new_package"), ("bin", "python")):
        path = packages / f"{name}.py" if not folder else tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    if is_environment:
        (tmp_path / "pyvenv.cfg").write_text("")
    program = tmp_path / "program"
    program.write_text(f"#!{tmp_path}/bin/python\n")
    code = (
        "import importlib.util, pathlib, sys, yaml\n"
        "from ml3_ros.bringup.paths import use_packages_of\n"
        "before = list(sys.path)\n"
        "use_packages_of(pathlib.Path(sys.argv[1]))\n"
        "assert sys.path[:len(before)] == before\n"
        "assert importlib.util.find_spec('yaml').origin == yaml.__file__\n"
        "print(importlib.util.find_spec('new_package') is not None)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == str(is_environment)
