# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A small node with parameters of all kinds, which publishes what it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState

from ml3_ros.errors import RobotError
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.parameters.annotated import NodeParameters, Param
from ml3_ros.nodes.kit.qos import RELIABLE_100

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


@dataclass(frozen=True, kw_only=True)
class RelayParameters(NodeParameters):
    """Parameters of all kinds."""

    rate: Annotated[float, Param("messages per second [Hz]", (1.0, 500.0))] = 100.0
    mode: Annotated[Literal["fast", "slow"], Param("how", live=True)] = "fast"
    gains: Annotated[tuple[float, ...], Param("one a joint [-]", (0.0, 10.0))] = (1.0,)
    joints: Annotated[tuple[str, ...], Param("names")] = ()
    fixed: Annotated[int, Param("a number [-]", read_only=True)] = 1


class Relay(Ml3Node[RelayParameters]):
    """Publishes what it reads."""

    def load(self):
        if self.parameters.gains == (0.0,):
            raise RobotError("all gains are zero: give one that is not")
        if self.parameters.gains == (9.0,):
            raise ZeroDivisionError
        self.sent = self.publisher(JointState, "out", RELIABLE_100)
        self.subscribe(JointState, "in", self.sent.publish, RELIABLE_100)


def change(node, **values):
    (result,) = node.set_parameters([Parameter(k, value=v) for k, v in values.items()])
    return result
