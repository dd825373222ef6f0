# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The emulated robot without ROS: how it follows positions, velocities and trajectories."""

from __future__ import annotations

import numpy as np

from ml3_ros.robots.sawyer.interface import (
    Mode,
)
from test.unit.robots.sawyer.emulation_bench import FRICTION, HOME, LIMITS, Robot


def test_position_mode_goes_there_at_its_share_of_the_largest_speed():
    robot = Robot(FRICTION)
    target = HOME + np.array([0.5, 0.0, 0.0, -0.3, 0.2, 0.0, 0.0])
    robot.control.set_speed_ratio(0.2)
    robot.send(Mode.POSITION, position=target)
    speeds = []
    robot.run(3.0, lambda: speeds.append(np.abs(robot.arm.state().v)))
    np.testing.assert_allclose(robot.arm.state().q, target, atol=2e-3)
    share = (np.max(speeds, axis=0) / LIMITS.velocity)[[0, 3]]
    np.testing.assert_allclose(share, 0.2, atol=0.03)


def test_a_target_beyond_the_limits_is_clamped_and_counted():
    robot = Robot()
    robot.send(Mode.POSITION, position=np.full(7, 9.0))
    np.testing.assert_array_equal(robot.control.commanded().position, LIMITS.upper)
    assert robot.control.clamped == 1


def test_a_trajectory_is_followed_without_lag_and_extrapolated_for_the_timeout_only():
    robot = Robot()

    def follow():
        phase = 2.0 * robot.t
        swing = np.array([0.2, 0.1, 0.2, 0.1, 0.2, 0.2, 0.2])
        robot.send(
            Mode.TRAJECTORY,
            position=HOME + swing * (1 - np.cos(phase)),
            velocity=2.0 * swing * np.sin(phase),
            acceleration=4.0 * swing * np.cos(phase),
        )

    robot.run(1.0, follow)
    target = robot.control.commanded()
    assert np.abs(target.velocity).min() > 0.1
    np.testing.assert_allclose(robot.arm.state().q, target.position, atol=5e-3)
    robot.run(1.0)
    age, v, a = robot.control.timeout, target.velocity, target.acceleration
    np.testing.assert_allclose(
        robot.arm.state().q, target.position + age * v + 0.5 * age**2 * a, atol=5e-3
    )
