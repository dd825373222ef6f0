# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joints of a URDF that move an arm: chosen, recorded, or all that can; the others are held."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pinocchio
import pytest

from ml3_ros.errors import RobotError
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot, load_urdf, package_file
from ml3_ros.robots.urdf import urdf_text
from test.unit.robots.reading.files import INERTIAL, LIMIT, chain, joint, link, robot

FOLLOWS = '<mimic joint="f1" multiplier="-0.5" offset="0.01"/>'
# A base that lifts, two joints of an arm, a gripper whose fingers go together, and a head.
WHOLE = robot(
    *(link(f"l{i}") for i in range(7)),
    joint("lift", "l0", "l1", "prismatic"),
    joint("a", "l1", "l2"),
    joint("b", "l2", "l3", axis="0 .6 .8"),
    joint("f1", "l3", "l4", "prismatic"),
    joint("f2", "l3", "l5", "prismatic", FOLLOWS),
    joint("head", "l1", "l6"),
)
# Two arms on one torso.
TWO = robot(
    *(link(name) for name in ("torso", "l1", "l2", "r1", "r2")),
    joint("left_1", "torso", "l1"),
    joint("left_2", "l1", "l2"),
    joint("right_1", "torso", "r1"),
    joint("right_2", "r1", "r2"),
)

WITHOUT_MUJOCO = """
import sys
sys.modules["mujoco"] = None
import ml3_ros.cli.recordings.identify, ml3_ros.identification.run, ml3_ros.nodes.bag_player
import ml3_ros.reports.identification.output
from ml3_ros.robots.mjcf_writer import mjcf_text
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
arm = load_robot(sys.argv[1])
PinocchioModel(arm).nle(arm.home, arm.home)
assert "joint" in mjcf_text(arm.model, arm.name, arm.limits, arm.gravity)
"""


def reduced(text, names, positions):
    """Return Pinocchio's own reduction of a URDF without mimics to joints of these names."""
    whole = pinocchio.buildModelFromXML(text.replace(FOLLOWS, ""))
    q = pinocchio.neutral(whole)
    for name, position in positions.items():
        q[whole.joints[whole.getJointId(name)].idx_q] = position
    others = [i for i in range(1, whole.njoints) if whole.names[i] not in names]
    return pinocchio.buildReducedModel(whole, others, q)


def same_arm(description, model):
    """Check torques and tool of both engines against a model of Pinocchio's."""
    knows, moves, data = PinocchioModel(description), MujocoArm(description), model.createData()
    rng = np.random.default_rng(0)
    for q, v, a in rng.uniform(-0.9, 0.9, (5, 3, description.nv)):
        expected = pinocchio.rnea(model, data, q, v, a)
        np.testing.assert_allclose(knows.rnea(q, v, a), expected, atol=1e-9)
        np.testing.assert_allclose(moves.rnea(q, v, a), expected, atol=1e-9)
        np.testing.assert_allclose(
            moves.forward_kinematics(q), knows.forward_kinematics(q), atol=1e-9
        )


def test_a_gripper_that_others_mimic_is_held_and_said():
    arm = load_urdf(WHOLE)
    assert arm.names == ("lift", "a", "b", "head")
    assert arm.held == {"f1": 0.0, "f2": 0.01}
    (note,) = arm.notes
    assert "f1 at 0 m" in note
    assert "f2 at 0.01 m (follows f1)" in note
    same_arm(arm, reduced(WHOLE, arm.names, arm.held))


def test_where_fingers_are_hardly_shows_in_an_arm_but_half_of_them_in_their_driver():
    path, finger = package_file("panda_description/urdf/panda.urdf"), "panda_finger_joint1"
    closed, opened = (
        PinocchioModel(load_robot(path, held={finger: at}, simulated=False)) for at in (0.0, 0.04)
    )
    rng = np.random.default_rng(0)
    for q, v, a in rng.uniform(-1.0, 1.0, (100, 3, 7)):
        np.testing.assert_allclose(closed.rnea(q, v, a), opened.rnea(q, v, a), atol=1e-3)
    driver = load_robot(path, joints=[*closed.names, finger], simulated=False)
    whole = pinocchio.buildModelFromUrdf(str(path), True)
    felt = PinocchioModel(driver).M(driver.home)[-1, -1]
    truth = pinocchio.crba(whole, whole.createData(), pinocchio.neutral(whole))[7, 7]
    assert felt == pytest.approx(0.5 * truth, rel=1e-6)


def test_pinocchio_has_no_regressor_of_joints_that_follow_yet():
    model = pinocchio.buildModelFromXML(WHOLE, True)
    q, v = pinocchio.neutral(model), np.zeros(model.nv)
    with pytest.raises(RuntimeError, match="does not support Joint Mimic"):
        pinocchio.computeJointTorqueRegressor(model, model.createData(), q, v, v)


@pytest.mark.parametrize("held", [{}, {"lift": 0.4, "f1": 0.2, "head": -0.7}])
def test_joints_that_are_not_chosen_are_held_where_they_are(held):
    arm = load_urdf(WHOLE, joints=["b", "a"], held=held)
    assert arm.names == ("a", "b")
    expected = {"lift": 0.0, "f1": 0.0, "head": 0.0} | held
    assert arm.held == expected | {"f2": 0.01 - 0.5 * expected["f1"]}
    same_arm(arm, reduced(WHOLE, arm.names, arm.held))


def test_the_urdf_of_the_arm_has_the_held_joints_fixed():
    arm = load_urdf(WHOLE, joints=["a", "b"], held={"lift": 0.4, "head": -0.7})
    again = load_urdf(urdf_text(arm))
    assert again.names == arm.names
    assert not again.notes
    q, v, a = np.random.default_rng(1).normal(size=(3, 2))
    expected = PinocchioModel(arm).rnea(q, v, a)
    np.testing.assert_allclose(PinocchioModel(again).rnea(q, v, a), expected, atol=1e-12)


def test_recorded_joints_move_and_names_of_other_devices_are_left_alone():
    arm = load_urdf(WHOLE, recorded=["gripper/x", "b", "a", "f1", "f2"])
    assert arm.names == ("a", "b")  # fingers are recorded, but do not move the arm
    assert load_urdf(WHOLE, recorded=["f1"]).names == ("f1",)  # a recording of the gripper
    with pytest.raises(RobotError, match=r"none of the recorded joints \(x, y\) moves in r.*lift"):
        load_urdf(WHOLE, "r.urdf", recorded=["x", "y"])


@pytest.mark.parametrize("side", ["left", "right"])
def test_one_of_two_arms_in_a_file(side):
    names = (f"{side}_1", f"{side}_2")
    arm = load_urdf(TWO, joints=names)
    assert (arm.names, arm.tool) == (names, f"{side[0]}2")
    same_arm(arm, reduced(TWO, names, {}))
    assert load_urdf(TWO).nv == 4


@pytest.mark.parametrize(
    ("joints", "sentence"),
    [
        (["a", "c"], "no joint c: it has lift, a, b, f1, head"),
        ([], "none was chosen"),
        (["f2"], "'f2' of r follows f1: choose among lift"),
    ],
)
def test_joints_that_cannot_be_chosen(joints, sentence):
    with pytest.raises(RobotError, match=sentence):
        load_urdf(WHOLE, "r", joints=joints)


def test_a_driver_of_a_parallel_linkage_moves_as_the_arm_goes_on_behind_it():
    text = chain(("a", {}), ("b", {"extra": '<mimic joint="a"/>'}), ("c", {}))
    arm = load_urdf(text)
    assert arm.names == ("a", "c")
    assert "b" in arm.held


def test_a_continuous_joint_turns_without_limits():
    free = '<limit effort="5" velocity="3"/>'
    text = chain(("a", {}), ("spin", {"kind": "continuous", "limit": free}), ("c", {}))
    arm = load_urdf(text)
    assert (arm.limits.lower[1], arm.limits.upper[1]) == (-np.inf, np.inf)
    assert (arm.limits.effort[1], arm.limits.velocity[1]) == (5.0, 3.0)
    model = pinocchio.buildModelFromXML(text.replace("continuous", "revolute"))
    same_arm(arm, model)
    moves = MujocoArm(arm)
    far = np.array([0.0, 9.0, 0.0])  # more than a turn
    moves.reset(far)
    for _ in range(20):
        state = moves.step(moves.nle(far, np.zeros(3)), 0.01)
    np.testing.assert_allclose(state.q, far, atol=1e-6)


@pytest.mark.parametrize("limit", ["", "<limit/>", '<limit lower="-1" upper="1"/>'])
def test_a_continuous_joint_needs_no_limits_and_has_none(limit):
    arm = load_urdf(chain(("a", {}), ("spin", {"kind": "continuous", "limit": limit})))
    assert arm.limits.upper[1] == arm.limits.effort[1] == arm.limits.velocity[1] == np.inf


@pytest.mark.parametrize("kind", ["floating", "planar"])
def test_floating_and_mobile_bases_are_held(kind):
    arm = load_urdf(chain(("base", {"kind": kind}), ("a", {}), ("b", {})))
    assert arm.names == ("a", "b")
    assert f"base at 0 rad (is {kind}, neither revolute nor prismatic)" in arm.notes[0]
    same_arm(arm, reduced(chain(("base", {"kind": "fixed"}), ("a", {}), ("b", {})), arm.names, {}))


def test_links_without_mass_between_joints():
    massless = robot(
        link("l0"), link("l1", ""), link("l2", ""), link("l3"),
        joint("a", "l0", "l1"), joint("b", "l1", "l2", axis="1 0 0"), joint("c", "l2", "l3"),
    )  # fmt: skip
    arm = load_urdf(massless)
    assert arm.names == ("a", "b", "c")
    same_arm(arm, pinocchio.buildModelFromXML(massless))


def test_a_joint_that_moves_no_mass_is_held():
    text = robot(
        link("l0"),
        link("l1"),
        link("lidar", ""),
        joint("a", "l0", "l1"),
        joint("s", "l1", "lidar"),
    )
    arm = load_urdf(text)
    assert arm.names == ("a",)
    assert "s at 0 rad (moves nothing that has mass)" in arm.notes[0]


def test_a_held_joint_whose_range_is_elsewhere_is_at_its_nearest_end():
    limit = LIMIT.replace('lower="-1"', 'lower="0.2"')
    arm = load_urdf(chain(("a", {"limit": limit}), ("b", {})), joints=["b"])
    assert arm.held == {"a": 0.2}


def test_a_held_joint_needs_neither_limits_nor_an_axis():
    arm = load_urdf(chain(("a", {"limit": "", "axis": "0 0 0"}), ("b", {})), joints=["b"])
    assert arm.names == ("b",)


def test_inertias_of_what_stands_still_do_no_harm():
    for bad in ('ixx="-1"', 'ixx="nan"', 'ixx="x"', ""):
        base = link("l0", INERTIAL.replace('ixx=".02"', bad))
        camera = link("camera", '<inertial><mass value="-3"/></inertial>')
        fixed = joint("mount", "l0", "camera", "fixed")
        text = robot(base, link("l1"), camera, fixed, joint("a", "l0", "l1"))
        arm = load_urdf(text)
        assert arm.names == ("a",)
        assert not arm.notes
        MujocoArm(arm)


@pytest.mark.parametrize(
    ("inertial", "said"),
    [
        (INERTIAL.replace('ixx=".02"', 'ixx="nan"'), "ixx='nan' in its <inertia>"),
        (INERTIAL.replace('ixx=".02"', ""), "ixx=None in its <inertia>"),
        ('<inertial><mass value="1"/></inertial>', "no <inertia>"),
        (INERTIAL.replace('value="2"', 'value="two"'), "value='two' in its <mass>"),
    ],
)
def test_an_unreadable_inertia_of_what_moves_is_named_with_its_line(inertial, said, tmp_path):
    path = tmp_path / "r.urdf"
    path.write_text(robot("\n", link("l0"), "\n", link("l1", inertial), joint("a", "l0", "l1")))
    with pytest.raises(
        RobotError, match=rf"link 'l1' \(\S+r.urdf, line 4\) moves, but has {said}"
    ):
        load_robot(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (chain(("a", {"axis": "0 0 0"}), ("b", {})), "'a' .*axis 0 0 0"),
        (chain(("a", {"axis": "0 x 1"}), ("b", {})), "'a' .*xyz='0 x 1' in its <axis>"),
        (chain(("a", {"limit": LIMIT.replace("-1", "low")}), ("b", {})), "'a' .*lower='low'"),
        (chain(("a", {}), ("a", {})), "two are named 'a'"),
        (chain(("", {}), ("b", {})), "has no name"),
        (robot(), "has no link"),
        (robot(link("l0"), link("l1"), joint("a", "l0", "l1"), joint("b", "l1", "l0")), "loop"),
        (robot(link("l0"), link("l1"), joint("a", "l0", "l1", "ball")), "'a' is ball, neither"),
    ],
)
def test_what_cannot_be_read_is_named(text, sentence):
    with pytest.raises(RobotError, match=sentence):
        load_urdf(text, joints=["b"] if '"b"' in text and "loop" not in sentence else None,
                  held={"a": 0.1})  # fmt: skip


def test_a_urdf_needs_no_mujoco(tmp_path):
    """Neither to load, to identify, nor to write it as MJCF, nor for its joints in replay."""
    path = tmp_path / "arm.urdf"
    path.write_text(chain(("a", {}), ("b", {})))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MUJOCO, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
