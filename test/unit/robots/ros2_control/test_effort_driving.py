# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the effort bridge lets out: nothing before it is enabled, zeros then silence at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml3_ros.errors import ConfigError, MessageError
from ml3_ros.robots.control.safety import SafetyStage
from ml3_ros.robots.control.safety_config import SafetyConfig
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.ros2_control.driving_config import EffortConfig, NotReadyError, State
from ml3_ros.robots.ros2_control.effort_driving import ZEROS, EffortDriving

UR5E = load_robot(Path(__file__).parents[3] / "arms/ur5e.urdf")
MODEL = PinocchioModel(UR5E)
GRAVITY = MODEL.nle(UR5E.home, np.zeros(6))
DT = 0.01
PUSH = np.array([8.0, 0.0, 0.0, 0.0, 0.0, 0.0])


class Arm:
    """A bridge and an arm that stands at home, in a time that is counted here."""

    def __init__(self, gravity, **safety):
        config = SafetyConfig(command_timeout=0.05, **safety)
        self.driving = EffortDriving(
            MODEL, SafetyStage(MODEL, config, rate=1 / DT), EffortConfig(gravity=gravity), rate=100
        )
        self.k, self.v = 0, np.zeros(6)

    @property
    def now(self):
        return self.k * DT

    def period(self, command=None, states=True):
        self.k += 1
        if states:
            self.driving.on_state(self.k, UR5E.home, self.v, self.now)
        if command is not None:
            self.driving.on_command(self.k, command, self.now)
        return self.driving.cycle(self.now)

    def active(self, command, periods=80):
        self.driving.arm()
        self.period()
        for _ in range(periods):
            effort = self.period(command)
        assert self.driving.state is State.ACTIVE
        return effort


def test_nothing_leaves_before_an_operator_enables_it():
    arm = Arm("robot")
    assert arm.period() is None
    with pytest.raises(NotReadyError, match="enabled"):
        arm.period(GRAVITY + PUSH)
    assert arm.driving.state is State.DISABLED
    assert arm.period() is None


@pytest.mark.parametrize(("gravity", "expected"), [("robot", PUSH), ("included", GRAVITY + PUSH)])
def test_gravity_is_commanded_once(gravity, expected):
    assert Arm(gravity).active(GRAVITY + PUSH) == pytest.approx(expected, abs=1e-9)


def test_efforts_begin_from_gravity_and_are_faded_in():
    arm = Arm("included")
    first = arm.active(GRAVITY + PUSH, periods=1)
    assert abs(first - GRAVITY).max() < 0.05 * PUSH[0]


def test_efforts_are_faded_in_anew_after_a_pause():
    arm = Arm("included")
    arm.active(GRAVITY + PUSH)
    for _ in range(20):
        arm.period()
    assert abs(arm.active(GRAVITY + PUSH, periods=1) - GRAVITY).max() < 0.05 * PUSH[0]


def test_an_operator_who_disables_ends_efforts_while_commands_still_come():
    arm = Arm("robot")
    arm.active(GRAVITY + PUSH)
    arm.driving.disarm()
    assert (arm.period(GRAVITY + PUSH) == 0.0).all()
    with pytest.raises(NotReadyError, match="enabled"):
        arm.period(GRAVITY + PUSH)


def test_shares_of_effort_bound_what_is_on_top_of_gravity():
    effort = Arm("included", effort_share=0.1).active(GRAVITY + 100 * PUSH)
    assert effort[0] == pytest.approx(0.1 * UR5E.limits.effort[0])


def test_ended_commands_end_in_zeros_and_then_silence():
    arm = Arm("robot")
    arm.active(GRAVITY + PUSH)
    sent = [arm.period() for _ in range(ZEROS + 20)]
    late = 5  # periods within command_timeout
    assert all((effort == 0.0).all() for effort in sent[late + 1 : ZEROS])
    assert sent[-1] is None
    assert arm.driving.silent
    assert arm.driving.state is State.READY


def test_an_arm_that_moves_is_damped_first():
    arm = Arm("robot")
    arm.active(GRAVITY + PUSH)
    arm.v = np.array([0.5, 0.0, 0.0, 0.0, 0.0, 0.0])
    efforts = [arm.period() for _ in range(20)]
    assert arm.driving.state is State.STOPPING
    assert efforts[-1] == pytest.approx(-10.0 * MODEL.M(UR5E.home) @ arm.v)


def test_an_arm_without_its_own_gravity_torque_is_held_until_an_operator_disables_it():
    arm = Arm("included")
    arm.active(GRAVITY + PUSH)
    assert [arm.period() for _ in range(300)][-1] == pytest.approx(GRAVITY)
    arm.active(GRAVITY + PUSH)  # and goes on from there
    arm.driving.disarm()
    sent = [arm.period() for _ in range(ZEROS + 20)]
    assert (sent[30] == 0.0).all()
    assert sent[-1] is None


@pytest.mark.parametrize("gravity", ["robot", "included"])
def test_a_lost_arm_gets_zeros_then_nothing_and_a_fault_is_named(gravity):
    arm = Arm(gravity)
    arm.active(GRAVITY + PUSH)
    sent = [arm.period(states=False) for _ in range(ZEROS + 20)]
    assert (sent[10] == 0.0).all()
    assert sent[-1] is None
    assert arm.driving.state is State.FAULT
    with pytest.raises(ConfigError, match="joint states have stopped"):
        arm.driving.arm()
    with pytest.raises(NotReadyError, match="reset"):
        arm.period(GRAVITY)
    arm.driving.reset()
    arm.active(GRAVITY + PUSH)


def test_a_driver_that_stops_while_the_bridge_is_enabled_is_a_fault_too():
    arm = Arm("robot")
    arm.driving.arm()
    arm.period()
    assert arm.driving.state is State.READY
    assert [arm.period(states=False) for _ in range(10)] == [None] * 10
    assert arm.driving.state is State.FAULT


def test_a_bridge_that_was_held_up_does_not_go_on():
    arm = Arm("robot")
    arm.active(GRAVITY + PUSH)
    arm.k += 50
    arm.period()
    assert arm.driving.state is State.FAULT
    assert "held up" in arm.driving.reason


def test_a_safety_stop_is_a_fault_in_which_the_arm_is_held():
    arm = Arm("included", overspeed=0.5)
    arm.active(GRAVITY + PUSH)
    arm.v = 0.6 * UR5E.limits.velocity
    arm.period(GRAVITY)
    assert arm.driving.state is State.FAULT
    arm.v = np.zeros(6)
    assert [arm.period() for _ in range(200)][-1] == pytest.approx(GRAVITY)


@pytest.mark.parametrize("tau", [[np.nan] * 6, [0.0] * 5])
def test_wrong_commands_are_rejected(tau):
    arm = Arm("robot")
    arm.active(GRAVITY + PUSH)
    with pytest.raises(MessageError):
        arm.period(np.array(tau))


def test_commands_for_states_of_long_ago_or_that_never_came_are_rejected():
    arm = Arm("robot")
    arm.active(GRAVITY + PUSH)
    for stamp in (-5, 10**6):
        with pytest.raises(MessageError, match="state"):
            arm.driving.on_command(stamp, GRAVITY, arm.now)


def test_efforts_do_not_begin_on_an_arm_that_moves():
    arm = Arm("robot")
    arm.v = np.full(6, 0.2)
    arm.driving.arm()
    arm.period()
    with pytest.raises(NotReadyError, match="moving"):
        arm.period(GRAVITY)
