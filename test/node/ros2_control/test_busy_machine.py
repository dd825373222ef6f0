# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A busy machine: the emulated robot waits for efforts, the bridge for answers, and stops act."""

from __future__ import annotations

import time

import numpy as np

from ml3_ros.nodes.effort_bridge.awaited import AwaitedAnswer
from ml3_ros.nodes.ros2_control_emulator.node import UNANSWERED
from test.node.ros2_control.bench import EFFORTS, Robot
from test.node.ros2_control.rig import Rig


def test_an_answer_is_awaited_for_a_while_and_once():
    awaited = AwaitedAnswer(0.5)
    assert not awaited.due(0.0)
    awaited.ask(1, 1.0)
    assert awaited.due(1.4)
    awaited.ask(2, 1.2)
    assert not awaited.due(1.6)  # the time counts from the first
    awaited.answer(2, 2.0)
    assert not awaited.due(2.1)
    awaited.ask(3, 3.0)
    awaited.ask(4, 3.1)
    awaited.answer(3, 3.4)
    assert awaited.due(3.8)  # whoever still answers is late, not gone


def test_without_patience_nobody_waits():
    awaited = AwaitedAnswer(0.0)
    awaited.ask(1, 1.0)
    assert not awaited.due(1.0)


def test_the_robots_time_waits_for_efforts_that_were_coming_and_goes_on_without(graph):
    robot = Robot(graph, patience=1.0, command_timeout=0.0)
    graph.connect(EFFORTS)
    graph.until(lambda: robot.send(*[0.0] * 6) or not robot.is_held())
    slipped = robot.node.diagnostic_values
    before = slipped()["slipped [s]"]
    graph.until(lambda: robot.node._unanswered == UNANSWERED)
    count = len(robot.states)
    graph.until(lambda: slipped()["slipped [s]"] > before + 0.5)
    assert len(robot.states) <= count + 1  # one may have been under way
    robot.until_states(10)  # patience is over


def test_a_joint_that_is_too_fast_is_stopped_however_patient_both_are(graph):
    rig = Rig(graph, robot={"patience": 1.0}, patience=1.0, overspeed=0.05)
    rig.active(np.array([40.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    rig.until("fault")
    assert "overspeed of shoulder_pan_joint" in rig.bridge.fault()
    graph.until(lambda: max(map(abs, rig.robot.states[-1].velocity)) < 0.02)


def test_a_patient_bridge_waits_for_an_answer_and_stops_an_arm_whose_controller_has_ended(graph):
    rig = Rig(graph, robot={"patience": 1.0}, patience=1.0)
    rig.active()
    graph.until(lambda: len(rig.sent) > 5)
    rig.push = None
    before = rig.robot.node.diagnostic_values()["slipped [s]"]
    graph.until(lambda: rig.bridge._awaited.due(time.monotonic()))
    count = len(rig.sent)
    graph.until(lambda: rig.robot.node.diagnostic_values()["slipped [s]"] > before + 0.4)
    assert len(rig.sent) <= count + 2  # what was under way
    rig.until("ready")
    rig.until_zeros()


def test_of_efforts_that_have_waited_the_newest_acts(graph, monkeypatch):
    robot = Robot(graph)
    graph.connect(EFFORTS)
    acted, command = [], robot.node._effort.command

    def noted(efforts, t):
        acted.append(efforts[0])
        command(efforts, t)

    monkeypatch.setattr(robot.node._effort, "command", noted)
    for effort in range(1, 9):
        robot.send(float(effort), 0.0, 0.0, 0.0, 0.0, 0.0)
    graph.until(lambda: 8.0 in acted)
    assert len(acted) <= 2
