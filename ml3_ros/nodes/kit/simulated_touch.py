# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""True external torque and payload of a simulated arm, published to compare estimates with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import InertiaStamped
from rclpy.lifecycle import LifecyclePublisher

from ml3_msgs.msg import ExternalTorque
from ml3_ros.nodes.kit.connected_node import ConnectedNode
from ml3_ros.nodes.kit.qos import LATCHED_10, RELIABLE_5000
from ml3_ros.nodes.messages.joint_states import time_msg
from ml3_ros.nodes.messages.ml3 import external_torque_to_msg

TORQUE, PAYLOAD = "~/external_torque", "~/payload"


class SimulatedTouch:
    """Publishes the torque of simulated hands at each joint state, and each new payload once.

    No learner may listen: it is for reports and tests.
    """

    def __init__(self, node: ConnectedNode, names: Sequence[str], base: str, tool: str) -> None:
        """Connect.

        Args:
            node: The simulated arm.
            names: Of its joints.
            base: Frame of its base.
            tool: Frame that payloads are at.
        """
        self._names, self._base, self._tool = names, base, tool
        self._torques: LifecyclePublisher[ExternalTorque]
        self._torques = node.publisher(ExternalTorque, TORQUE, RELIABLE_5000)
        self._payloads: LifecyclePublisher[InertiaStamped]
        self._payloads = node.publisher(InertiaStamped, PAYLOAD, LATCHED_10)
        self._payload = float("nan")  # published last [kg]

    def publish(self, stamp: int, torque: np.ndarray, payload: float) -> None:
        """Publish what acts at the joint state stamped `stamp` [ns].

        Args:
            stamp: Of the joint state [ns].
            torque: Of the hands [N m], shape (n,).
            payload: At the tool [kg].
        """
        exact, touched = np.zeros_like(torque), torque != 0.0
        self._torques.publish(
            external_torque_to_msg(
                self._names, stamp, torque, exact, touched, update=0, frame_id=self._base
            )
        )
        if payload != self._payload:
            msg = InertiaStamped()  # of a point mass: what is not set is zero
            msg.header.stamp, msg.header.frame_id = time_msg(stamp), self._tool
            msg.inertia.m = self._payload = payload
            self._payloads.publish(msg)
