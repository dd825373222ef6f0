# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arms of MJCF files are those that MuJoCo simulates: scenes, bases anywhere, joints that tie."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from ml3_ros.errors import RobotError
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.urdf import urdf_text

INERTIAL = '<inertial pos=".05 .01 .1" mass="2" fullinertia=".03 .04 .02 .001 .002 .003"/>'
ARM = f"""<body name="one" {{base}}><joint name="a" axis="0 1 0" armature=".1" damping=".7"
 range="-2 2"/>{INERTIAL}
 <body name="two" pos=".1 0 .3" quat=".9 .1 -.3 .2"><joint name="b" axis="0 .6 .8" ref=".3"
  pos=".02 .03 .01" frictionloss=".4"/>
  <joint name="c" type="slide" axis="1 0 0" pos=".1 0 0" ref=".05"/>{INERTIAL}{{inside}}
  <site name="end" pos="0 .1 .2" euler=".3 .2 .1"/></body></body>"""
FINGERS = """<body name="f1" pos="0 .05 .3"><joint name="f1" type="slide" axis="0 1 0"/>
<inertial pos="0 0 0" mass=".1" diaginertia="1e-4 1e-4 1e-4"/></body>
<body name="f2" pos="0 -.05 .3"><joint name="f2" type="slide" axis="0 -1 0"/>
<inertial pos="0 0 0" mass=".1" diaginertia="1e-4 1e-4 1e-4"/></body>"""
TIES = {
    "equality": '<equality><joint joint1="f1" joint2="f2"/></equality>',
    "tendon": '<tendon><fixed name="split"><joint joint="f1" coef="1"/>'
    '<joint joint="f2" coef="1"/></fixed></tendon>',
    "connect": '<equality><connect body1="f1" body2="f2" anchor="0 0 0"/></equality>',
}


@pytest.fixture
def mjcf(tmp_path):
    def write(body, tail="", name="arm.xml"):
        path = tmp_path / name
        path.write_text(
            f'<mujoco model="m"><compiler angle="radian"/><worldbody>{body}</worldbody>{tail}'
            "</mujoco>"
        )
        return path

    return write


def arm(base="", inside=""):
    return ARM.format(base=base, inside=inside)


def same_as_mujoco(description, path):
    """Check both engines' torques and tool against MuJoCo's own model of the file."""
    model = mujoco.MjModel.from_xml_path(str(path))
    data = mujoco.MjData(model)
    data.qpos[:] = model.key_qpos[0] if model.nkey else model.qpos0
    for name, position in description.held.items():
        if not name.startswith("free joint"):
            data.qpos[model.joint(name).qposadr[0]] = position
    at = [model.joint(name).qposadr[0] for name in description.names]
    dof = [model.joint(name).dofadr[0] for name in description.names]
    knows, moves = PinocchioModel(description), MujocoArm(description)
    rng = np.random.default_rng(0)
    for q, v, a in rng.uniform(-1.0, 1.0, (5, 3, description.nv)):
        data.qpos[at], data.qvel[dof], data.qacc[dof] = q, v, a
        mujoco.mj_fwdPosition(model, data)
        mujoco.mj_fwdVelocity(model, data)
        torque = np.zeros(model.nv)
        mujoco.mj_rne(model, data, 1, torque)
        expected = torque[dof] + model.dof_armature[dof] * a
        np.testing.assert_allclose(knows.rnea(q, v, a), expected, atol=1e-9)
        np.testing.assert_allclose(moves.rnea(q, v, a), expected, atol=1e-9)
        site = data.site(description.tool)
        for pose in (knows.forward_kinematics(q), moves.forward_kinematics(q)):
            np.testing.assert_allclose(pose[:3, 3], site.xpos, atol=1e-9)
            np.testing.assert_allclose(pose[:3, :3], site.xmat.reshape(3, 3), atol=1e-9)


@pytest.mark.parametrize(
    "base",
    ["", 'pos="0 0 1"', 'quat=".6 0 0 .8"', 'pos=".1 .2 2" euler="3.1415926 0 0"', 'pos="0 0 1" '
     'axisangle="1 1 0 1.1"'],
)  # fmt: skip
def test_bases_that_are_raised_turned_or_hung_and_several_joints_in_a_body(mjcf, base):
    path = mjcf(arm(base))
    description = load_robot(path)
    assert (description.names, description.tool) == (("a", "b", "c"), "end")
    assert description.limits.units == ("rad", "rad", "m")
    same_as_mujoco(description, path)


def test_euler_sequences_of_the_file_count(mjcf):
    path = mjcf(arm('euler=".7 1.2 .3"'))
    path.write_text(path.read_text().replace("<compiler", '<compiler eulerseq="XYZ"'))
    same_as_mujoco(load_robot(path), path)


@pytest.mark.parametrize("joints", [["a"], ["b"], ["c"], ["a", "c"]])
def test_joints_that_are_not_chosen_are_held_also_within_a_body(mjcf, joints):
    path = mjcf(arm('pos="0 0 1"'))
    description = load_robot(path, joints=joints, held={"a": 0.6, "b": -0.4})
    assert description.names == tuple(joints)
    assert set(description.held) == {"a", "b", "c"} - set(joints)
    assert description.held.get("c", 0.05) == 0.05  # where the file puts it
    same_as_mujoco(description, path)


@pytest.mark.parametrize("joints", [["a", "b", "c"], ["b"], ["a", "c"]])
def test_the_urdf_of_it_is_the_same_arm(mjcf, tmp_path, joints):
    description = load_robot(mjcf(arm('pos="0 0 1"')), joints=joints, held={"a": 0.6})
    (tmp_path / "made.urdf").write_text(urdf_text(description))
    again = load_robot(tmp_path / "made.urdf")
    assert (again.names, again.held) == (description.names, {})
    rotors = np.diag(description.model.armature)
    for q, v in np.random.default_rng(0).normal(size=(3, 2, len(joints))):
        one, other = PinocchioModel(again), PinocchioModel(description)
        np.testing.assert_allclose(one.M(q), other.M(q) - rotors, atol=1e-9)
        np.testing.assert_allclose(one.nle(q, v), other.nle(q, v), atol=1e-8)
        np.testing.assert_allclose(
            one.forward_kinematics(q), other.forward_kinematics(q), atol=1e-9
        )


def test_a_scene_that_includes_the_arm(mjcf, tmp_path):
    path = mjcf(arm('pos="0 0 .4"'))
    scene = tmp_path / "scene.xml"
    scene.write_text(
        '<mujoco model="scene"><include file="arm.xml"/><worldbody><light pos="0 0 3"/>'
        '<geom type="plane" size="1 1 .1"/><body name="cube" pos="1 0 1"><freejoint/>'
        '<geom type="box" size=".1 .1 .1"/></body></worldbody></mujoco>'
    )
    description = load_robot(scene)
    assert description.names == ("a", "b", "c")
    assert "free joint of body cube" in description.notes[0]
    alone = load_robot(path)
    q, v, a = np.random.default_rng(0).normal(size=(3, 3))
    expected = PinocchioModel(alone).rnea(q, v, a)
    np.testing.assert_allclose(PinocchioModel(description).rnea(q, v, a), expected, atol=1e-12)


@pytest.mark.parametrize("tie", TIES)
def test_a_gripper_that_is_tied_is_held(mjcf, tie):
    path = mjcf(arm("", FINGERS), TIES[tie])
    description = load_robot(path)
    assert description.names == ("a", "b", "c")
    assert "f1 at 0 m (is tied by" in description.notes[0]
    same_as_mujoco(description, path)
    with pytest.raises(RobotError, match=r"joint 'f2' of \S+ is tied by"):
        load_robot(path, joints=["a", "f2"])


def test_a_mobile_base_on_a_free_joint_is_held_and_the_keyframe_is_home(mjcf):
    body = f'<body name="base" pos="0 0 .2"><freejoint/>{INERTIAL}{arm()}</body>'
    key = '<keyframe><key qpos="0 0 .2 1 0 0 0 .4 .1 -.05"/></keyframe>'
    description = load_robot(mjcf(body, key))
    np.testing.assert_array_equal(description.home, (0.4, 0.1, -0.05))
    assert description.names == ("a", "b", "c")


def test_meshes_that_are_not_there_are_not_asked_for_where_inertias_are_given(mjcf):
    geom = '<geom type="mesh" mesh="m"/>'
    text = '<asset><mesh name="m" file="nowhere.stl"/></asset>'
    description = load_robot(mjcf(arm("", geom), text))
    assert description.names == ("a", "b", "c")
    assert "<visual>" not in urdf_text(description)


def test_gravity_compensation_of_the_file_is_left_out_and_said(mjcf):
    description = load_robot(mjcf(arm('gravcomp="1"')))
    assert "motors bear the whole weight" in description.notes[0]
    assert np.abs(PinocchioModel(description).nle(description.home, np.zeros(3))).max() > 1.0


def test_friction_of_the_file_acts_unless_a_perturbation_brings_another(mjcf):
    description = load_robot(mjcf(arm('pos="0 0 1"')))

    def power(perturbation):
        """Return what the arm loses in free fall within a moment [W]."""
        moves = MujocoArm(description, perturbation)
        moves.reset(description.home, np.array([1.0, 0.0, 0.0]))
        before = moves.energy()
        tau = np.zeros(3)
        work = 0.0
        for _ in range(10):
            first = moves.state()
            second = moves.step(tau, 1e-4)
            work += 0.5 * (first.tau @ first.v + second.tau @ second.v) * 1e-4
        return (work - (moves.energy() - before)) / 1e-3

    of_file = power(Perturbation())
    assert of_file == pytest.approx(0.7, rel=0.2)
    assert power(Perturbation(viscous=(1.4, 0.0, 0.0))) == pytest.approx(1.4, rel=0.2)
