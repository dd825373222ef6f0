# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Robots by name or file: what is read from them, and what is rejected in one sentence."""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from ml3_ros.errors import RobotError
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

INERTIAL = """<inertial><origin xyz="0.1 0.02 0" rpy="0 0 0.3"/><mass value="2"/>
<inertia ixx="0.02" ixy="0.001" ixz="0" iyy="0.03" iyz="0.002" izz="0.04"/></inertial>"""
URDF = """<robot name="two">
<link name="base"/>
<link name="upper">{inertial}
  <visual><geometry><mesh filename="package://nowhere/upper.dae"/></geometry></visual>
  <collision><geometry><mesh filename="package://nowhere/upper.stl"/></geometry></collision></link>
<link name="lower">{inertial}</link>
<link name="flange"/>
<joint name="shoulder" type="{kind}"><parent link="base"/><child link="upper"/>
  <origin xyz="0 0 0.3" rpy="1.2 0.1 0"/><axis xyz="0 1 0"/>
  <limit lower="-2" upper="2.5" effort="30" velocity="3"/></joint>
<joint name="slide" type="prismatic"><parent link="upper"/><child link="lower"/>
  <origin xyz="0.4 0 0"/><axis xyz="1 0 0"/>
  <limit lower="0.1" upper="0.6" effort="0" velocity="0"/>{extra}</joint>
<joint name="tip" type="fixed"><parent link="lower"/><child link="flange"/>
  <origin xyz="0 0 0.2" rpy="0 0.4 0"/></joint>
</robot>"""
MJCF = """<mujoco model="pend"><compiler {compiler}/>{head}<worldbody><body name="link" pos="0 0 1"
{pose}><{joint}/><inertial pos="0 0 -0.2" mass="1" diaginertia="0.02 0.02 0.01"/>{inside}</body>
</worldbody>{tail}</mujoco>"""


def urdf(kind="revolute", extra="", inertial=INERTIAL):
    return URDF.format(kind=kind, extra=extra, inertial=inertial)


def mjcf(
    joint='joint name="swing" axis="0 1 0" range="-90 60"',
    compiler="",
    head="",
    pose="",
    inside='<site name="end" pos="0 0 -0.4"/>',
    tail="",
):
    return MJCF.format(
        joint=joint, compiler=compiler, head=head, pose=pose, inside=inside, tail=tail
    )


@pytest.fixture
def robot_file(tmp_path):
    def write(text: str, name: str = "robot.urdf") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_urdf_without_its_meshes(robot_file):
    arm = load_robot(robot_file(urdf()))
    assert (arm.name, arm.names, arm.tool) == ("two", ("shoulder", "slide"), "flange")
    np.testing.assert_array_equal(arm.limits.lower, (-2.0, 0.1))
    np.testing.assert_array_equal(arm.limits.effort, (30.0, np.inf))
    np.testing.assert_array_equal(arm.limits.velocity, (3.0, np.inf))
    assert 0.2 < arm.home[1] < 0.5  # zero is out of its reach
    moves, knows = MujocoArm(arm), PinocchioModel(arm)
    q, v, a = np.array([0.4, 0.3]), np.array([1.0, -0.5]), np.array([2.0, 3.0])
    np.testing.assert_allclose(moves.rnea(q, v, a), knows.rnea(q, v, a), atol=1e-9)
    np.testing.assert_allclose(moves.forward_kinematics(q), knows.forward_kinematics(q), atol=1e-9)
    assert np.isfinite(moves.step(knows.nle(q, v), 0.01).q).all()


@pytest.mark.parametrize("limit", ['effort="30"', 'lower="0" upper="0" effort="30"'])
def test_a_joint_whose_limits_nobody_gave_turns_freely(robot_file, limit):
    text = urdf().replace('lower="-2" upper="2.5" effort="30"', limit)
    arm = load_robot(robot_file(text))
    np.testing.assert_array_equal(arm.limits.lower, (-np.inf, 0.1))
    np.testing.assert_array_equal(arm.limits.upper, (np.inf, 0.6))
    moves, knows = MujocoArm(arm), PinocchioModel(arm)
    far = np.array([3.0, 0.3])
    moves.reset(far)
    for _ in range(100):
        state = moves.step(knows.nle(far, np.zeros(2)), 0.01)
    np.testing.assert_allclose(state.q, far, atol=1e-6)  # no stop pushes it


@pytest.mark.parametrize(
    ("limit", "missing"),
    [
        ("", "effort and velocity"),
        ("<limit/>", "effort and velocity"),
        ('<limit effort="3"/>', "velocity"),
        ('<limit velocity="3"/>', "effort"),
    ],
)
def test_a_joint_without_the_limits_that_a_urdf_needs_is_named(robot_file, limit, missing):
    given = '<limit lower="-2" upper="2.5" effort="30" velocity="3"/>'
    path = robot_file(urdf().replace(given, limit))
    with pytest.raises(
        RobotError, match=rf"'shoulder' of \S+, line 10 has no limit of {missing}: add <lim"
    ):
        load_robot(path)


@pytest.mark.parametrize(("lower", "upper"), [(0.0, 2.5), (-2.0, 0.0)])
def test_a_limit_of_zero_beside_another_is_one(robot_file, lower, upper):
    text = urdf().replace('lower="-2" upper="2.5"', f'lower="{lower}" upper="{upper}"')
    limits = load_robot(robot_file(text)).limits
    assert (limits.lower[0], limits.upper[0]) == (lower, upper)


def test_ur10_from_its_package():
    try:
        metadata.distribution("example-robot-data")
    except metadata.PackageNotFoundError:
        pytest.skip("example-robot-data is not installed")
    arm = load_robot("ur10")
    assert arm.names == (
        "shoulder_pan_joint",
        "shoulder_lift_joint",
        "elbow_joint",
        "wrist_1_joint",
        "wrist_2_joint",
        "wrist_3_joint",
    )
    assert arm.tool == "tool0"
    np.testing.assert_array_equal(arm.limits.effort, (330, 330, 150, 54, 54, 54))
    moves, knows = MujocoArm(arm), PinocchioModel(arm)
    for q, v, a in np.random.default_rng(0).uniform(-2.0, 2.0, (100, 3, 6)):
        np.testing.assert_allclose(moves.M(q), knows.M(q), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(moves.rnea(q, v, a), knows.rnea(q, v, a), rtol=1e-9, atol=1e-9)


def test_mjcf_by_path_is_the_built_in_arm(tmp_path, sawyer):
    path = shutil.copy(sawyer.path, tmp_path / "mine.xml")
    arm = load_robot(path)
    assert (arm.name, arm.names, arm.tool) == ("sawyer", sawyer.names, "right_hand")
    np.testing.assert_array_equal(arm.limits.velocity, sawyer.limits.velocity)
    np.testing.assert_array_equal(arm.home, sawyer.home)


def test_plain_mjcf_gets_sensible_defaults(robot_file):
    actuator = '<actuator><motor joint="swing" gear="50" forcerange="-0.4 0.4"/></actuator>'
    arm = load_robot(robot_file(mjcf(tail=actuator), "pend.xml"))
    assert (arm.names, arm.tool) == (("swing",), "end")
    np.testing.assert_allclose(arm.limits.upper, np.deg2rad([60.0]))
    np.testing.assert_allclose(arm.limits.effort, [20.0])
    assert arm.limits.velocity[0] == arm.limits.acceleration[0] == np.inf
    assert arm.payload_limit == pytest.approx(0.15)
    assert arm.home[0] == 0.0


def test_a_joint_of_a_mjcf_without_a_range_turns_freely(robot_file):
    limits = load_robot(robot_file(mjcf(joint='joint name="swing" axis="0 1 0"'), "p.xml")).limits
    assert (limits.lower[0], limits.upper[0]) == (-np.inf, np.inf)


def test_servos_of_the_file_do_not_act(robot_file):
    tail = """<actuator><position joint="swing" kp="500"/></actuator>
    <sensor><actuatorfrc actuator="swing"/></sensor>
    <keyframe><key name="home" qpos="-0.8" ctrl="0.5"/></keyframe>"""
    text = mjcf(tail=tail.replace("<position", '<position name="swing"'))
    arm = MujocoArm(load_robot(robot_file(text, "servo.xml")))
    assert arm.state().q[0] == -0.8
    for _ in range(50):
        state = arm.step(arm.nle(np.array([-0.8]), np.zeros(1)), 0.01)
    assert state.q[0] == pytest.approx(-0.8, abs=1e-6)


def test_gravity_of_the_file_counts(robot_file):
    text = mjcf(head='<option gravity="0 0 -1.62"/>')
    arm = load_robot(robot_file(text, "moon.xml"))
    q, v = np.array([0.5]), np.zeros(1)
    expected = 1.62 * 0.2 * np.sin(0.5)
    assert PinocchioModel(arm).nle(q, v)[0] == pytest.approx(expected, rel=1e-9)
    assert MujocoArm(arm).nle(q, v)[0] == pytest.approx(expected, rel=1e-9)


BAD = {
    "no mass": (urdf(inertial=""), "robot.urdf", "'shoulder' moves nothing that has mass"),
    "no joints": ("<robot name='r'><link name='l'/></robot>", "robot.urdf", "no joints"),
    "not a robot": ("<html/>", "robot.xml", "root <html>"),
    "not xml": ("robot: sawyer", "robot.urdf", "not well-formed"),
    "truncated": (urdf()[:-20], "robot.urdf", "not well-formed"),
    "ball joint": (mjcf(joint='joint type="ball" name="b"'), "robot.xml", "neither revolute"),
    "free body": (mjcf(joint="freejoint"), "robot.xml", "free joint of body .* neither rev"),
    "no range": (
        urdf().replace('lower="-2" upper="2.5"', 'lower="1" upper="1"'),
        "robot.urdf",
        r"'shoulder' \(1 to 1\).*upper limit, or the type fixed",
    ),
    "limits exchanged": (
        urdf().replace('lower="-2" upper="2.5"', 'lower="2.5" upper="-2"'),
        "robot.urdf",
        r"'shoulder' \(2.5 to -2\)",
    ),
    "nameless joint": (mjcf(joint='joint axis="0 1 0"'), "robot.xml", "no name"),
    "spring": (
        mjcf(joint='joint name="s" stiffness="3"'),
        "robot.xml",
        r"'s' has a spring \(stiffness 3\)",
    ),
    "wrong count": (
        mjcf(head='<custom><numeric name="velocity_limits" data="1 2"/></custom>'),
        "robot.xml",
        "give 1 numbers",
    ),
    "no such tool": (
        mjcf(head='<custom><text name="tool" data="hook"/></custom>'),
        "robot.xml",
        "no frame 'hook'",
    ),
    "missing mesh": (
        mjcf(
            head='<asset><mesh name="m" file="nowhere.stl"/></asset>',
            inside='<body><geom type="mesh" mesh="m"/></body>',  # which gives it its inertia
        ),
        "robot.xml",
        "MuJoCo cannot read",
    ),
    "equality": (
        mjcf(tail='<equality><joint joint1="swing" polycoef="0 0 0 0 0"/></equality>'),
        "robot.xml",
        "equality",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_files_that_are_not_modelled_are_rejected(robot_file, case):
    text, name, reason = BAD[case]
    with pytest.raises(RobotError, match=reason):
        load_robot(robot_file(text, name))


@pytest.mark.parametrize("name", ["sawyerr", "sawyer.step", "nowhere/robot.urdf", ""])
def test_unknown_names_are_rejected_with_a_cure(name):
    with pytest.raises(RobotError, match=r"use sawyer, reacher|give the path"):
        load_robot(name)


@pytest.mark.parametrize("name", ["robot.urdf", "robot.xml"])
def test_entities_are_neither_read_nor_expanded(robot_file, tmp_path, name):
    (tmp_path / "secret.txt").write_text("joint_of_mine")
    outside = f'<!DOCTYPE robot [<!ENTITY x SYSTEM "{tmp_path / "secret.txt"}">]>'
    growing = '<!DOCTYPE robot [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    for doctype in (outside, growing):
        with pytest.raises(RobotError, match="DOCTYPE"):
            load_robot(robot_file(doctype + urdf().replace("shoulder", "&b;&x;"), name))
