# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Frames of an arm: publishes its URDF and its transforms where no robot_state_publisher is."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from rclpy.lifecycle import LifecyclePublisher
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from ml3_ros.errors import ConfigError, MessageError
from ml3_ros.nodes.kit.node import Ml3Node
from ml3_ros.nodes.kit.parameters.annotated import NodeParameters, Param
from ml3_ros.nodes.kit.process import run
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_100, SENSOR_1
from ml3_ros.nodes.messages.frames import TFMessage, transforms_of
from ml3_ros.nodes.messages.joint_states import NANO, NotFiniteError, nanoseconds
from ml3_ros.robots.link_frames import LinkFrames
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.urdf import urdf_text


@dataclass(frozen=True, kw_only=True)
class ArmFramesParameters(NodeParameters):
    """The arm whose frames are published, and how often."""

    robot: Annotated[
        str,
        Param("the arm: sawyer, reacher, or path of a URDF or MJCF"),
    ] = "sawyer"
    rate: Annotated[float, Param("highest rate of tf, in robot time [Hz]", (1, 1000))] = 30.0
    frame_prefix: Annotated[str, Param("stands before the name of each frame")] = ""


class ArmFrames(Ml3Node[ArmFramesParameters]):
    """Publishes robot_description and tf_static once, and tf from joint states.

    A joint whose position has not come has no frame, nor is any beyond it connected to the base.
    """

    # made by `load`
    _links: LinkFrames
    _urdf: str
    _due: int  # stamp from which the next transforms are published [ns]
    _description: LifecyclePublisher[String]
    _moving: LifecyclePublisher[Any]
    _fixed: LifecyclePublisher[Any]

    def load(self) -> None:
        """Read the arm and connect."""
        p = self.parameters
        if TFMessage is None:
            raise ConfigError(
                "the package tf2_msgs is not installed: run `make setup` again, or install "
                "ros-DISTRO-tf2-msgs"
            )
        self._urdf = urdf_text(load_robot(p.robot))
        self._links = LinkFrames(self._urdf)
        self._due = 0
        self._moving = self.publisher(TFMessage, "tf", RELIABLE_100)
        self._fixed = self.publisher(TFMessage, "tf_static", LATCHED_1)
        self._description = self.publisher(String, "robot_description", LATCHED_1)
        self.subscribe(JointState, "joint_states", self._on_state, SENSOR_1)

    def start(self) -> None:
        """Publish what does not change."""
        self._description.publish(String(data=self._urdf))
        self._publish(self._fixed, self._links.fixed, self.get_clock().now().to_msg())

    def _on_state(self, msg: JointState) -> None:
        self.diagnostics.tick("joint_states")
        stamp = nanoseconds(msg.header.stamp)
        step = round(NANO / self.parameters.rate)
        if 0 < self._due - stamp <= step:
            return
        in_time = 0 <= stamp - self._due < step  # else the first one, or one after a gap
        self._due = (self._due if in_time else stamp) + step
        frames = self._links.moving(_positions(msg))
        self._publish(self._moving, frames, msg.header.stamp)
        self.diagnostics.tick("tf")

    def _publish(self, publisher: LifecyclePublisher[Any], frames: Any, stamp: Any) -> None:
        transforms = transforms_of(frames, stamp, self.parameters.frame_prefix)
        publisher.publish(TFMessage(transforms=transforms))


def _positions(msg: JointState) -> dict[str, float]:
    if len(msg.position) != len(msg.name):
        raise MessageError(
            f"{len(msg.name)} joints are named but position has {len(msg.position)} numbers: the "
            "message is skipped; the sender must fill position for every joint it names"
        )
    if not np.isfinite(msg.position).all():
        raise NotFiniteError("joint_states holds NaN or infinity: the message is skipped")
    return dict(zip(msg.name, msg.position, strict=True))


def main() -> int:
    """Run the node."""
    return run(lambda: ArmFrames("arm_frames"))


if __name__ == "__main__":
    sys.exit(main())
