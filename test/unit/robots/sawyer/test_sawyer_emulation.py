# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The emulated robot without ROS: enabling, brakes, gravity, hands and collisions, readings."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.robots.control.sampled_loop import poses_within
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.sawyer.controller import CommandRejectedError
from ml3_ros.robots.sawyer.emulation import reading
from ml3_ros.robots.sawyer.interface import (
    SUPPRESS_CONTACT_SAFETY,
    SUPPRESS_CUFF,
    SUPPRESS_GRAVITY,
    Mode,
)
from test.unit.robots.sawyer.emulation_bench import DT, FRICTION, HOME, LIMITS, SAWYER, Robot


def test_a_robot_begins_disabled_with_three_brakes_on():
    robot = Robot(FRICTION, enabled=False)
    state = robot.run(2.0)
    assert robot.mode() == "disabled"
    np.testing.assert_allclose(state.q[1:4], HOME[1:4], atol=1e-5)
    assert np.abs(state.q[4:6] - HOME[4:6]).max() > 0.1  # free joints fall
    assert np.abs(state.tau[1:4]).min() > 1.0  # brakes bear the load, and springs feel it
    np.testing.assert_array_equal(state.tau[4:], 0.0)


def test_an_enabled_robot_holds_where_it_was_with_a_payload_it_does_not_know():
    robot = Robot(Perturbation(payload=1.5))
    robot.run(2.0)
    assert robot.mode() == "position"
    assert robot.moved() < 2e-3


def test_a_held_arm_is_still_where_some_motion_is_light():
    poses = poses_within(LIMITS, HOME)
    M = PinocchioModel(SAWYER).M(poses)
    lightest = [np.linalg.eigvals(x / x.diagonal()).real.min() for x in M]
    robot = Robot(Perturbation(payload=0.5), home=poses[np.argmin(lightest)])
    assert np.abs(robot.run(3.0).v).max() < 1e-3


@pytest.mark.parametrize("end", ["stop", "fault", "press", "disable", "reset"])
def test_motors_go_off_and_a_torque_is_not_resumed_by_enabling(end):
    robot = Robot(FRICTION)
    robot.torque(2.0)
    robot.run(0.05)
    {
        "stop": lambda: robot.stop(robot.t),
        "fault": lambda: robot.fault(robot.t),
        "press": lambda: robot.press(True, robot.t),
        "disable": lambda: robot.enable(False, robot.t),
        "reset": lambda: robot.reset(robot.t),
    }[end]()
    q = robot.run(0.01).q
    np.testing.assert_allclose(robot.run(0.2).q[1:4], q[1:4], atol=1e-4)  # brakes are on
    assert robot.mode() == "disabled"
    assert not robot.arm.state().tau[4:].any()
    robot.press(False, robot.t)
    robot.reset(robot.t)
    robot.enable(True, robot.t)
    robot.run(0.01)
    assert robot.mode() == "position"
    assert robot.firings == 0


def test_a_released_button_that_was_not_pressed_changes_nothing():
    robot = Robot()
    robot.torque()
    robot.press(False, robot.t)
    robot.run(0.01)
    assert robot.mode() == "torque"


def test_brakes_must_be_on_joints():
    with pytest.raises(ConfigError, match="right_j9"):
        Robot(brakes=["right_j9"])


def test_zero_torque_holds_the_nominal_arm_against_gravity():
    robot = Robot()
    robot.run(1.0, robot.torque)
    assert robot.mode() == "torque"
    assert robot.moved() < 1e-3
    gravity = PinocchioModel(SAWYER).nle(HOME, np.zeros(7))
    np.testing.assert_allclose(robot.reading().tau, gravity, atol=0.05)


def test_zero_torque_does_not_hold_an_unknown_payload():
    robot = Robot(Perturbation(payload=2.0))
    robot.run(0.5, robot.torque)
    assert robot.moved() > 0.05


def test_an_effort_comes_on_top_of_gravity():
    robot = Robot()
    extra = np.array([1.0, -2.0, 0.5, 0.5, 0.1, 0.1, 0.1])
    robot.torque(extra)
    tau = robot.run(DT).tau
    np.testing.assert_allclose(tau, robot.control.gravity_only(HOME) + extra, atol=1e-3)


def test_what_is_added_knows_measured_velocity_and_commanded_acceleration():
    robot, model = Robot(), PinocchioModel(SAWYER)
    v, a = np.full(7, 0.3), np.full(7, 0.5)
    robot.arm.reset(HOME, v)
    np.testing.assert_allclose(robot.added(0.0), model.nle(HOME, v), atol=1e-9)
    robot.send(Mode.TORQUE, effort=np.zeros(7), acceleration=a)
    np.testing.assert_allclose(robot.added(0.0), model.rnea(HOME, v, a), atol=1e-9)
    robot.send(Mode.TORQUE, effort=np.zeros(7), acceleration=1e6 * a)
    assert (np.abs(robot.added(0.0)) <= LIMITS.effort).all()


def test_suppressed_gravity_ends_with_its_messages():
    robot = Robot()
    robot.torque()
    robot.control.suppress(SUPPRESS_GRAVITY, robot.t)
    assert not robot.added(robot.t + 0.199).any()
    assert robot.added(robot.t + 0.2).any()
    robot.run(0.15, robot.torque)
    assert robot.moved() > 0.01  # it falls


def test_an_effort_beyond_the_limit_is_clamped_and_counted():
    robot = Robot()
    robot.torque(20.0)
    assert robot.control.clamped == 1
    np.testing.assert_array_equal(
        robot.control.commanded().effort, np.minimum(20.0, LIMITS.effort)
    )
    robot.torque(5.0)
    assert robot.control.clamped == 1


@pytest.mark.parametrize(
    ("what", "word", "suppression"),
    [("cuff", "zero gravity", SUPPRESS_CUFF), ("collided", "collision", SUPPRESS_CONTACT_SAFETY)],
)
def test_who_takes_over_is_obeyed_until_it_ends_or_is_suppressed(what, word, suppression):
    robot = Robot()
    robot.torque(1.0)
    robot.run(0.05)
    setattr(robot, what, True)
    robot.run(0.01)
    assert robot.mode() == word
    with pytest.raises(CommandRejectedError, match="collision"):
        robot.torque()
    robot.control.suppress(suppression, robot.t)
    robot.torque()
    assert robot.mode() == "torque"
    robot.run(0.25)  # longer than the suppression
    assert robot.mode() == word
    setattr(robot, what, False)
    robot.run(0.01)
    assert robot.mode() == "position"  # and not back in torque mode
    q = robot.run(0.5).q
    np.testing.assert_allclose(robot.run(0.5).q, q, atol=2e-3)


def test_a_squeezed_cuff_lets_the_arm_float():
    robot = Robot()
    robot.cuff = True
    robot.run(0.1)
    robot.arm.reset(HOME, np.full(7, 0.2))  # a push
    robot.run(0.3)
    assert robot.moved() > 0.01


def test_a_disabled_robot_rejects_commands():
    robot = Robot(enabled=False)
    with pytest.raises(CommandRejectedError, match="disabled"):
        robot.torque()


def test_readings_come_in_steps_with_a_dead_band():
    got = reading(q=np.array([1.2345678]), v=np.array([4e-4, -9e-4, 0.5]), tau=np.array([3.14159]))
    assert got.q[0] / (1e-3 / 1024) == pytest.approx(round(got.q[0] / (1e-3 / 1024)), abs=1e-6)
    assert abs(got.q[0] - 1.2345678) <= 0.5e-3 / 1024
    assert got.v.tolist() == [-1e-3, -1e-3, 0.5]
    assert got.tau[0] == pytest.approx(3.14, abs=1e-12)
