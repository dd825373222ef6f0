# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learned efforts of trajectory points: less what the robot adds, bounded, faded in and out."""

from __future__ import annotations

import time

import numpy as np
import pytest

from ml3_ros.nodes.trajectory_commander.efforts import LearnedEfforts
from ml3_ros.nodes.trajectory_commander.parameters import TrajectoryCommanderParameters
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.ros2_control.trajectory import Points
from test.node.ros2_control.bench import UR5E

MODEL = PinocchioModel(UR5E)
ADDED = np.array([3.0, -2.0, 1.0, 0.5, 0.2, -0.1])  # [N m]


def efforts(preset, torque=ADDED, **parameters):
    """Return efforts whose learned model knows gravity, and says `torque` beside it."""
    given = {"feedforward_fade": 1e-3, "feedforward": "ml3_shaped"} | parameters
    made = LearnedEfforts(MODEL, TrajectoryCommanderParameters(preset=preset, **given))
    made._learned = lambda q, v, a: MODEL.nle(q, np.zeros(6)) + torque
    made._came = time.monotonic()
    return made


def points(n=3):
    q = np.tile(UR5E.home, (n, 1))
    zero = np.zeros_like(q)
    return Points(t=np.arange(n) * 0.1, q=q, v=zero, a=zero, effort=zero)


@pytest.mark.parametrize("preset", ["ur", "generic"])
def test_gravity_is_sent_only_where_the_robot_does_not_add_it(preset):
    gravity = MODEL.nle(UR5E.home, np.zeros(6))
    found = efforts(preset, feedforward_share=1.0).filled(points(), 1.0).effort
    expected = ADDED + (0.0 if preset == "ur" else gravity)
    np.testing.assert_allclose(found, np.tile(expected, (3, 1)), atol=1e-9)


def test_they_are_bounded_and_faded_in_once_a_trajectory():
    made = efforts("ur", np.full(6, 1e4), feedforward_share=0.1, feedforward_fade=1.0)
    first, second = (made.filled(points(), 0.25).effort for _ in range(2))
    bound = 0.1 * MODEL.limits.effort
    np.testing.assert_allclose(first, np.tile(0.25 * bound, (3, 1)))
    np.testing.assert_allclose(second, np.tile(0.5 * bound, (3, 1)))


def test_what_is_old_or_not_finite_is_sent_as_nothing():
    old = efforts("ur", model_timeout=1.0)
    old._came -= 10.0
    assert not old.filled(points(), 1.0).effort.any()
    assert not efforts("ur", np.full(6, np.nan)).filled(points(), 1.0).effort.any()


def test_without_a_model_points_have_none():
    made = efforts("ur")
    made._learned = None
    given = points()
    assert made.filled(given, 1.0) is given
