# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The URDF of an arm is the arm of its MJCF: frames, dynamics, limits, and shapes to look at."""

from __future__ import annotations

from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.reading.mjcf import shown_model
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.urdf import FAR, UNLIMITED, urdf_text

# All that a MJCF may say and a URDF says in another way.
ODD = """
<mujoco model="odd">
  <compiler angle="radian" autolimits="true"/>
  <asset><material name="steel" rgba="0.1 0.2 0.3 1"/></asset>
  <worldbody>
    <geom type="plane" size="1 1 0.1"/>
    <geom type="box" size="0.1 0.2 0.03" pos="0 0 -0.03"/>
    <body name="base">
      <inertial pos="0 0 0.05" mass="1" diaginertia="0.01 0.01 0.01"/>
      <body name="one" pos="0.1 0 0.2" quat="0.9238795325112867 0.3826834323650898 0 0">
        <joint name="turn" axis="0 0.6 0.8" pos="0.02 0.03 0.04" range="-2 1.5" ref="0.3"/>
        <inertial pos="0.05 0.01 0.1" mass="2" fullinertia="0.02 0.03 0.04 0.001 0.002 0.003"/>
        <geom type="capsule" fromto="0 0 0 0.1 0 0.2" size="0.02" material="steel"/>
        <geom type="sphere" size="0.03" pos="0.1 0 0.2" rgba="1 0 0 1"/>
        <geom type="box" size="9 9 9" group="3"/>
        <body name="two" pos="0.1 0.05 0.2">
          <joint name="lift" type="slide" axis="1 0 0" range="-0.1 0.2" armature="0.1"/>
          <inertial pos="0 0.02 0.03" mass="0.5" diaginertia="0.001 0.002 0.002"/>
          <geom type="cylinder" size="0.03 0.1" quat="0.9689124 0.2474040 0 0"/>
          <body name="three" pos="0 0 0.1">
            <joint name="spin" axis="0 0 1" range="-9 9"/>
            <inertial pos="0 0.02 0.03" mass="0.5" diaginertia="0.001 0.002 0.002"/>
            <body name="palm" pos="0 0 0.1" quat="0.7071067811865476 0 0.7071067811865476 0">
              <inertial pos="0 0 0" mass="0.1" diaginertia="1e-4 1e-4 1e-4"/>
              <geom type="sphere" size="0.01" group="4"/>
              <site name="tip" pos="0 0 0.05" quat="0.7071067811865476 0 -0.7071067811865476 0"/>
            </body>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
</mujoco>
"""


@pytest.fixture
def odd(tmp_path):
    path = tmp_path / "odd.xml"
    path.write_text(ODD)
    return load_robot(path)


@pytest.fixture(params=["reacher", "sawyer", "odd"])
def pair(request, tmp_path):
    """Return an arm as its MJCF describes it, and as its URDF does."""
    name = request.param
    arm = request.getfixturevalue("odd") if name == "odd" else load_robot(name)
    path = tmp_path / "made.urdf"
    path.write_text(urdf_text(arm))
    return arm, load_robot(path)


def test_frames_and_dynamics_are_those_of_the_mjcf(pair):
    arm, described = pair
    assert described.names == arm.names
    assert described.base == arm.base
    of_mjcf, of_urdf = PinocchioModel(arm), PinocchioModel(described)
    model = shown_model(arm.path)
    armature = np.diag([model.dof_armature[model.joint(n).dofadr[0]] for n in arm.names])
    rng = np.random.default_rng(0)
    for _ in range(5):
        q, v = arm.home + rng.uniform(-1.0, 1.0, arm.nq), rng.normal(size=arm.nv)
        np.testing.assert_allclose(
            of_urdf.forward_kinematics(q), of_mjcf.forward_kinematics(q), atol=1e-9
        )
        np.testing.assert_allclose(of_urdf.M(q), of_mjcf.M(q) - armature, atol=1e-9)
        np.testing.assert_allclose(of_urdf.nle(q, v), of_mjcf.nle(q, v), atol=1e-8)


def test_limits_are_those_of_the_mjcf(pair):
    arm, described = pair
    for field, infinite in (("lower", -FAR), ("upper", FAR), ("velocity", 1e9), ("effort", 1e9)):
        expected = np.clip(getattr(arm.limits, field), -abs(infinite), abs(infinite))
        found = getattr(described.limits, field)
        endless = ~np.isfinite(getattr(arm.limits, field))
        np.testing.assert_allclose(found[~endless], expected[~endless])
        assert (np.abs(found[endless]) >= FAR).all()


def test_every_body_is_a_link_at_its_place(odd):
    import pinocchio

    data_of = shown_model(odd.path)
    data = mujoco.MjData(data_of)
    q = np.array([0.4, 0.1, -0.7])
    data.qpos[:] = q
    mujoco.mj_kinematics(data_of, data)
    model = pinocchio.buildModelFromXML(urdf_text(odd))
    found = model.createData()
    pinocchio.framesForwardKinematics(model, found, q)
    for name in ("base", "two", "palm"):  # whose joints, if any, are at their origins
        T = found.oMf[model.getFrameId(name, pinocchio.FrameType.BODY)].homogeneous
        body = data_of.body(name).id
        np.testing.assert_allclose(T[:3, 3], data.xpos[body], atol=1e-9)
        np.testing.assert_allclose(T[:3, :3], data.xmat[body].reshape(3, 3), atol=1e-9)
    for name, joint in (("one", "turn"), ("three", "spin")):  # at their joints
        T = found.oMf[model.getFrameId(name, pinocchio.FrameType.BODY)].homogeneous
        np.testing.assert_allclose(T[:3, 3], data.xanchor[data_of.joint(joint).id], atol=1e-9)


def visuals(urdf, link):
    """Return (kind, attributes, place in the link, colour) of each shape of a link."""
    (found,) = (x for x in ElementTree.fromstring(urdf).iter("link") if x.get("name") == link)
    shapes = []
    for visual in found.iter("visual"):
        (shape,) = visual.find("geometry")
        place = visual.find("origin").get("xyz")
        rgba = visual.find("material/color").get("rgba")
        shapes.append((shape.tag, shape.attrib, np.fromstring(place, sep=" "), rgba))
    return shapes


def test_shapes_are_made_of_what_a_urdf_has(odd):
    urdf = urdf_text(odd)
    ((kind, size, place, rgba),) = visuals(urdf, odd.base)  # and no plane
    assert (kind, size) == ("box", {"size": "0.2 0.4 0.06"})
    assert rgba == "0.5 0.5 0.5 1"
    np.testing.assert_allclose(place, [0, 0, -0.03])
    kinds = [(kind, rgba) for kind, _, _, rgba in visuals(urdf, "one")]
    steel, red = "0.1 0.2 0.3 1", "1 0 0 1"
    capsule = [(kind, steel) for kind in ("cylinder", "sphere", "sphere")]
    assert kinds == [*capsule, ("sphere", red)]  # and nothing that is for collisions only
    anchor = np.array([0.02, 0.03, 0.04])
    ends = [place + anchor for _, _, place, _ in visuals(urdf, "one")[1:3]]
    np.testing.assert_allclose(sorted(map(tuple, ends)), [[0, 0, 0], [0.1, 0, 0.2]], atol=1e-7)
    ((kind, size, _, _),) = visuals(urdf, "two")
    assert (kind, size) == ("cylinder", {"radius": "0.03", "length": "0.2"})
    assert [kind for kind, *_ in visuals(urdf, "palm")] == ["sphere"]  # it has no other


def test_the_cylinder_of_a_capsule_goes_from_end_to_end():
    urdf = urdf_text(load_robot("reacher"))
    link = next(x for x in ElementTree.fromstring(urdf).iter("link") if x.get("name") == "link1")
    visual = link.find("visual")
    rpy = np.fromstring(visual.find("origin").get("rpy"), sep=" ")
    along = Rotation.from_euler("xyz", rpy).as_matrix()[:, 2]
    np.testing.assert_allclose(np.abs(along), [1, 0, 0], atol=1e-9)
    assert visual.find("geometry/cylinder").attrib == {"radius": "0.01", "length": "0.1"}


def test_a_joint_without_limits_is_continuous_and_one_without_efforts_nearly_unlimited(tmp_path):
    path = tmp_path / "free.xml"
    path.write_text(ODD.replace('range="-9 9"', ""))
    arm = load_robot(path)
    joints = {j.get("name"): j for j in ElementTree.fromstring(urdf_text(arm)).iter("joint")}
    assert {n: joints[n].get("type") for n in arm.names} == {
        "turn": "revolute",
        "lift": "prismatic",
        "spin": "continuous",
    }
    assert float(joints["spin"].find("limit").get("effort")) == UNLIMITED


URDF = """<robot name="r">
  <!-- kept -->
  <link name="root"><visual><geometry><mesh filename="meshes/a.stl"/></geometry></visual></link>
  <link name="l"><visual><geometry><mesh scale="1 1 1" filename="package://p/b.stl"/></geometry>
  </visual><inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/>
  </inertial></link>
  <joint name="j" type="revolute"><parent link="root"/><child link="l"/><axis xyz="0 0 1"/>
  <limit lower="-1" upper="1" effort="1" velocity="1"/></joint>
</robot>
"""


def test_a_urdf_stays_as_it_is_but_for_meshes_that_lie_beside_it(tmp_path):
    path = tmp_path / "r.urdf"
    path.write_text(URDF)
    assert urdf_text(load_robot(path)) == URDF
    assert load_robot(path).base == "root"
    (tmp_path / "meshes").mkdir()
    mesh = tmp_path / "meshes/a.stl"
    mesh.touch()
    assert urdf_text(load_robot(path)) == URDF.replace("meshes/a.stl", mesh.resolve().as_uri())
