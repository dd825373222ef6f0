# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Wrong joint states for the nodes that only look at an arm: its frames, and what touches it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from tf2_msgs.msg import TFMessage

from faults.rig.result import Row
from faults.rig.rig import Rig
from faults.scenes.arm import MovingArm
from faults.scenes.bombard import Target, Watch, bombard
from ml3_msgs.msg import ExternalTorque
from ml3_ros.nodes.kit.qos import RELIABLE_1, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import nanoseconds
from ml3_ros.robots.registry import load_robot


def scenes(rig: Rig, count: int) -> Iterator[Row]:
    """Bombard arm_frames and contact_observer, each for itself."""
    yield from _frames(rig, count)
    yield from _observer(rig, count)


def _frames(rig: Rig, count: int) -> Iterator[Row]:
    node = "arm_frames"
    rig.start(node, robot="sawyer")
    arm, newest = MovingArm(load_robot("sawyer")), [0, 0]

    def check(msg: TFMessage) -> str | None:
        for transform in msg.transforms:
            newest[0] = nanoseconds(transform.header.stamp)
            at, turn = transform.transform.translation, transform.transform.rotation
            if not np.isfinite([at.x, at.y, at.z, turn.x, turn.y, turn.z, turn.w]).all():
                return f"the frame {transform.child_frame_id} is not finite"
        return None

    watch = Watch("frames that are not finite", check)
    rig.bench.listen(TFMessage, "tf", watch, RELIABLE_100)
    yield bombard(
        rig,
        Target(
            node=node,
            topic="/joint_states",
            good=arm.message,
            recovered=lambda: newest[1] < newest[0] <= arm.newest,
            qos=RELIABLE_1,
            mark=lambda: newest.__setitem__(1, arm.newest),
        ),
        count,
    )
    yield watch.row()
    rig.stop(node)


def _observer(rig: Rig, count: int) -> Iterator[Row]:
    node = "contact_observer"
    rig.start(node, robot="sawyer")
    arm, answered = MovingArm(load_robot("sawyer")), [0]

    def check(msg: ExternalTorque) -> str | None:
        answered.append(nanoseconds(msg.header.stamp))
        return None if np.isfinite(msg.torque).all() else f"a torque {msg.torque}"

    watch = Watch("external torques that are not finite", check)
    rig.bench.listen(ExternalTorque, "external_torque", watch, RELIABLE_100)
    yield bombard(
        rig,
        Target(
            node=node,
            topic="/joint_states",
            good=arm.message,
            recovered=lambda: answered[-1] == arm.newest,
            qos=RELIABLE_100,
        ),
        count,
    )
    yield watch.row()
    rig.stop(node)
