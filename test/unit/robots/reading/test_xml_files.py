# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Robot files as text: xacro is run, or its command said; encodings; lines in sentences."""

from __future__ import annotations

import pytest

from ml3_ros.errors import RobotError
from ml3_ros.robots.reading.xml_files import read_robot_file
from ml3_ros.robots.registry import load_robot
from test.unit.robots.reading.files import chain

PLAIN = chain(("a", {}), ("b", {}))
SPACE = '<robot xmlns:xacro="http://www.ros.org/wiki/xacro" name="r">'
MACROS = {
    "arm.urdf.xacro": PLAIN,
    "arm.xacro": PLAIN,
    "macros.urdf": f'{SPACE}<xacro:macro name="m"><link name="l"/></xacro:macro></robot>',
    "property.urdf": PLAIN.replace('value="2"', 'value="${mass}"'),
    "argument.urdf": PLAIN.replace('name="l1"', 'name="$(arg prefix)l1"'),
}


def write(tmp_path, name):
    path = tmp_path / name
    path.write_text(MACROS[name])
    return path


@pytest.fixture
def xacro(tmp_path, monkeypatch):
    """Put a program named xacro on the path, with a script of one's own."""

    def put(script):
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "xacro"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return put


@pytest.mark.parametrize("name", MACROS)
def test_without_xacro_the_command_is_said(tmp_path, name, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = write(tmp_path, name)
    with pytest.raises(RobotError, match=rf"run `xacro {path} > (\S+\.urdf)` first and give \S+"):
        load_robot(path)


@pytest.mark.parametrize("name", MACROS)
def test_with_xacro_the_arm_is_what_it_makes(tmp_path, name, xacro):
    (tmp_path / "made.urdf").write_text(PLAIN)
    xacro(f"cat {tmp_path / 'made.urdf'}")
    assert load_robot(write(tmp_path, name)).names == ("a", "b")


@pytest.mark.parametrize(
    ("script", "reason"),
    [("echo 'undefined: mass' >&2; exit 2", "undefined: mass"), ("exit 1", "exit status 1")],
)
def test_why_xacro_fails_is_said(tmp_path, xacro, script, reason):
    xacro(script)
    with pytest.raises(RobotError, match=rf"xacro cannot expand .*{reason}.*arguments"):
        load_robot(write(tmp_path, "property.urdf"))


def test_what_xacro_makes_may_be_no_robot(tmp_path, xacro):
    xacro("echo hello")
    with pytest.raises(RobotError, match=r"what xacro made of .* is not well-formed"):
        load_robot(write(tmp_path, "arm.xacro"))


@pytest.mark.parametrize(
    "extra",
    ['<gazebo><plugin file="$(find my_robot)/x.yaml"/></gazebo>', "<!-- made by <xacro:macro -->"],
)
def test_what_other_programs_read_is_no_macro(tmp_path, extra, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "arm.urdf"
    path.write_text(
        PLAIN.replace("</robot>", f"{extra}</robot>").replace("<robot ", f"{SPACE[:-10]} ")
    )
    assert load_robot(path).names == ("a", "b")


def test_names_in_any_encoding_that_the_file_declares(tmp_path):
    path = tmp_path / "arm.urdf"
    text = PLAIN.replace('name="a"', 'name="épaule"')
    path.write_bytes(f'<?xml version="1.0" encoding="ISO-8859-1"?>{text}'.encode("latin-1"))
    assert load_robot(path).names == ("épaule", "b")
    assert "épaule" in read_robot_file(path).text


def test_lines_are_those_of_the_element(tmp_path):
    path = tmp_path / "arm.urdf"
    path.write_text('<robot>\n<link\n name="a"/>\n\n<joint type="fixed" name="a"/></robot>')
    file = read_robot_file(path)
    assert file.place_of("link", "a") == f"{path}, line 2"
    assert file.place_of("joint", "a") == f"{path}, line 5"
    assert file.place_of("joint", "b") == str(path)
