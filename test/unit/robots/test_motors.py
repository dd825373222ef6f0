# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The motors of a simulated arm: how they go over from one torque to the next."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import RobotError
from ml3_ros.robots.motors import Motors

LIMIT = np.array([10.0, 1.0])


def motors(delay=0.0, begin=(0.0, 0.0)):
    return Motors(np.array(begin), LIMIT, delay)


def test_the_first_torque_is_given_until_there_is_a_command():
    given = motors(begin=(3.0, -2.0))
    for t in (0.0, 0.5, 5.0):
        np.testing.assert_array_equal(given.torque(t), [3.0, -1.0])
    np.testing.assert_array_equal(given.saturated, [False, True])


def test_torques_go_over_at_a_constant_rate_within_the_period():
    given = motors()
    for k, tau in enumerate(([1.0, 0.2], [-1.0, 0.4])):
        given.command(0.1 * k, np.array(tau), 0.1)
        half, end = given.torque(0.1 * k + 0.05), given.torque(0.1 * (k + 1))
        np.testing.assert_allclose(half, [0.5, 0.1] if k == 0 else [0.0, 0.3], atol=1e-12)
        np.testing.assert_array_equal(end, tau)
    np.testing.assert_array_equal(given.torque(9.0), [-1.0, 0.4])


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.1, 0.234])
def test_no_delay_makes_them_jump_and_each_command_is_reached_in_its_turn(delay):
    given = motors(delay)
    commands = np.random.default_rng(0).uniform(-1.0, 1.0, (10, 2))
    found = []
    for k, tau in enumerate(commands):
        given.command(0.1 * k, tau, 0.1)
        found += [given.torque(0.1 * k + 0.001 * i) for i in range(1, 101)]
    assert np.abs(np.diff(found, axis=0)).max() <= 2.0 / 100 + 1e-9
    reached = [k for k in range(10) if 0.1 * (k + 1) + delay <= 1.0]
    for k in reached:
        index = round((0.1 * (k + 1) + delay) / 0.001) - 1
        np.testing.assert_allclose(found[index], commands[k], atol=1e-9)


def test_a_command_that_comes_before_the_last_is_reached_goes_on_from_there():
    given = motors()
    given.command(0.0, np.array([1.0, 0.0]), 0.1)
    given.torque(0.05)
    given.command(0.05, np.array([0.0, 0.0]), 0.1)
    np.testing.assert_allclose(given.torque(0.1), [0.25, 0.0])
    np.testing.assert_array_equal(given.torque(0.15), [0.0, 0.0])


def test_commands_are_cut_to_the_limits_and_reported_when_they_are_followed():
    given = motors(delay=0.1)
    given.command(0.0, np.array([20.0, 0.5]), 0.1)
    given.torque(0.1)
    assert not given.saturated.any()
    given.torque(0.2)
    np.testing.assert_array_equal(given.saturated, [True, False])
    np.testing.assert_array_equal(given.torque(0.3), [10.0, 0.5])


@pytest.mark.parametrize(
    ("t", "tau", "seconds"),
    [
        (0.0, [np.nan, 0.0], 0.1),
        (0.0, [0.0, np.inf], 0.1),
        (0.0, [0.0], 0.1),
        (0.0, None, 0.1),
        (np.nan, [0.0, 0.0], 0.1),
        (np.inf, [0.0, 0.0], 0.1),
        (0.0, [0.0, 0.0], np.nan),
        (0.0, [0.0, 0.0], 0.0),
    ],
)
def test_a_command_without_a_meaning_is_rejected_and_the_last_one_followed_on(t, tau, seconds):
    given = motors()
    given.command(0.0, np.array([1.0, 0.5]), 0.1)
    with pytest.raises(RobotError):
        given.command(t, tau, seconds)
    np.testing.assert_array_equal(given.torque(1.0), [1.0, 0.5])
    with pytest.raises(RobotError):
        motors(begin=(np.nan, 0.0))
