# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is written back is read by Pinocchio, MuJoCo and controllers, and predicts the same."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import mujoco
import numpy as np
import pinocchio
import pytest

from ml3_ros.errors import DataError
from ml3_ros.identification.physical.identified import IdentifiedArm
from ml3_ros.identification.physical.identified_file import described, load_identified
from ml3_ros.identification.physical.terms import Term
from ml3_ros.identification.split import DISPLACEMENTS, INNER, Rows
from ml3_ros.reports.identification.written.controllers import (
    crisp_friction,
    crisp_parameters,
    crisp_text,
    load_crisp,
    load_ur,
    ur_scales,
    ur_text,
)
from ml3_ros.reports.identification.written.folder import save_written, written_files
from ml3_ros.reports.identification.written.mjcf import identified_mjcf
from ml3_ros.reports.identification.written.urdf import identified_urdf
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.urdf import urdf_text

SIMPLE = np.array([[3.0, 4.0, 0.5, 0.2], [2.0, 3.0, -0.4, 0.1], [1.5, 2.0, 0.0, 0.1],
                   [1.0, 1.5, 0.1, 0.05], [0.6, 1.0, 0.0, 0.02], [0.4, 0.7, 0.1, 0.01],
                   [0.2, 0.4, 0.0, 0.01]])  # fmt: skip
TERMS = (Term("viscous"), Term("coulomb"), Term("offset"), Term("rotor"))
# a hand tied to the wrist by fixed joints: its mass is part of the last link
TIED = """<robot name="tied"><link name="base"/>
<link name="upper"><inertial><origin xyz="0 0.02 -0.3"/><mass value="3"/>
 <inertia ixx="0.02" iyy="0.03" izz="0.012" ixy="0.001" ixz="0" iyz="0.002"/></inertial></link>
<link name="lower"><inertial><origin xyz="0.01 0 -0.2"/><mass value="1.5"/>
 <inertia ixx="0.02" iyy="0.02" izz="0.005" ixy="0" ixz="0" iyz="0"/></inertial></link>
<link name="hand"><inertial><origin xyz="0 0 -0.1"/><mass value="0.7"/>
 <inertia ixx="0.001" iyy="0.001" izz="0.001" ixy="0" ixz="0" iyz="0"/></inertial></link>
<joint name="shoulder" type="revolute"><parent link="base"/><child link="upper"/>
 <axis xyz="0 1 0"/><limit lower="-2" upper="2" velocity="4" effort="80"/></joint>
<joint name="elbow" type="revolute"><parent link="upper"/><child link="lower"/>
 <origin xyz="0 0 -0.5" rpy="0.3 0 0.2"/><axis xyz="0 1 0"/>
 <limit lower="-2" upper="2" velocity="4" effort="80"/></joint>
<joint name="grip" type="fixed"><parent link="lower"/><child link="hand"/>
 <origin xyz="0 0 -0.3" rpy="0.5 0 0"/></joint></robot>"""


def identified(description, mass_scale, gains=1.0):
    model = PinocchioModel(description, Perturbation(mass_scale=mass_scale))
    n = model.nv
    arm = IdentifiedArm(
        name=description.name,
        names=model.names,
        links=model.inertial_parameters()[: 10 * n].reshape(n, 10),
        gains=np.full(n, gains),
        terms=(TERMS,) * n,
        coefficients=tuple(gains * SIMPLE[:n]),
        noise=np.full(n, 0.1),
        gravity=description.gravity,
    )
    return described(arm, description), model


def states(n, count=40):
    rng = np.random.default_rng(3)
    return (
        rng.uniform(-1.5, 1.5, (count, n)),
        rng.normal(size=(count, n)),
        rng.normal(size=(count, n)),
    )


def rows_of(names, q, v, a):
    count, n = q.shape
    return Rows(
        joint_names=names, t=np.arange(count) * 0.01, q=q, v=v, a=a, tau=np.zeros_like(q),
        strain=np.zeros((count, n, len(DISPLACEMENTS))), block=np.zeros(count, dtype=np.intp),
        group=np.zeros(count, dtype=np.intp), twins=np.zeros((count, INNER), dtype=bool),
    )  # fmt: skip


def pinocchio_torque(path, q, v, a):
    """Return what a program that knows URDF alone computes: rigid body, damping, friction."""
    model = pinocchio.buildModelFromUrdf(str(path))
    data = model.createData()
    rigid = np.stack([pinocchio.rnea(model, data, *s) for s in zip(q, v, a, strict=True)])
    dynamics = {j.get("name"): j.find("dynamics") for j in ElementTree.parse(path).iter("joint")}
    damping, dry = (
        np.array([float(dynamics[name].get(key)) for name in list(model.names)[1:]])
        for key in ("damping", "friction")
    )
    return rigid + damping * v + dry * np.sign(v)


def mujoco_torque(path, q, v, a):
    model = mujoco.MjModel.from_xml_path(str(path))
    # limits would push; dry friction, a soft constraint there, is added as it stands in the file
    model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_CONSTRAINT
    data = mujoco.MjData(model)
    torques = []
    for data.qpos[:], data.qvel[:], data.qacc[:] in zip(q, v, a, strict=True):
        mujoco.mj_inverse(model, data)
        torques.append(data.qfrc_inverse + model.dof_frictionloss * np.sign(data.qvel))
    return np.array(torques)


@pytest.fixture(params=["sawyer", "tied"])
def case(request, tmp_path):
    if request.param == "sawyer":
        description = load_robot("sawyer")
    else:
        (tmp_path / "tied.urdf").write_text(TIED)
        description = load_robot(tmp_path / "tied.urdf")
    arm, model = identified(description, tuple(np.linspace(0.7, 1.3, description.nv)), gains=0.2)
    return description, arm, model


def test_the_urdf_predicts_what_was_identified(case, tmp_path):
    description, arm, model = case
    q, v, a = states(model.nv)
    text = identified_urdf(urdf_text(description), arm, SIMPLE[: model.nv])
    path = tmp_path / "arm.urdf"
    path.write_text(text)
    simple = SIMPLE[: model.nv]
    expected = (
        arm.rigid_torque(model.regressor(q, v, a)) + simple[:, 0] * v + simple[:, 1] * np.sign(v)
    )
    assert np.abs(pinocchio_torque(path, q, v, a) - expected).max() < 1e-6
    assert load_robot(path).names == arm.names  # MuJoCo reads it too, and agrees


def test_the_mjcf_predicts_what_was_identified(case, tmp_path):
    _, arm, model = case
    q, v, a = states(model.nv)
    simple = SIMPLE[: model.nv]
    path = tmp_path / "arm.xml"
    path.write_text(identified_mjcf(arm, simple))
    expected = arm.rigid_torque(model.regressor(q, v, a)) + simple[:, 0] * v
    expected = expected + simple[:, 1] * np.sign(v) + simple[:, 3] * a
    assert np.abs(mujoco_torque(path, q, v, a) - expected).max() < 1e-6


def test_simple_friction_is_found_as_it_is(case):
    _, arm, model = case
    q, v, a = states(model.nv, 200)
    strain = np.zeros((200, model.nv, len(DISPLACEMENTS)))
    load = arm.rigid_torque(model.regressor(q, v, a))
    assert np.allclose(arm.simple_friction(v, a, strain, load), SIMPLE[: model.nv], atol=1e-6)


def test_a_urdf_without_the_joints_is_refused(case):
    _, arm, _ = case
    with pytest.raises(DataError, match="has no joint"):
        identified_urdf("<robot name='x'><link name='a'/></robot>", arm, SIMPLE)


def test_crisp_parameters_come_back_from_their_own_curve():
    v = np.random.default_rng(0).uniform(-1.5, 1.5, (400, 2))
    true = np.array([[2.0, 8.0, 0.04], [1.0, 15.0, -0.02]])
    found = load_crisp(crisp_text(crisp_parameters(v, crisp_friction(v, true))))
    assert np.allclose(crisp_friction(v, found), crisp_friction(v, true), atol=1e-4)


def test_crisp_parameters_follow_dry_and_viscous_friction():
    v = np.random.default_rng(0).uniform(-1.5, 1.5, (400, 1))
    friction = 2.0 * np.tanh(v / 0.05) + 0.3 * v
    left = crisp_friction(v, crisp_parameters(v, friction)) - friction
    assert np.mean(left**2) < 0.05 * np.mean(friction**2)


def test_ur_scales_go_there_and_back():
    viscous, coulomb = load_ur("# words\n" + ur_text([0.9] * 6, np.linspace(0.0, 1.0, 6)))
    assert viscous.tolist() == [0.9] * 6 and np.allclose(coulomb, np.linspace(0.0, 1.0, 6))
    with pytest.raises(DataError, match="0 to 1"):
        ur_text([1.2] * 6, [0.5] * 6)
    with pytest.raises(DataError, match="SetFrictionModelParameters"):
        load_ur("parameters: 3")


def test_the_ur_scale_that_compensates_all_is_found_from_two_recordings():
    # the robot's own model is 8; friction is 6, so at a scale of .5 it leaves 2: .75 takes all
    assert ur_scales([6.0], [2.0], [0.5])[0] == pytest.approx(0.75)
    assert ur_scales([6.0], [5.0], [0.5])[0] == 1.0  # a scale of 3 would: 1 is the most
    assert ur_scales([6.0], [6.0], [0.5])[0] == 0.5  # nothing shown


def test_a_folder_holds_all_of_it(case, tmp_path):
    description, arm, model = case
    q, v, a = states(model.nv, 200)
    rows = rows_of(arm.names, q, v, a)
    load = arm.rigid_torque(model.regressor(q, v, a))
    paths = save_written(tmp_path / "out", arm, urdf_text(description), rows, load)
    assert [path.name for path in paths] == list(written_files(arm))
    assert all(path.parent.name == "written" and path.stat().st_size for path in paths)
    again = load_identified(paths[0])
    assert np.array_equal(again.links, arm.links)
    six = replace(arm, names=tuple("abcdef"), links=np.repeat(arm.links[:1], 6, axis=0),
                  gains=np.ones(6), terms=(TERMS,) * 6, coefficients=tuple(SIMPLE[:6]),
                  noise=np.ones(6))  # fmt: skip
    assert "ur_friction_scales.yaml" in written_files(six)
