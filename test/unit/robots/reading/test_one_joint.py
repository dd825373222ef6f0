# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arms of one joint have vectors and matrices of their own, which Pinocchio hands over flat."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.robots.control.adaptive_control import TrackingController
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot, load_urdf
from test.unit.robots.reading.files import chain


@pytest.fixture
def arm():
    return load_urdf(chain(("a", {})))


def test_shapes_are_those_of_one_joint(arm):
    model = PinocchioModel(arm)
    one, many = np.zeros(1), np.zeros((4, 1))
    for x, lead in ((one, ()), (many, (4,))):
        assert model.M(x).shape == (*lead, 1, 1)
        assert model.nle(x, x).shape == model.payload_torque(x, x, x).shape == (*lead, 1)
        assert model.regressor(x, x, x).shape == (*lead, 1, 10)
        assert model.gravity_gradient(x).shape == (*lead, 1, 1)
        assert model.point_jacobian(x, 0, np.ones(3)).shape == (*lead, 3, 1)


def test_a_payload_of_one_joint_is_learned_while_tracking(arm):
    from ml3_ros.robots.perturbation import Perturbation

    moves = MujocoArm(arm, Perturbation(payload=0.2))
    controller = TrackingController(PinocchioModel(arm))
    for _ in range(300):
        state = moves.state()
        state = moves.step(controller.torque(state.q, state.v, np.array([0.3])), 0.01)
    assert state.q[0] == pytest.approx(0.3, abs=0.01)


def test_the_regressor_of_one_joint_with_armature_is_its_inverse_dynamics():
    model = PinocchioModel(load_robot("reacher", joints=["joint0"]))
    q, v, a = np.array([[[0.3], [1.0]], [[0.5], [-2.0]], [[1.5], [0.7]]])
    assert model.inertial_parameters().shape == (11,)
    torque = model.regressor(q, v, a) @ model.inertial_parameters()
    np.testing.assert_allclose(torque, model.rnea(q, v, a), rtol=1e-9)
