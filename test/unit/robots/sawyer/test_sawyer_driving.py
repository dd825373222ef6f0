# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The driver's decisions against the emulated robot, in lock-step and without ROS."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.robots.control.safety_config import FutureCommandError, StaleCommandError
from ml3_ros.robots.sawyer.driving_config import DrivingConfig, NotReadyError, State
from ml3_ros.robots.sawyer.interface import Mode
from ml3_ros.robots.sawyer.reports import RobotView
from test.unit.robots.sawyer.driving_bench import CONTROL, CYCLE, EFFORT, MODEL, SAWYER, Bench, one


@pytest.fixture
def bench():
    return Bench()


def test_nothing_is_ever_sent_before_an_operator_enables(bench):
    bench.push = one(0, 5.0)
    bench.run(50)
    bench.robot.enable(True, bench.now)  # by somebody else
    bench.run(1500)
    assert bench.driving.state is State.HOLD
    assert bench.torques() == []
    assert "call its service enable" in bench.rejected[-1]


def test_a_zero_command_sends_zero_and_the_robot_keeps_the_arm_up(bench):
    bench.active().run(1500)
    # what is sent is the command less the robot's own gravity, to the reporting steps
    assert max(np.abs(torque).max() for _, torque in bench.torques()) < 0.05
    assert np.abs(bench.q - SAWYER.home).max() < 0.02
    assert bench.robot.control.mode is Mode.TORQUE


def test_torques_begin_at_zero_and_grow_over_the_ramp(bench):
    bench.active(one(6, 0.2)).run(700)
    began = bench.torques()[0][0]
    for ms, torque in bench.torques():
        weight = min((ms - began) / 500.0, 1.0)
        assert abs(torque[6] - 0.2 * weight) < 0.03


def test_only_the_share_of_effort_that_is_allowed_goes_out(bench):
    bench.active(one(0, 1e3)).run(300)
    assert max(np.abs(t[0]) for _, t in bench.torques()) <= 0.3 * EFFORT[0] + 1e-9


def test_when_commands_end_the_arm_is_damped_within_a_cycle_and_held(bench):
    bench.active(one(0, 8.0)).run(800)
    assert bench.speed > 0.1
    last = bench.ms - bench.ms % CONTROL
    bench.push = None
    bench.run(100, lambda: bench.driving.state is State.STOPPING)
    assert bench.ms - last <= 50 + CONTROL + CYCLE + 1
    ms, torque = bench.torques()[-1]
    q, v = bench.driving.reports.q, bench.driving.reports.v
    assert ms == bench.ms - 1
    np.testing.assert_allclose(torque, -10.0 * MODEL.M(q) @ v)  # nothing of the command is left
    bench.run(600, lambda: bench.robot.control.mode is Mode.POSITION)
    bench.run(300)
    assert bench.speed < 0.01
    assert bench.driving.state is State.HOLD
    held = bench.q
    bench.run(1000)
    assert np.abs(bench.q - held).max() < 1e-3


def test_a_controller_that_comes_back_begins_with_the_ramp_again(bench):
    bench.active(one(0, 3.0)).run(600)
    bench.push = None
    bench.run(1500)
    again = bench.ms
    bench.push = one(0, 3.0)
    bench.run(200)
    assert bench.driving.state is State.ACTIVE
    first = bench.torques(again)[0][1]
    assert np.abs(first).max() < 0.05


def test_a_driver_that_was_held_up_does_not_go_on_as_if_nothing_had_been(bench):
    bench.active(one(0, 8.0)).run(700)
    bench.driver_lives = False
    bench.run(300)
    bench.driver_lives = True
    before = len(bench.sent)
    bench.run(500)
    assert bench.driving.state is State.FAULT
    assert "held up for 0.30 s" in bench.driving.reason
    assert all(send.torque is None for _, send in bench.sent[before:])
    assert bench.robot.control.mode is Mode.POSITION


def test_old_future_and_unknown_stamps_are_rejected(bench):
    bench.active()
    bench.push = None
    tau = MODEL.nle(bench.q, np.zeros(7))
    for stamp, error in (
        (bench.ms - 60, StaleCommandError),
        (bench.ms + 5, FutureCommandError),
        (-(10**9), StaleCommandError),
    ):
        with pytest.raises(error, match=r"copy (the|its) stamp"):
            bench.driving.on_command(stamp, tau, bench.now)
    bench.driving.on_command(bench.ms - 40, tau, bench.now)
    with pytest.raises(StaleCommandError):  # received long ago, whatever clock the stamp is of
        bench.driving.on_command(bench.ms - 40, tau, bench.now + 0.02)


HAPPENINGS = {
    "button": (lambda b: b.robot.press(True, b.now), "emergency stop"),
    "software stop": (lambda b: b.robot.stop(b.now), "stopped"),
    "joint fault": (lambda b: b.robot.fault(b.now), "stopped"),
    "disabled": (lambda b: b.robot.enable(False, b.now), "disabled"),
    "cuff": (lambda b: setattr(b.robot, "cuff", True), "cuff"),
    "collision": (lambda b: setattr(b.robot, "collided", True), "collision"),
    "no states": (lambda b: setattr(b, "states_come", False), "stopped coming"),
}


@pytest.mark.parametrize("happening", HAPPENINGS)
def test_whatever_happens_torques_end_at_once_and_do_not_come_back(bench, happening):
    act, reason = HAPPENINGS[happening]
    bench.active(one(0, 5.0)).run(600)
    act(bench)
    at = bench.ms
    bench.run(3000)
    late = 22 if happening == "no states" else CYCLE
    assert [ms for ms, _ in bench.torques(at + late)] == []
    assert bench.driving.state is State.FAULT
    assert reason in bench.driving.reason
    assert not bench.driving.armed
    if happening != "no states":  # a command answers one
        assert "call the service reset" in bench.rejected[-1]
    with pytest.raises(ConfigError, match="reset the driver"):
        bench.driving.arm()


def test_after_a_fault_the_operator_resets_and_enables_again(bench):
    bench.active(one(0, 2.0)).run(100)
    bench.robot.press(True, bench.now)
    bench.run(100)
    with pytest.raises(ConfigError, match="release the button"):
        bench.driving.reset()
    bench.robot.press(False, bench.now)
    bench.robot.reset(bench.now)
    bench.run(20)
    bench.driving.reset()
    bench.run(500)
    assert bench.driving.state is State.DISABLED
    bench.driving.arm()
    bench.robot.enable(True, bench.now)
    bench.run(1300)
    assert bench.driving.state is State.ACTIVE


def test_states_that_come_back_are_answered_with_a_hold(bench):
    bench.active(one(0, 4.0)).run(600)
    bench.states_come = False
    bench.run(500)
    assert bench.robot.control.mode is Mode.POSITION  # the robot's own watchdog
    quiet = bench.ms
    bench.states_come = True
    bench.run(100)
    after = [send for ms, send in bench.sent if ms >= quiet]
    assert after
    assert all(send.position is not None for send in after)


@pytest.mark.parametrize("outcome", ["hold", "disable"])
def test_a_driver_that_is_killed_leaves_the_arm_held_or_braked(outcome):
    bench = Bench(outcome=outcome)
    bench.active(one(0, 8.0)).run(800)
    bench.driver_lives = False
    killed = bench.ms
    bench.run(100, lambda: bench.robot.firings > 0)
    assert bench.ms - killed <= 50 + CYCLE + 2
    bench.run(1000)
    held = bench.q
    bench.run(1000)
    joints = slice(None) if outcome == "hold" else slice(1, 4)  # disabled: those with brakes
    assert np.abs(bench.q - held)[joints].max() < 2e-3


def test_a_squeezed_cuff_is_not_fought_and_a_hold_follows_where_it_was_left(bench):
    bench.active().run(100)
    bench.robot.cuff = True
    at = bench.ms
    bench.run(300)
    assert [ms for ms, _ in bench.sent if ms > at + CYCLE] == []
    bench.robot.cuff = False
    bench.run(100)
    held = [send.position for ms, send in bench.sent if ms > at + 300]
    assert np.abs(held[-1] - bench.q).max() < 0.01


def test_an_arm_that_moves_or_whose_brakes_open_yet_gets_no_torques(bench):
    bench.run(5)
    bench.driving.arm()
    bench.robot.enable(True, bench.now)
    bench.push = np.zeros(7)
    bench.run(900)
    assert bench.torques() == []
    assert "brakes" in bench.rejected[-1]
    bench.push = None
    bench.run(300)
    v = one(2, 0.2)
    bench.driving.reports.on_joints(bench.ms, bench.q, v, bench.now)
    with pytest.raises(NotReadyError, match="until it is at rest"):
        bench.driving.on_command(bench.ms, np.zeros(7), bench.now)


def test_the_arm_goes_home_in_position_mode(bench):
    bench.active(one(0, 6.0)).run(900)
    bench.push = None
    bench.run(1500)
    assert np.abs(bench.q - SAWYER.home).max() > 0.1
    bench.driving.go_home(bench.now)
    bench.run(20_000, lambda: not bench.driving.homing)
    assert bench.driving.resting_at_home()
    assert bench.driving.state is State.HOLD


def test_a_way_home_that_takes_too_long_is_a_fault():
    bench = Bench(DrivingConfig(home_timeout=0.3))
    bench.active(one(0, 6.0)).run(900)
    bench.push = None
    bench.run(1500)
    bench.driving.go_home(bench.now)
    bench.run(400)
    assert bench.driving.state is State.FAULT
    assert "rad from home after" in bench.driving.reason


def test_an_arm_that_nobody_enabled_does_not_go_home(bench):
    bench.run(10)
    with pytest.raises(ConfigError, match="call the service enable"):
        bench.driving.go_home(bench.now)


def test_without_the_robots_gravity_the_models_is_taken_out(bench):
    bench.active().run(100)
    gravity, source = bench.driving.reports.added_by_robot(bench.now)
    assert source == "robot"
    gravity, source = bench.driving.reports.added_by_robot(bench.now + 1.0)
    assert source == "model"
    np.testing.assert_allclose(gravity, MODEL.nle(bench.q, np.zeros(7)), atol=0.05)


def test_commands_on_top_of_gravity_have_nothing_taken_out():
    bench = Bench(DrivingConfig(gravity_on_top=True))
    bench.enabled()
    for _ in range(70):
        bench.command(one(4, 0.3), bench.ms - 1)
        bench.run(10)
    np.testing.assert_allclose(bench.torques()[-1][1], one(4, 0.3), atol=1e-6)


def test_disarming_stops_an_active_arm(bench):
    bench.active(one(0, 3.0)).run(600)
    bench.driving.disarm()
    bench.push = None
    bench.run(1000)
    assert bench.driving.state is State.HOLD
    assert bench.robot.control.mode is Mode.POSITION


def test_a_runaway_joint_stops_the_driver(bench):
    bench.active().run(600)
    fast = one(5, 0.9 * SAWYER.limits.velocity[5])
    bench.driving.reports.on_joints(bench.ms, bench.q, fast, bench.now)
    send = bench.driving.cycle(bench.now)
    assert bench.driving.state is State.FAULT
    assert "overspeed of right_j5" in bench.driving.reason
    assert send.torque[5] < 0.0


def test_a_hold_is_within_the_limits_whatever_the_robot_reports():
    driving = Bench().driving
    driving.reports.on_robot(RobotView(enabled=True), 0.0)
    driving.reports.on_joints(1, SAWYER.limits.upper + np.eye(7)[2], np.zeros(7), 0.0)
    np.testing.assert_array_equal(driving.leave(), SAWYER.limits.upper)
