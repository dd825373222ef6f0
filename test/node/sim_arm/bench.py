# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A Reacher in the simulation, and what tests do with its commands."""

from __future__ import annotations

import numpy as np
from rclpy.lifecycle import TransitionCallbackReturn

from ml3_ros.nodes.messages.joint_states import NANO, effort_to_msg, nanoseconds
from ml3_ros.robots.registry import load_robot

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
REACHER = load_robot("reacher")
NAMES = REACHER.names


def up(node):
    assert node.trigger_configure() == SUCCESS
    assert node.trigger_activate() == SUCCESS
    return node


def publish(arm, tau, age_s=0.0, names=NAMES):
    """Send one command for the newest state."""
    stamp = nanoseconds(arm.states[-1].header.stamp) - round(age_s * NANO)
    arm.commands.publish(effort_to_msg(np.asarray(tau), names, stamp))


def is_led(arm):
    """Return whether the arm follows a command."""
    return arm.diagnostic_values()["held by"] == "joint_command"


def lead(arm, graph, tau):
    """Send one command and wait until the arm follows it."""
    publish(arm, tau)
    graph.until(lambda: is_led(arm))


def step(arm, graph, states=None):
    """Wait for a joint state from after this moment."""
    now, states = arm._stamp(), arm.states if states is None else states
    graph.until(lambda: nanoseconds(states[-1].header.stamp) > now)
