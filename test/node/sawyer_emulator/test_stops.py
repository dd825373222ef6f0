# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The emulated Sawyer over real topics: enabling, stops, faults, hands and collisions."""

from __future__ import annotations

from std_msgs.msg import Bool

from ml3_ros.robots.sawyer import interface as sawyer
from ml3_ros.robots.sawyer.interface import EstopButton, EstopSource


def test_it_begins_disabled_and_only_enabling_turns_the_motors_on(robot):
    robot.until_more(robot.assembly)
    assert robot.estop() == (False, False, EstopButton.UNPRESSED, EstopSource.NONE)
    robot.command()
    robot.counted("rejected commands")
    assert not robot.node.diagnostic_values()["enabled"]
    robot.enable()
    robot.until_mode("position")
    robot.publish(sawyer.SUPER_ENABLE, Bool(data=False))
    robot.until_state(lambda state: not state.enabled)


def test_a_pressed_button_stops_and_cannot_be_reset(robot):
    robot.torque_mode()
    robot.call("press_estop", True)
    robot.until_state(lambda state: state.stopped)
    assert robot.estop() == (True, False, EstopButton.PRESSED, EstopSource.USER)
    robot.until_mode("disabled")
    robot.publish(sawyer.SUPER_RESET)
    robot.counted("rejected messages")
    robot.call("press_estop", False)
    robot.until_state(lambda state: state.estop_button == EstopButton.RELEASED)
    robot.publish(sawyer.SUPER_ENABLE, Bool(data=True))
    robot.counted("rejected messages", 2)
    robot.publish(sawyer.SUPER_RESET)
    robot.until_state(lambda state: not state.stopped)
    assert robot.estop() == (False, False, EstopButton.UNPRESSED, EstopSource.NONE)
    robot.enable()


def test_a_stop_by_software_needs_a_reset(robot):
    robot.torque_mode()
    robot.publish(sawyer.SUPER_STOP)
    robot.until_state(lambda state: state.stopped)
    assert robot.estop() == (True, False, EstopButton.UNKNOWN, EstopSource.UNKNOWN)
    robot.publish(sawyer.SUPER_RESET)
    robot.until_state(lambda state: not state.stopped)
    assert not robot.assembly[-1].enabled


def test_a_fault_of_a_joint_stops_with_an_error(robot):
    robot.enable()
    assert robot.call("joint_fault").success
    robot.until_state(lambda state: state.error)
    assert robot.estop() == (True, False, EstopButton.UNKNOWN, EstopSource.FAULT)


def test_a_robot_that_is_not_active_has_no_world_around_it(robot):
    robot.node.trigger_deactivate()
    answer = robot.call("press_estop", True)
    assert not answer.success
    assert "activate it" in answer.message


def test_a_squeezed_cuff_is_published_and_ends_following(robot):
    robot.torque_mode()
    robot.until_more(robot.cuff, 3)  # also while nothing happens
    robot.call("squeeze_cuff", True)
    robot.until_mode("zero gravity")

    def cuff():
        return {signal.name: signal.data for signal in robot.cuff[-1].signals}

    robot.graph.until(lambda: robot.cuff and cuff()[sawyer.CUFF_SIGNAL] == "[1]")
    assert [cuff()[name] for name in sawyer.CUFF_BUTTON_SIGNALS] == ["[0]", "[0]"]
    robot.command()
    robot.counted("rejected commands")
    robot.call("squeeze_cuff", False)
    robot.until_mode("position")
    robot.graph.until(lambda: cuff()[sawyer.CUFF_SIGNAL] == "[0]")


def test_a_collision_is_published_and_ends_following(robot):
    robot.torque_mode()
    robot.call("collide", True)
    robot.graph.until(lambda: robot.collision[-1].collision_state)
    robot.until_mode("collision")
    robot.command()
    robot.counted("rejected commands")
    robot.call("collide", False)
    robot.until_mode("position")
    robot.graph.until(lambda: not robot.collision[-1].collision_state)
