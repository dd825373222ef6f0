# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 models`: robot files are tried stage by stage, and one that is refused says why."""

from __future__ import annotations

import json

import pytest

from ml3_ros.benchmarks import models
from ml3_ros.benchmarks.models import Outcome, robot_files, survey, table
from ml3_ros.cli.main import main
from ml3_ros.errors import DataError
from ml3_ros.robots.registry import load_robot
from test.unit.robots.reading.files import LIMIT, chain, joint, link, robot

ARM = chain(("a", {}), ("b", {"axis": "1 0 0"}))
FLOATS = robot(link("l0"), link("l1"), joint("base", "l0", "l1", "floating"))
WEAK = chain(("a", {"limit": LIMIT.replace("100", "0.1")}), ("b", {}))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "arm.urdf").write_text(ARM)
    (tmp_path / "below" / "floats.urdf").write_text(FLOATS)
    (tmp_path / "weak.urdf").write_text(WEAK)
    (tmp_path / "scene.xml").write_text('<mujoco><include file="arm.xml"/></mujoco>')
    (tmp_path / "notes.txt").write_text("none")
    return tmp_path


def test_files_are_those_of_robots_in_a_folder_and_below(folder):
    assert list(robot_files([folder])) == ["arm.urdf", "below/floats.urdf", "weak.urdf"]
    assert list(robot_files([folder / "arm.urdf"])) == ["arm.urdf"]
    with pytest.raises(DataError, match="is no robot file"):
        robot_files([folder / "nowhere"])


@pytest.mark.slow
def test_an_arm_goes_through_all_stages(folder):
    found = survey(folder / "arm.urdf", "arm")
    assert (found.load, found.simulate, found.train, found.identify) == ("", "", "", "")
    assert (found.joints, found.identified, found.rate) == (2, 2, 100.0)
    assert found.error < 0.05
    assert found.nmse < 0.01


def test_of_a_large_robot_the_joints_before_the_tool_are_identified(folder, monkeypatch):
    monkeypatch.setattr(models, "LARGEST", 1)
    path = folder / "arm.urdf"
    assert load_robot(models._arm_of(load_robot(path), path, folder)).names == ("b",)


def test_the_command_says_why_files_are_refused_and_goes_on_where_it_stopped(folder, capsys):
    (folder / "arm.urdf").unlink()
    out = folder / "out"
    assert main(["models", str(folder), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "'base' is floating, neither revolute nor prismatic" in said
    assert "weak.urdf: simulate: the arm exceeds its effort limits near home: joint a" in said
    assert "Of 2: 1 load, 0 simulate" in (out / "models.md").read_text()
    kept = json.loads((out / "models.json").read_text())
    kept[0]["load"] = "remembered"
    (out / "models.json").write_text(json.dumps(kept))
    assert main(["models", str(folder), "--out", str(out)]) == 0
    assert "below/floats.urdf: load: remembered" in capsys.readouterr().out


def test_the_table_has_a_row_a_robot():
    fine = Outcome(
        name="x", joints=2, identified=2, rate=100.0, nmse=0.01, load="", simulate="", train="",
        identify="",
    )  # fmt: skip
    text = table([fine, Outcome(name="y", load="no | joints")])
    assert "| x | 2 |  | yes | yes | 100 | yes | 2 | 0.01 |" in text
    assert "| y | | | no / joints |" in text
    assert "Of 2: 1 load, 1 simulate, 1 train, 1 identify." in text
