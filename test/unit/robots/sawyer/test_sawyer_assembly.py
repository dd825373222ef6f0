# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Every transition of the robot's state, by who causes it."""

from __future__ import annotations

import pytest

from ml3_ros.robots.sawyer.assembly import Assembly
from ml3_ros.robots.sawyer.interface import EstopButton as B
from ml3_ros.robots.sawyer.interface import EstopSource as S


def seen(robot):
    return (
        *(robot.enabled, robot.stopped, robot.error),
        *(robot.estop_button, robot.estop_source),
    )


OFF = (False, False, False, B.UNPRESSED, S.NONE)
ON = (True, False, False, B.UNPRESSED, S.NONE)
PRESSED = (False, True, False, B.PRESSED, S.USER)
RELEASED = (False, True, False, B.RELEASED, S.USER)
BY_SOFTWARE = (False, True, False, B.UNKNOWN, S.UNKNOWN)
FAULT = (False, True, True, B.UNKNOWN, S.FAULT)

DO = {
    "enable": lambda r: r.enable(True),
    "disable": lambda r: r.enable(False),
    "stop": lambda r: r.stop(),
    "reset": lambda r: r.reset(),
    "fault": lambda r: r.fault(),
    "press": lambda r: r.press(True),
    "release": lambda r: r.press(False),
}


@pytest.mark.parametrize(
    ("what", "state"),
    [
        ("", OFF),
        ("enable", ON),
        ("enable disable", OFF),
        ("enable reset", OFF),
        ("enable release", ON),
        ("enable stop", BY_SOFTWARE),
        ("enable stop enable", BY_SOFTWARE),
        ("enable stop disable", BY_SOFTWARE),
        ("enable stop reset", OFF),
        ("enable stop reset enable", ON),
        ("enable press", PRESSED),
        ("enable press enable", PRESSED),
        ("enable press reset", PRESSED),
        ("enable press stop", PRESSED),
        ("enable press release", RELEASED),
        ("enable press release enable", RELEASED),
        ("enable press release stop", RELEASED),
        ("enable press release press", PRESSED),
        ("enable press release reset", OFF),
        ("enable stop press", PRESSED),
        ("enable fault", FAULT),
        ("enable fault enable", FAULT),
        ("enable fault reset", OFF),
        ("fault press", (False, True, True, B.PRESSED, S.USER)),
    ],
)
def test_transitions(what, state):
    robot = Assembly()
    for name in what.split():
        DO[name](robot)
    assert seen(robot) == state
    assert robot.ready == robot.enabled


def test_rejected_requests_return_false():
    robot = Assembly()
    robot.press(True)
    assert not robot.enable(True)
    assert not robot.reset()
    robot.press(False)
    assert not robot.enable(True)
    assert robot.reset()
    assert robot.enable(True)
