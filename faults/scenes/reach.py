# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Wrong messages for the node whose policy learns to reach goals."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState

from faults.rig.result import Row
from faults.rig.rig import Rig
from faults.scenes.arm import within
from faults.scenes.bombard import Target, bombard
from ml3_ros.bringup.systems.reach import REACHER_ARM
from ml3_ros.nodes.kit.qos import LATCHED_1, LATCHED_100, RELIABLE_100
from ml3_ros.nodes.messages.poses import pose_to_msg
from ml3_ros.robots.registry import load_robot


def scenes(rig: Rig, count: int) -> Iterator[Row]:
    """Bombard reach_optimizer with goals, poses of the hand and joint states."""
    node, robot = "reach_optimizer", load_robot("reacher")
    rig.start("sim_arm", robot="reacher", velocity_noise=0.0, **REACHER_ARM)
    rig.start(
        node,
        robot="reacher",
        out=rig.folder / "reach",
        retries=100,
        updates=3,
        reset_timeout=2.0,
    )
    watch, base = within(robot), [0]
    newest: dict[str, Any] = {"hand_pose": PoseStamped(), "joint_states": JointState()}
    rig.bench.listen(JointState, "joint_command", watch, RELIABLE_100)
    for topic, msg in newest.items():
        rig.bench.listen(type(msg), topic, partial(newest.__setitem__, topic), RELIABLE_100)
    angles = random.Random(0)

    def goal() -> PoseStamped:
        angle = angles.uniform(-1.5, 1.5)
        at = [0.15 * math.cos(angle), 0.15 * math.sin(angle), 0.0]
        return pose_to_msg(np.array([*at, 0.0, 0.0, math.sin(angle / 2), math.cos(angle / 2)]), 0)

    topics = {
        "/goal": (goal, LATCHED_100),
        "/hand_pose": (lambda: copy.deepcopy(newest["hand_pose"]), LATCHED_1),
        "/joint_states": (lambda: copy.deepcopy(newest["joint_states"]), LATCHED_1),
    }
    for topic, (good, qos) in topics.items():
        yield bombard(
            rig,
            Target(
                node=node,
                topic=topic,
                good=good,
                recovered=lambda: rig.bench.diagnostic_count(node, "episodes") > base[0],
                qos=qos,
                mark=lambda: base.__setitem__(0, rig.bench.diagnostic_count(node, "episodes")),
                period=0.1,
            ),
            count,
        )
    yield watch.row()
    rig.stop(node, "sim_arm")
