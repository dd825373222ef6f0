# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""excitation leads a simulated arm, and an arm that somebody else holds."""

from __future__ import annotations

import numpy as np
import pytest
from sensor_msgs.msg import JointState

from ml3_ros.nodes.excitation import ExcitationNode
from ml3_ros.nodes.kit.qos import RELIABLE_100
from ml3_ros.nodes.messages.joint_states import NANO, nanoseconds, sample_from_msg
from ml3_ros.nodes.sim_arm import SimArm
from test.node.sim_arm.bench import (
    NAMES,
    REACHER,
    SUCCESS,
    step,
    up,
)


def test_the_excitation_leads_the_arm_along_its_trajectory_without_a_jump(graph):
    start = [REACHER.home[0] + 0.3, REACHER.home[1] - 0.3]
    patient = {"command_timeout": 5.0, "patience": 0.2}  # else the arm brakes on a busy machine
    arm = graph.add(
        SimArm, "sim_arm", robot="reacher", home=start, real_time_factor=4.0, **patient
    )
    excitation = graph.add(
        ExcitationNode, "excitation", robot="reacher", fade_seconds=1.0, piece_seconds=2.0
    )
    probe = graph.plain()
    states = graph.listen(probe, JointState, "joint_states", RELIABLE_100)
    commands = graph.listen(probe, JointState, "joint_command", RELIABLE_100)
    assert excitation.trigger_configure() == SUCCESS
    up(arm)
    graph.until(lambda: len(states) > 5)
    excitation.trigger_activate()
    graph.until(lambda: len(states) > 500 and commands)
    samples = [sample_from_msg(msg, NAMES) for msg in states]
    v = np.array([sample.v for sample in samples])
    q = np.array([sample.q for sample in samples])
    assert np.abs(np.diff(v, axis=0)).max() < 0.3  # 30 rad/s^2: no jump
    assert np.ptp(q[-200:], axis=0).min() > 0.2  # it moves
    assert excitation.diagnostic_values()["largest tracking error [rad]"] < 0.1
    assert set(commands[-1].name) == set(NAMES)
    excitation.trigger_deactivate()
    last = arm._stamp()
    for _ in range(3):
        step(arm, graph, states)
    assert max(nanoseconds(msg.header.stamp) for msg in commands) <= last


@pytest.mark.parametrize(
    "noticed", [{"lost_error": 0.1, "standstill": 0.0}, {"lost_error": 10.0, "standstill": 0.2}]
)
def test_an_arm_that_somebody_else_holds_is_led_anew_from_where_it_is(graph, noticed):
    excitation = graph.add(
        ExcitationNode, "excitation", robot="reacher", fade_seconds=0.5, **noticed
    )
    probe = graph.plain()
    commands = graph.listen(probe, JointState, "joint_command", RELIABLE_100)
    states = probe.create_publisher(JointState, "joint_states", RELIABLE_100)
    up(excitation)
    graph.connect("joint_states")
    graph.connect("joint_command")
    held = JointState(name=list(NAMES), velocity=[0.0, 0.0], effort=[0.0, 0.0])
    held.position = [float(REACHER.home[0]) + 0.5, float(REACHER.home[1])]
    for k in range(300):
        held.header.stamp.sec, held.header.stamp.nanosec = divmod(NANO + k * NANO // 100, NANO)
        states.publish(held)
        graph.until(lambda k=k: len(commands) + excitation.diagnostics.counts["arms lost"] > k)
    assert excitation.diagnostics.counts["arms lost"] > 1
    assert excitation.diagnostic_values()["largest tracking error [rad]"] <= 0.2
