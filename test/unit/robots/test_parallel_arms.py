# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Many arms at once move like one arm of the exact simulator, each with its own load."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.parallel_arms import ParallelArms
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.registry import load_robot

VISCOUS = (0.01, 0.005)


@pytest.fixture(scope="module")
def reacher():
    return load_robot("reacher")


def test_copies_move_like_an_arm_with_their_payload_and_friction(reacher):
    arms = ParallelArms(reacher, 2, viscous=VISCOUS, threads=1)
    dry = np.array([[0.0, 0.0], [0.004, 0.002]])
    arms.load(np.array([0.0, 0.1]), dry)
    rng = np.random.default_rng(0)
    torques = 0.05 * rng.normal(size=(25, 2))
    for torque in torques:
        arms.step(np.tile(torque, (2, 1)))
    for i, payload in enumerate((0.0, 0.1)):
        known = Perturbation(payload=payload, viscous=VISCOUS, coulomb=tuple(dry[i]))
        exact = MujocoArm(reacher, known)
        for torque in torques:
            for _ in range(20):  # held, where motors of the exact one take a period to follow
                state = exact.step(torque, 1e-3)
        assert np.abs(arms.q[i] - state.q).max() < 0.02
        assert np.abs(arms.v[i] - state.v).max() < 0.2
    assert np.abs(arms.q[0] - arms.q[1]).max() > 0.05


def test_results_are_the_same_for_any_number_of_threads(reacher):
    found = []
    for threads in (1, 3):
        arms = ParallelArms(reacher, 7, viscous=VISCOUS, threads=threads)
        for _ in range(10):
            arms.step(np.full((7, 2), 0.05))
        found.append(arms.q)
    assert np.array_equal(*found)


def test_torques_are_clipped_and_wrong_numbers_told(reacher):
    arms = ParallelArms(reacher, 1)
    arms.step(np.array([[1e9, -1e9]]))
    other = ParallelArms(reacher, 1)
    other.step(np.array([[0.4, -0.2]]))
    assert np.array_equal(arms.v, other.v)
    with pytest.raises(ConfigError, match="must be > 0"):
        ParallelArms(reacher, 0)
    with pytest.raises(RobotError, match="diverged: reset"):
        arms.step(np.full((1, 2), np.nan))
