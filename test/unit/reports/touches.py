# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recording of a two-joint arm that is pushed from 1 s on, as told and as it was."""

from __future__ import annotations

from pathlib import Path

from geometry_msgs.msg import InertiaStamped
from rclpy.serialization import serialize_message

from ml3_msgs.msg import ExternalTorque
from ml3_ros.data.bags.writer import BagWriter
from ml3_ros.nodes.messages.joint_states import time_msg
from ml3_ros.robots.registry import load_robot

NANO = 10**9
START = 1000 * NANO
JOINTS = load_robot("reacher").names
PUSHED_AT = 1.0  # [s]
TORQUE = "ml3_msgs/msg/ExternalTorque"


def torque_msg(stamp, torque, std=(0.0, 0.0)):
    """Return a message; joints with more than 1 N m count as touched."""
    msg = ExternalTorque(joint_names=list(JOINTS), torque=list(torque), std=list(std))
    msg.touched = [abs(x) > 1.0 for x in torque]
    msg.header.stamp = time_msg(stamp)
    return msg


def write_touches(path: Path, *, seconds, start=START, simulated=True, more=()):
    """Write `seconds` of external torques at 100 Hz; `more` are further messages as told."""
    bag = BagWriter(path)
    topics = {"/external_torque": TORQUE}
    if simulated:
        topics |= {"/sim_arm/external_torque": TORQUE}
        topics |= {"/sim_arm/payload": "geometry_msgs/msg/InertiaStamped"}
    for topic, msgtype in topics.items():
        bag.add_topic(topic, msgtype, ())
    for k in range(round(100 * seconds)):
        stamp, pushed = start + k * NANO // 100, k >= 100 * PUSHED_AT
        told = torque_msg(stamp, (2.5, 0.25) if pushed else (0.0, 0.0), (0.2, 0.1))
        bag.write("/external_torque", stamp, serialize_message(told))
        if simulated:
            truth = torque_msg(stamp, (3.0, 0.0) if pushed else (0.0, 0.0))
            bag.write("/sim_arm/external_torque", stamp, serialize_message(truth))
    for raw in more:
        bag.write("/external_torque", start + round(seconds * NANO), raw)
    for after, mass in ((0, 0.5), (NANO, 2.5)) if simulated else ():
        msg = InertiaStamped()
        msg.header.stamp, msg.inertia.m = time_msg(start + after), mass
        bag.write("/sim_arm/payload", start + after, serialize_message(msg))
    bag.close()
