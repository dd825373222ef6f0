# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The robot's own description is the nominal arm, up to its calibration."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer.urdf import sawyer_urdf

SAWYER = load_robot("sawyer")


@pytest.fixture
def described(tmp_path):
    def load(**options):
        path = tmp_path / "robot.urdf"
        path.write_text(sawyer_urdf(SAWYER, **options))
        return load_robot(path)

    return load


def test_dynamics_limits_and_hand_are_the_nominal_ones(described):
    robot = described()
    index = [robot.names.index(name) for name in SAWYER.names]
    assert set(robot.names) == {"head_pan", *SAWYER.names}
    for field in ("lower", "upper", "velocity", "effort"):
        ours, theirs = getattr(SAWYER.limits, field), getattr(robot.limits, field)
        np.testing.assert_allclose(theirs[index], ours)
    nominal, model, rng = PinocchioModel(SAWYER), PinocchioModel(robot), np.random.default_rng(0)
    for _ in range(3):
        states = np.stack((SAWYER.home + rng.uniform(-1, 1, 7), *rng.normal(size=(2, 7))))
        with_head = np.zeros((3, 8))
        with_head[:, index] = states
        np.testing.assert_allclose(
            model.rnea(*with_head)[index], nominal.rnea(*states), rtol=1e-9, atol=1e-9
        )
        np.testing.assert_allclose(
            model.forward_kinematics(with_head[0]), nominal.forward_kinematics(states[0])
        )


def test_a_calibrated_unit_differs_by_less_than_its_offset(described):
    def hand(**options):
        return PinocchioModel(described(**options)).forward_kinematics(np.zeros(8))[:3, 3]

    away = hand(offset=1e-3, seed=1) - hand()
    assert 1e-5 < np.linalg.norm(away) < 7 * np.sqrt(3) * 1e-3
    np.testing.assert_array_equal(hand(offset=1e-3, seed=1), hand(offset=1e-3, seed=1))
    assert np.abs(hand(offset=1e-3, seed=2) - hand(offset=1e-3, seed=1)).max() > 1e-6
