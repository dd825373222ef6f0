# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arms of systems with some of their joints, and what is meta-trained for them beforehand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml3_ros.bringup.arguments import names_of
from ml3_ros.bringup.systems.arm_file import arm_with
from ml3_ros.bringup.systems.registry import SYSTEMS
from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

UR5E = str(Path(__file__).resolve().parents[2] / "arms" / "ur5e.urdf")


@pytest.mark.parametrize("text", ["[a, b]", "a,b", '["a","b"]', " [a,b,] "])
def test_names_are_read_as_people_write_them(text):
    assert names_of(text) == ["a", "b"]
    assert names_of("") == names_of("[]") == []


def test_all_joints_are_the_file_itself(tmp_path):
    names = load_robot(UR5E).names
    assert arm_with(UR5E, names[::-1], str(tmp_path)) == UR5E
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("robot", [UR5E, "sawyer_sim"])
def test_the_joints_that_are_left_out_are_held_in_the_file(tmp_path, robot):
    whole = load_robot(robot.removesuffix("_sim"))
    chosen = whole.names[1:4]
    arm = load_robot(arm_with(robot, chosen, str(tmp_path)))
    assert arm.names == chosen
    assert arm.name == whole.name and Path(arm.path).parent == tmp_path
    held = load_robot(robot.removesuffix("_sim"), joints=chosen)
    q = np.array([0.3, -0.4, 0.5])
    np.testing.assert_allclose(
        PinocchioModel(arm).nle(q, 0 * q), PinocchioModel(held).nle(q, 0 * q), atol=1e-6
    )


def test_a_joint_that_is_not_there_is_rejected_by_name(tmp_path):
    with pytest.raises(RobotError, match="has no joint j9"):
        arm_with(UR5E, ["j9"], str(tmp_path))


@pytest.mark.parametrize("name", ["sawyer_invdyn", "sawyer_track", "sawyer_touch", "sawyer_work"])
def test_systems_of_an_arm_take_some_of_its_joints(tmp_path, name):
    system = SYSTEMS[name]
    given = {"joints": "[right_j1,right_j3]", "out": str(tmp_path), "frames": "none"}
    values = system.complete(system.resolve(given))
    by_name = {process.name: process for process in system.started(values)}
    assert by_name["policy_optimizer"].parameters["joints"] == ["right_j1", "right_j3"]
    assert by_name["sim_arm"].parameters["robot"] == values["robot"]
    with pytest.raises(
        ConfigError, match=r"cannot be chosen with robot:=sawyer: its driver moves"
    ):
        system.complete(system.resolve({**given, "robot": "sawyer"}))


@pytest.mark.parametrize(
    ("name", "robot"),
    [("replay", "urdf"), ("observe", "urdf"), ("sawyer_track", "robot"), ("sawyer_work", "robot")],
)
def test_losses_are_trained_for_the_arm_before_its_nodes_start(tmp_path, name, robot):
    system = SYSTEMS[name]
    given = {"loss": "train", robot: UR5E, "recipe": "n_robots=2", "out": str(tmp_path)}
    values = system.resolve({"bag": "x", "frames": "none", "seed": "3", **given})
    (step,) = system.before(values)
    made = tmp_path / "losses" / "ml3_trained.safetensors"
    assert step.words == (
        "train", f"robot={UR5E}", "n_robots=2", "seed=3", "--out", str(made),
    )  # fmt: skip
    started = {p.name: p for p in system.started({**values, **step.values})}
    assert started["policy_optimizer"].parameters["loss"] == str(made)
    assert started["conductor"].parameters["loss"] == "none"  # nothing is trained on the stream
    assert system.before({**values, "loss": "shipped"}) == []
    if "resume" in values:
        made.parent.mkdir()
        made.write_bytes(b"")
        assert system.before({**values, "resume": True})[0].words == ()


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"urdf": "topic:/joint states"}, ConfigError, r"names no topic: write urdf:=topic:/NAME"),
        ({"urdf": UR5E, "topic": "a//b"}, ConfigError, r"topic:=a//b is not possible"),
        ({"urdf": UR5E, "joints": "[j9]"}, RobotError, r"has no joint j9"),
        ({"urdf": "nowhere.urdf"}, RobotError, r"cannot read .*nowhere.urdf"),
    ],
)
def test_what_cannot_be_is_not_listened_for(tmp_path, given, error, sentence):
    observe = SYSTEMS["observe"]
    with pytest.raises(error, match=sentence):
        observe.complete(observe.resolve({**given, "wait": "600", "out": str(tmp_path)}))


@pytest.mark.parametrize("name", ["sawyer_invdyn", "sawyer_track", "arm_motion"])
def test_an_emulated_arm_has_rotors_for_all_nodes_and_a_real_one_is_as_its_urdf(tmp_path, name):
    system = SYSTEMS[name]

    def armature(**given):
        common = {"urdf": UR5E, "out": str(tmp_path), "frames": "none"}
        values = system.complete(system.resolve(common | given))
        started = {p.name: p.parameters for p in system.started(values)}
        files = {p["robot"] for p in started.values() if str(p.get("robot")).endswith(".urdf")}
        (file,) = files
        return load_robot(file).model.armature

    np.testing.assert_allclose(armature(robot="ros2_control_emulated"), 0.1)
    np.testing.assert_allclose(armature(robot="ros2_control_emulated", armature="0.02"), 0.02)
    np.testing.assert_array_equal(armature(robot="ros2_control_emulated", armature="0"), 0.0)
    np.testing.assert_array_equal(armature(robot="ros2_control"), 0.0)


def test_rotors_of_a_mjcf_stay_as_it_says(tmp_path):
    system = SYSTEMS["arm_motion"]
    given = {"robot": "ros2_control_emulated", "urdf": "reacher", "out": str(tmp_path)}
    assert system.complete(system.resolve(given))["urdf"] == "reacher"


def test_an_emulated_arm_without_a_file_is_asked_for_one(tmp_path):
    system = SYSTEMS["sawyer_track"]
    given = {"robot": "ros2_control_emulated", "out": str(tmp_path)}
    with pytest.raises(ConfigError, match="urdf"):
        system.complete(system.resolve(given))
