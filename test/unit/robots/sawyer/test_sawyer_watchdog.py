# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The emulated robot without ROS: the watchdog, and modes that need no repetition."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.robots.sawyer.controller import CommandRejectedError
from ml3_ros.robots.sawyer.interface import (
    Mode,
)
from test.unit.robots.sawyer.emulation_bench import FRICTION, HOME, Robot


@pytest.mark.parametrize("timeout", [0.2, 0.02])
@pytest.mark.parametrize("mode", [Mode.TORQUE, Mode.VELOCITY])
def test_the_watchdog_fires_exactly_at_the_timeout(mode, timeout):
    robot = Robot()
    if timeout != 0.2:
        robot.control.set_timeout(timeout)
    robot.run(0.1)
    robot.send(mode, effort=np.zeros(7), velocity=np.zeros(7))
    robot.step(robot.t + timeout - 1e-6)
    assert robot.mode() == mode.name.lower()
    robot.step(robot.t + timeout)
    assert robot.mode() == "position"
    assert robot.firings == 1
    assert robot.last_delay == pytest.approx(timeout)
    robot.t += timeout
    robot.run(0.5)
    assert robot.firings == 1


def test_after_a_timeout_a_moving_arm_comes_to_rest_and_stays():
    robot = Robot(FRICTION)
    robot.send(Mode.VELOCITY, velocity=np.full(7, 0.3))
    robot.run(0.2)
    assert robot.arm.state().v[1] == pytest.approx(0.3, abs=0.05)
    robot.run(0.6)
    q = robot.arm.state().q
    robot.run(1.0)
    assert np.abs(robot.arm.state().q - q).max() < 2e-3
    assert robot.control.held_since == pytest.approx(0.2, abs=2e-3)


def test_after_a_timeout_the_robot_can_also_disable_itself():
    robot = Robot(timeout_outcome="disable")
    robot.torque()
    robot.run(0.25)
    assert robot.mode() == "disabled"
    assert robot.firings == 1
    assert not robot.assembly.stopped


@pytest.mark.parametrize("mode", [Mode.POSITION, Mode.TRAJECTORY])
def test_positions_need_no_repetition(mode):
    robot = Robot()
    zero = np.zeros(7)
    robot.send(mode, position=HOME, velocity=zero, acceleration=zero)
    robot.run(0.5)
    assert robot.firings == 0
    assert robot.mode() == mode.name.lower()


def test_the_timeout_is_clamped_and_finite():
    robot = Robot()
    for requested, set_ in ((5.0, 1.0), (-1.0, 0.0), (0.05, 0.05)):
        robot.control.set_timeout(requested)
        assert robot.control.timeout == set_
    with pytest.raises(CommandRejectedError):
        robot.control.set_timeout(np.nan)
    assert robot.control.timeout == 0.05
