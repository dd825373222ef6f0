# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The emulated Sawyer over real topics: commands, clamping, and the watchdog."""

from __future__ import annotations

import time

import numpy as np
import pytest

from ml3_ros.robots.sawyer.interface import ARM_JOINTS, Mode
from test.node.sawyer_emulator.bench import Client


def test_repeated_commands_keep_the_watchdog_quiet(robot):
    robot.torque_mode()
    sent = [time.monotonic()]
    while sent[-1] < sent[0] + 1.5:
        robot.command()
        sent.append(time.monotonic())
        robot.graph.for_(0.02)
    if np.diff(sent).max() > 0.5:
        pytest.skip("this machine stalled for as long as the watchdog waits")
    assert robot.node.diagnostic_values()["watchdog firings"] == 0
    assert robot.node.diagnostic_values()["mode"] == "torque"


@pytest.mark.parametrize("timeout", [0.2, 0.05])
def test_the_watchdog_holds_position_when_commands_end(graph, messages, timeout):
    robot = Client(graph, messages, brakes=list(ARM_JOINTS))
    q = np.array(robot.node._robot.arm.state().q)
    if timeout != 0.2:
        robot.set_timeout(timeout)
    robot.enable()
    sent = time.monotonic()
    robot.command()
    robot.until_mode("torque")
    robot.until_mode("position")
    elapsed = time.monotonic() - sent
    robot.graph.until(lambda: robot.delays)
    assert timeout - 0.002 <= robot.delays[-1].data <= elapsed
    assert robot.node.diagnostic_values()["watchdog firings"] == 1
    robot.until_more(robot.states, 20)
    np.testing.assert_allclose(robot.states[-1].position[1:8], q, atol=2e-3)
    assert robot.node.diagnostic_values()["held [s]"] > 0.0


def test_the_watchdog_can_also_disable_the_robot(graph, messages):
    robot = Client(graph, messages, timeout_outcome="disable")
    robot.torque_mode()
    robot.until_mode("disabled")
    robot.until_state(lambda state: not state.enabled)
    assert robot.node.diagnostic_values()["watchdog firings"] == 1


def test_arrays_are_read_by_name_and_efforts_clamped(robot):
    robot.set_timeout(1.0)
    robot.enable()
    effort = np.array([3.0, 2.0, 1.0, 1.0, 0.5, 0.5, 50.0])
    robot.command(names=ARM_JOINTS[::-1], effort=effort[::-1].tolist())
    robot.until_mode("torque")
    robot.graph.until(lambda: len(robot.gravity[-1].commanded_effort))
    np.testing.assert_array_equal(robot.gravity[-1].commanded_effort, [*effort[:6], 9.0])
    assert robot.node.diagnostic_values()["clamped commands"] == 1


@pytest.mark.parametrize(
    "arrays",
    [
        {"effort": [0.0] * 6},
        {"effort": [0.0] * 8},
        {"position": [0.0] * 7},  # no effort
        {"effort": [0.0] * 7, "acceleration": [0.0]},
        {"effort": [0.0] * 6 + [float("nan")]},
        {"names": ARM_JOINTS[:6], "effort": [0.0] * 6},
        {"names": (*ARM_JOINTS[:6], "head_pan"), "effort": [0.0] * 7},
        {"mode": 0, "effort": [0.0] * 7},
        {"mode": Mode.TRAJECTORY, "position": [0.0] * 7},
    ],
)
def test_a_malformed_command_is_rejected_and_counted(robot, arrays):
    robot.enable()
    robot.command(**arrays)
    robot.counted("rejected commands")
    assert robot.node.diagnostic_values()["mode"] == "position"
