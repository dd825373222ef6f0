"""The emulated robot without ROS: what it does with commands, and what it reports."""

from __future__ import annotations

import numpy as np
import pytest

from ml3_ros.errors import ConfigError
from ml3_ros.robots.control.sampled_loop import poses_within
from ml3_ros.robots.perturbation import Perturbation
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer.controller import Command, CommandRejectedError
from ml3_ros.robots.sawyer.emulation import SawyerEmulation, reading
from ml3_ros.robots.sawyer.interface import (
    SUPPRESS_CONTACT_SAFETY,
    SUPPRESS_CUFF,
    SUPPRESS_GRAVITY,
    Mode,
)

SAWYER = load_robot("sawyer")
HOME, LIMITS = SAWYER.home, SAWYER.limits
DT = 1e-3
FRICTION = Perturbation(
    viscous=tuple(0.02 * LIMITS.effort / LIMITS.velocity), coulomb=tuple(0.02 * LIMITS.effort)
)


class Robot(SawyerEmulation):
    """An emulated Sawyer with a clock of its own."""

    def __init__(self, perturbation=Perturbation(), enabled=True, **options):  # noqa: B008
        super().__init__(SAWYER, perturbation, dt=DT, **options)
        self.t = 0.0
        if enabled:
            self.enable(True, self.t)

    def send(self, mode, **arrays):
        self.command(Command(mode=mode, **arrays), self.t)

    def torque(self, tau=0.0):
        self.send(Mode.TORQUE, effort=np.broadcast_to(tau, 7).astype(float))

    def run(self, seconds, each=lambda: None):
        for _ in range(round(seconds / DT)):
            each()
            self.step(self.t)
            self.t += DT
        return self.arm.state()

    def moved(self):
        return np.abs(self.arm.state().q - HOME).max()

    def mode(self):
        return self.doing(self.t)


# enabling and brakes -----------------------------------------------------------------------------
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


# torque mode and gravity -------------------------------------------------------------------------
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


# the watchdog ------------------------------------------------------------------------------------
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


# positions, velocities, trajectories -------------------------------------------------------------
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


# hands and collisions ----------------------------------------------------------------------------
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


# what it reports ---------------------------------------------------------------------------------
def test_readings_come_in_steps_with_a_dead_band():
    got = reading(q=np.array([1.2345678]), v=np.array([4e-4, -9e-4, 0.5]), tau=np.array([3.14159]))
    assert got.q[0] / (1e-3 / 1024) == pytest.approx(round(got.q[0] / (1e-3 / 1024)), abs=1e-6)
    assert abs(got.q[0] - 1.2345678) <= 0.5e-3 / 1024
    assert got.v.tolist() == [-1e-3, -1e-3, 0.5]
    assert got.tau[0] == pytest.approx(3.14, abs=1e-12)
