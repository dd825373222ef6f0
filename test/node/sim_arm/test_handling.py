# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""sim_arm is touched and loaded by simulated people, at their times of robot time."""

from __future__ import annotations

import numpy as np
import pytest
from geometry_msgs.msg import InertiaStamped

from ml3_msgs.msg import ExternalTorque
from ml3_ros.nodes.kit.qos import LATCHED_10, RELIABLE_5000
from ml3_ros.robots.registry import load_robot
from test.node.sim_arm.bench import SUCCESS

SAWYER = load_robot("sawyer")
FAST = {"robot": "sawyer", "real_time_factor": 5.0}


def pushed(arm):
    return float(np.abs(arm._arm.external_torque()).max())


def largest_effort(arm):
    return float(np.abs(arm.states[-1].effort).max())


def test_people_touch_the_arm_and_let_go(make_arm, graph):
    arm = make_arm(**FAST, touch_force=40.0, touch_after=0.5, touch_seed=1)
    graph.until(lambda: pushed(arm) > 1.0)
    graph.until(lambda: pushed(arm) == 0.0)
    away = np.abs(np.array(arm.states[-1].position) - SAWYER.home).max()
    assert away > 0.005  # it holds itself where it was pushed to


def test_nobody_comes_by_default(make_arm, graph):
    arm = make_arm(**FAST)
    graph.until(lambda: len(arm.states) > 100)
    assert pushed(arm) == 0.0
    np.testing.assert_allclose(arm.states[-1].position, SAWYER.home, atol=1e-3)


def test_a_load_is_hung_on_and_taken_off_and_gone_after_a_restart(make_arm, graph):
    arm = make_arm(**FAST, load=3.0, load_after=0.5, load_seconds=1.0, payload=0.5)
    light = largest_effort(arm)
    graph.until(lambda: largest_effort(arm) > light + 5.0)
    graph.until(lambda: largest_effort(arm) < light + 1.0)
    assert arm.trigger_deactivate() == SUCCESS
    arm._arm.set_payload(3.5)
    assert arm.trigger_activate() == SUCCESS
    count = len(arm.states)
    graph.until(lambda: len(arm.states) > count + 10)
    assert largest_effort(arm) < light + 1.0


def test_what_touches_and_loads_it_is_published_for_comparison(make_arm, graph):
    probe = graph.plain("listener")
    torques = graph.listen(probe, ExternalTorque, "sim_arm/external_torque", RELIABLE_5000)
    payloads = graph.listen(probe, InertiaStamped, "sim_arm/payload", LATCHED_10)
    touch = {"touch_force": 40.0, "touch_after": 4.0, "touch_seed": 1, "touch_seconds": 6.0}
    arm = make_arm(**FAST, **touch, load=3.0, load_after=0.5, payload=0.5)
    graph.until(lambda: any(msg.contact for msg in torques))
    graph.until(lambda: len(payloads) == 2)
    graph.until(lambda: not torques[-1].contact)
    first = next(msg for msg in torques if msg.contact)
    assert first.touched == [x != 0.0 for x in first.torque]
    assert list(first.joint_names) == list(SAWYER.names)
    assert first.header.stamp in [state.header.stamp for state in arm.states]
    assert [msg.inertia.m for msg in payloads] == [0.5, 3.5]
    began = payloads[0].header.stamp
    hung = payloads[1].header.stamp
    assert hung.sec - began.sec + 1e-9 * (hung.nanosec - began.nanosec) == pytest.approx(0.51)
    graph.until(lambda: arm._steps > 1200)  # people come no more
    assert not torques[-1].contact


def test_nothing_is_published_of_an_arm_that_nobody_touches(make_arm, graph):
    probe = graph.plain("listener")
    torques = graph.listen(probe, ExternalTorque, "sim_arm/external_torque", RELIABLE_5000)
    arm = make_arm(**FAST)
    graph.until(lambda: len(arm.states) > 100)
    assert torques == []
