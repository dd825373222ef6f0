# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Simulated Reachers on the executor of a test."""

from __future__ import annotations

import pytest
from sensor_msgs.msg import JointState

from ml3_ros.nodes.kit.qos import RELIABLE_1, RELIABLE_100
from ml3_ros.nodes.sim_arm import SimArm
from test.node.sim_arm.bench import (
    up,
)


@pytest.fixture
def make_arm(graph):
    """Return a function that makes a noiseless Reacher with its states and a way to command it.

    A command that comes late is taken, as long as `command_timeout` is not set.
    """

    def make(**parameters):
        patient = {"command_timeout": 5.0, "patience": 0.0}
        values = {"robot": "reacher", "velocity_noise": 0.0} | patient | parameters
        node = graph.add(SimArm, "sim_arm", **values)
        node.probe = graph.plain()
        node.states = graph.listen(node.probe, JointState, "joint_states", RELIABLE_100)
        node.commands = node.probe.create_publisher(JointState, "joint_command", RELIABLE_1)
        up(node)
        graph.connect("joint_states")
        graph.connect("joint_command")
        graph.until(lambda: node.states)
        return node

    return make


@pytest.fixture
def arm(make_arm):
    """A noiseless Reacher that is patient with commands."""
    return make_arm()
