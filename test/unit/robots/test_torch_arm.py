# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The arm in torch: it agrees with MuJoCo and Pinocchio, and its derivatives are the true ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from ml3_ros.core.quaternions import about_z, difference, multiply, rotate
from ml3_ros.errors import RobotError
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.torch_arm import TorchArm

SAWYER = load_robot("sawyer")
FRICTION = (8.0, 8.0, 4.0, 4.0, 0.9, 0.9, 0.9)


@pytest.fixture(scope="module")
def arm():
    return TorchArm(SAWYER, FRICTION, 0.05)


def states(n, requires_grad=False):
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(3, n, 7, generator=generator, dtype=torch.float64)
    return [x.clone().requires_grad_(requires_grad) for x in draws]


def test_derivatives_of_a_step_are_the_true_ones(arm):
    assert torch.autograd.gradcheck(arm.step, states(2, requires_grad=True))


def test_derivatives_of_the_hand_are_the_true_ones(arm):
    assert torch.autograd.gradcheck(arm.tool, states(2, requires_grad=True)[0])


def test_the_hand_is_where_pinocchio_has_it(arm):
    (q, *_), model = states(4), PinocchioModel(SAWYER)
    for pose, row in zip(arm.tool(q).numpy(), q.numpy(), strict=True):
        T = model.forward_kinematics(row)
        np.testing.assert_allclose(pose[:3], T[:3, 3], atol=1e-6)
        turn = Rotation.from_quat(pose[3:]).as_matrix()
        np.testing.assert_allclose(turn, T[:3, :3], atol=1e-6)


def test_it_moves_as_the_simulated_arm_that_compensates_gravity(arm):
    real, model = MujocoArm(SAWYER, Perturbation(viscous=FRICTION)), PinocchioModel(SAWYER)
    real.reset(SAWYER.home)
    q = torch.tensor(SAWYER.home)[None]
    v = torch.zeros_like(q)
    rng = np.random.default_rng(0)
    for k in range(40):
        if k % 8 == 0:
            tau = np.array(FRICTION) * rng.uniform(-1.0, 1.0, 7)
        for _ in range(5):
            state = real.state()
            real.step(tau + model.nle(state.q, 0.0 * state.v), 0.01)
        q, v = arm.step(q, v, torch.tensor(tau)[None])
    moved = np.abs(q[0].numpy() - SAWYER.home)
    assert moved.max() > 0.5
    assert np.abs(q[0].numpy() - real.state().q).max() < 0.05


def test_friction_of_other_joints_is_rejected():
    with pytest.raises(RobotError, match="viscous has 1 numbers for 7 joints"):
        TorchArm(SAWYER, (1.0,), 0.05)


def test_quaternions_are_scipys():
    generator = torch.Generator().manual_seed(1)
    a, b = torch.nn.functional.normalize(
        torch.randn(2, 5, 4, generator=generator, dtype=torch.float64), dim=-1
    )
    x = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    A, B = Rotation.from_quat(a.numpy()), Rotation.from_quat(b.numpy())
    both = Rotation.from_quat(multiply(a, b).numpy())
    np.testing.assert_allclose(both.as_matrix(), (A * B).as_matrix(), atol=1e-12)
    np.testing.assert_allclose(rotate(a, x).numpy(), A.apply(x.numpy()), atol=1e-12)
    angle = torch.tensor([0.3], dtype=torch.float64)
    np.testing.assert_allclose(
        Rotation.from_quat(about_z(angle).numpy()).as_rotvec(), [[0.0, 0.0, 0.3]], atol=1e-12
    )
    small = Rotation.from_rotvec(0.01 * x.numpy())
    turned = torch.tensor((small * A).as_quat())
    for sign in (1.0, -1.0):  # of a quaternion means nothing
        np.testing.assert_allclose(
            difference(sign * turned, a).numpy(), 0.01 * x.numpy(), atol=1e-6
        )
