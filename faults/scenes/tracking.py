# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Wrong messages for the node that feeds torques of a learned model forward."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import torch
from sensor_msgs.msg import JointState

from faults.rig.result import Row
from faults.rig.rig import Rig
from faults.scenes.arm import MovingArm, within
from faults.scenes.bombard import Target, bombard
from ml3_msgs.msg import LearnedModel
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.net_file import model_to_bytes
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_1
from ml3_ros.nodes.messages.joint_states import nanoseconds
from ml3_ros.nodes.messages.ml3 import model_to_msg
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.registry import load_robot
from ml3_ros.zoo import shipped_loss

METHOD = "ml3_shaped"


def models(robot: RobotDescription) -> Callable[[], LearnedModel]:
    """Return what makes the next message of a learned model."""
    units = Units.from_dict(shipped_loss(f"sawyer_{METHOD}").provenance["units"])
    net = InverseDynamicsNet(units, hidden=(4,))  # small, so that messages are quick to change
    data = model_to_bytes(net, net.init(torch.Generator().manual_seed(0)))
    updates = itertools.count(1)
    return lambda: model_to_msg(
        METHOD, data, stamp=0, update=next(updates), joint_names=robot.names
    )


def scenes(rig: Rig, count: int) -> Iterator[Row]:
    """Bombard tracking_controller with joint states, then with models."""
    robot = load_robot("sawyer")
    rig.start("tracking_controller", lost_error=10.0, feedforwards=[METHOD])
    watch, arm, answered = within(robot), MovingArm(robot), [0]

    def on_command(msg: JointState) -> None:
        answered.append(nanoseconds(msg.header.stamp))
        watch(msg)

    rig.bench.listen(JointState, "joint_command", on_command, RELIABLE_1)
    states = Target(
        node="tracking_controller",
        topic="/joint_states",
        good=arm.message,
        recovered=lambda: answered[-1] == arm.newest,
    )
    yield bombard(rig, states, count)
    yield bombard(
        rig,
        Target(
            node="tracking_controller",
            topic="/learned_model",
            good=models(robot),
            recovered=lambda: (
                float(rig.bench.diagnostic("tracking_controller", "learned_model [Hz]") or 0.0)
                > 0.0
            ),
            qos=LATCHED_1,
        ),
        count,
    )
    yield watch.row()
    rig.stop("tracking_controller")
