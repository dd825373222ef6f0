# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An arm as a part of a larger robot moves as it does within it."""

from __future__ import annotations

import numpy as np
import pinocchio
import pytest

from ml3_ros.errors import RobotError
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sub_chain import sub_chain, write_sub_chain

INERTIAL = """<inertial><origin xyz=".1 .02 .2"/><mass value="2"/>
<inertia ixx=".02" iyy=".03" izz=".04" ixy=".001" ixz="0" iyz="0"/></inertial>"""


def joint(name, parent, child, kind="revolute", extra=""):
    return f"""<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>
<origin xyz="0 .1 .3" rpy=".2 0 .1"/><axis xyz="0 1 0"/>
<limit lower="-1" upper="1" effort="10" velocity="2"/>{extra}</joint>"""


FINGER = joint("f2", "l3", "l5", "prismatic", '<mimic joint="f1"/>')


@pytest.fixture
def robot(tmp_path):
    """Return a base that lifts, two joints of an arm, and a gripper whose fingers go together."""
    links = "".join(f'<link name="l{i}">{INERTIAL}</link>' for i in range(6))
    path = tmp_path / "robot.urdf"
    path.write_text(
        f'<robot name="r">{links}{joint("lift", "l0", "l1", "prismatic")}'
        f"{joint('a', 'l1', 'l2')}{joint('b', 'l2', 'l3')}{joint('f1', 'l3', 'l4', 'prismatic')}"
        f"{FINGER}</robot>"
    )
    return path


def test_the_other_joints_are_fixed_and_their_links_carried(robot, tmp_path):
    description = load_robot(write_sub_chain(robot, ["a", "b"], tmp_path / "arm.urdf"))
    assert description.names == ("a", "b")
    rng = np.random.default_rng(0)
    q, v, a = rng.normal(size=(3, 2))
    whole = pinocchio.buildModelFromUrdf(str(robot))
    at = [whole.joints[whole.getJointId(name)].idx_q for name in ("a", "b")]
    states = [np.zeros(whole.nv) for _ in range(3)]
    for full, part in zip(states, (q, v, a), strict=True):
        full[at] = part
    expected = pinocchio.rnea(whole, whole.createData(), *states)[at]
    np.testing.assert_allclose(PinocchioModel(description).rnea(q, v, a), expected, atol=1e-9)


def test_an_impossible_inertia_of_what_stands_still_does_no_harm(robot, tmp_path):
    text = robot.read_text().replace('ixx=".02"', 'ixx="-1"', 1)  # of the base
    robot.write_text(text)
    description = load_robot(write_sub_chain(robot, ["a", "b"], tmp_path / "arm.urdf"))
    assert description.names == ("a", "b")


def test_an_impossible_inertia_of_a_moving_link_is_for_identification_alone(robot, tmp_path):
    text = robot.read_text()
    at = text.index('name="l2"')
    robot.write_text(text[:at] + text[at:].replace('izz=".04"', 'izz=".4"', 1))
    path = write_sub_chain(robot, ["a", "b"], tmp_path / "arm.urdf")
    assert load_robot(path, simulated=False).names == ("a", "b")
    with pytest.raises(RobotError, match="l2"):
        load_robot(path)


@pytest.mark.parametrize("joints", [["a", "c"], [], ["base_joint"]])
def test_joints_that_it_has_not(robot, joints):
    with pytest.raises(RobotError, match="it has lift, a, b, f1, f2"):
        sub_chain(robot, joints)


def test_a_file_that_is_no_urdf(tmp_path):
    path = tmp_path / "arm.xml"
    path.write_text("<mujoco/>")
    with pytest.raises(RobotError, match="root <mujoco>"):
        sub_chain(path, ["a"])
