# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The model files: Sawyer is the manufacturer's, and both engines read the same arm."""

from __future__ import annotations

import numpy as np
import pinocchio
import pytest
from scipy.spatial.transform import Rotation

from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot


def sampled(description) -> Perturbation:
    return Perturbation.sample(
        description, np.random.default_rng(3), payload=(0.5 * description.payload_limit,) * 2
    )


@pytest.mark.parametrize("perturbed", [False, True])
def test_mujoco_and_pinocchio_are_twins(arm, states, perturbed):
    perturbation = sampled(arm) if perturbed else Perturbation()
    moves, knows = MujocoArm(arm, perturbation), PinocchioModel(arm, perturbation)
    for q, v, a in zip(*states(arm, 120), strict=True):
        np.testing.assert_allclose(moves.M(q), knows.M(q), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(moves.nle(q, v), knows.nle(q, v), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(moves.rnea(q, v, a), knows.rnea(q, v, a), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(
            moves.forward_kinematics(q), knows.forward_kinematics(q), rtol=1e-9, atol=1e-9
        )


def test_perturbed_inertias_differ_from_the_nominal_ones(arm, states):
    q, v, a = states(arm, 20)
    nominal = PinocchioModel(arm)
    for perturbation in (
        Perturbation(payload=0.5 * arm.payload_limit),
        *(Perturbation(mass_scale=tuple(1.0 + 0.2 * row)) for row in np.eye(arm.nv)),
    ):
        changed = PinocchioModel(arm, perturbation).rnea(q, v, a) - nominal.rnea(q, v, a)
        assert np.abs(changed).max() > 1e-4, perturbation


def test_inertia_matrix_is_symmetric_positive_definite(arm, states):
    M = PinocchioModel(arm).M(states(arm, 500)[0])
    np.testing.assert_allclose(M, M.transpose(0, 2, 1), rtol=0.0, atol=1e-12)
    assert np.linalg.eigvalsh(M).min() > 0.0


def test_reacher_inertia_varies_over_its_workspace(reacher, states):
    M = PinocchioModel(reacher).M(states(reacher, 1000)[0])
    spread = np.linalg.norm(M - M.mean(axis=0), axis=(1, 2)) / np.linalg.norm(M.mean(axis=0))
    assert spread.max() >= 0.3
    assert np.ptp(M[:, 0, 0]) / M[:, 0, 0].mean() >= 0.3
    assert np.ptp(M[:, 0, 1]) / np.abs(M[:, 0, 1]).mean() >= 0.3
    assert (reacher.limits.effort > 0.0).all()
    assert PinocchioModel(reacher)._model.armature.max() < 0.1 * M[:, 1, 1].min()


def test_reacher_moves_in_the_horizontal_plane(reacher, states):
    q, v, _ = states(reacher, 50)
    model = PinocchioModel(reacher)
    np.testing.assert_allclose(model.nle(q, np.zeros_like(v)), 0.0, atol=1e-12)
    assert np.abs(model.nle(q, v)).max() > 1e-3
    reach = model.forward_kinematics(np.zeros(2))[:3, 3]
    np.testing.assert_allclose(reach[:2], (0.2, 0.0), atol=1e-12)


def test_sawyer_masses_and_total_inertia_are_the_manufacturers(sawyer, facts):
    links = facts["links"]
    home = np.array(facts["home"])
    total = pinocchio.Inertia.Zero()
    poses = {"right_arm_base_link": np.eye(4)}
    parent = "right_arm_base_link"
    for joint, angle in zip(facts["joints"].values(), home, strict=True):
        placed = transform(joint["rpy"], joint["xyz"]) @ transform((0.0, 0.0, angle), (0, 0, 0))
        poses[joint["child"]] = poses[parent] @ placed
        parent = joint["child"]
    poses["head"] = poses["right_l0"] @ transform((0, 0, 0), (0.0, 0.0, 0.2965))
    for name, link in links.items():
        xx, yy, zz, xy, xz, yz = link["inertia"]
        tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        body = pinocchio.Inertia(link["mass"], np.array(link["com"]), tensor)
        total += body.se3Action(pinocchio.SE3(poses[name]))
    model = pinocchio.buildModelFromMJCF(str(sawyer.path))
    data = model.createData()
    pinocchio.forwardKinematics(model, data, home)
    ours = pinocchio.Inertia.Zero()
    for body, pose in zip(model.inertias.tolist(), data.oMi.tolist(), strict=True):
        ours += body.se3Action(pose)
    assert ours.mass == pytest.approx(sum(link["mass"] for link in links.values()), rel=1e-12)
    np.testing.assert_allclose(ours.matrix(), total.matrix(), rtol=1e-9, atol=1e-9)
    for name, body in zip(sawyer.names[1:], model.inertias.tolist()[2:], strict=True):
        link = links[facts["joints"][name]["child"]]
        assert body.mass == pytest.approx(link["mass"], rel=1e-12)
        np.testing.assert_allclose(body.lever, link["com"], rtol=1e-9, atol=1e-12)


def transform(rpy, xyz):
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("xyz", rpy).as_matrix()
    pose[:3, 3] = xyz
    return pose


def test_sawyer_limits_and_home_are_the_manufacturers(sawyer, facts):
    assert sawyer.names == tuple(facts["joints"])
    for kind in ("lower", "upper", "velocity", "effort", "acceleration"):
        expected = [joint[kind] for joint in facts["joints"].values()]
        np.testing.assert_array_equal(getattr(sawyer.limits, kind), expected, err_msg=kind)
    np.testing.assert_array_equal(sawyer.home, facts["home"])


def test_sawyer_at_neutral(sawyer, facts):
    # The published numbers include the 1e-4 kg bookkeeping links, which our model leaves out:
    # that is worth 6.2e-5 in M and 6.1e-4 N m in gravity, and nothing in the hand's position.
    model, at_neutral = PinocchioModel(sawyer), facts["at_neutral"]
    pose = model.forward_kinematics(sawyer.home)
    np.testing.assert_allclose(pose[:3, 3], at_neutral["right_hand_position_in_base"], atol=1e-8)
    hand = Rotation.from_quat(at_neutral["right_hand_quaternion_xyzw"]).as_matrix()
    np.testing.assert_allclose(pose[:3, :3], hand, atol=1e-7)
    gravity = model.nle(sawyer.home, np.zeros(7))
    np.testing.assert_allclose(gravity, at_neutral["gravity_torque"], atol=6.1e-4)
    diagonal = model.M(sawyer.home).diagonal()
    np.testing.assert_allclose(diagonal, at_neutral["mass_matrix_diagonal"], atol=6.2e-5)


def test_sawyer_over_its_joint_ranges(sawyer, facts, states):
    ranges = facts["over_joint_ranges"]
    q, v, _ = states(sawyer, 4000)
    model = PinocchioModel(sawyer)
    gravity = np.abs(model.nle(q, np.zeros_like(v))).max(axis=0) - 1e-9
    diagonal = np.diagonal(model.M(q), axis1=1, axis2=2)
    slack = 1.01  # the published numbers are rounded
    assert (gravity <= slack * np.array(ranges["max_abs_gravity_torque"])).all()
    assert (diagonal.max(axis=0) <= slack * np.array(ranges["mass_matrix_diagonal_max"])).all()
    assert (diagonal.min(axis=0) * slack >= np.array(ranges["mass_matrix_diagonal_min"])).all()


def test_built_in_arms_need_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_robot("sawyer").nq == 7
    assert load_robot("reacher").nq == 2
