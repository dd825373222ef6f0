# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A reach_optimizer, and an arm that it moves over real topics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from geometry_msgs.msg import PoseStamped
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.losses.spec import InputSpec, LossSpec
from ml3_ros.learners.reaching.arm_task import KEY, ArmTask
from ml3_ros.nodes.kit.qos import LATCHED_100, RELIABLE_1, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import (
    NANO,
    JointSample,
    effort_from_msg,
    nanoseconds,
    sample_to_msg,
)
from ml3_ros.nodes.messages.poses import pose_to_msg
from ml3_ros.nodes.reach_optimizer.node import ReachOptimizer

NAMES = ("a", "b")
TASK = ArmTask(
    joints=NAMES,
    observation="planar",
    limits=(2.0, 1.0),
    period=0.03,
    horizon=4,
    scales=((1.0,) * 4, (1.0, 1.0)),
    hidden=(8,),
    home=(0.0, 0.5),
    spread=0.1,
    reach=(0.2, 2.0),
    height=(-0.1, 0.1),
)


def a_loss(task):
    """Return a loss of the right shape that is not trained."""
    spec = LossSpec(
        architecture="desired_action",
        target=InputSpec(name="action", unit="N m", scale=task.limits, labels=NAMES),
        context=tuple(
            InputSpec(name=name, unit="", scale=(1.0, 1.0))
            for name in ("error", "elbow", "velocity")
        ),
        options={"hidden": (8,), "step_hidden": (4,)},
        inner_lr=0.1,
    )
    phi = spec.init_phi(torch.Generator().manual_seed(0))
    return LearnedLoss(spec=spec, phi=phi, provenance={KEY: task.to_dict()})


class Plant:
    """Two masses at home after a reset; the test lets their time go on."""

    GOAL = np.array([1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 1.0])
    STEP = NANO // 100  # of its joint states
    task = TASK

    def __init__(self, graph, node):
        self.graph, self.node, self.k, self.resets = graph, node, 0, 0
        self.q, self.v, self.tau = np.array(TASK.home), np.zeros(2), np.zeros(2)
        self.answer, self.sent = "", []
        self.probe = graph.plain("arm")
        self.states = self.probe.create_publisher(JointState, "joint_states", RELIABLE_100)
        self.poses = self.probe.create_publisher(PoseStamped, "hand_pose", RELIABLE_100)
        self.goals = self.probe.create_publisher(PoseStamped, "goal", LATCHED_100)
        self.probe.create_subscription(JointState, "joint_command", self.on_command, RELIABLE_1)
        self.probe.create_service(Trigger, "reset_arm", self.on_reset)

    def connect(self):
        for topic in ("joint_states", "hand_pose", "goal", "joint_command"):
            self.graph.connect(topic)

    def on_command(self, msg):
        self.tau = effort_from_msg(msg, NAMES)
        self.sent.append((nanoseconds(msg.header.stamp), self.tau))

    def on_reset(self, _request, response):
        self.resets += 1
        self.q, self.v = np.array(TASK.home) + 0.05, np.zeros(2)
        response.success, response.message = not self.answer, self.answer
        return response

    @property
    def stamp(self):
        return 1_000 * NANO + self.k * self.STEP

    def state(self):
        return sample_to_msg(
            JointSample(stamp=self.stamp, q=self.q, v=self.v, tau=self.tau), NAMES
        )

    def publish_state(self, state=None):
        """Send where the hand is and a joint state, and spin until the node has read both."""
        before = self.received()
        hand = np.array([*self.q, 0.0, 0.0, 0.0, 0.0, 1.0])
        self.poses.publish(pose_to_msg(hand, self.stamp))
        self.states.publish(self.state() if state is None else state)
        self.graph.until(lambda: self.received() > before or self.done())

    def received(self):
        rate = self.node.diagnostics.rates.get("joint_states")
        return (rate.total if rate else 0) + sum(self.node.diagnostics.counts.values())

    def done(self):
        return self.node.state_name() != "active"

    def phase(self):
        return self.node._cycle.phase

    def step(self):
        """Let 10 ms pass, and answer the phase that needs no time of the arm."""
        self.k += 1
        self.v = self.v + 0.01 * self.tau
        self.q = self.q + 0.01 * self.v
        self.publish_state()
        self.graph.until(
            lambda: (
                self.done()
                or self.phase() == "settling"
                or (self.phase() == "acting" and self.sent[-1:] and self.sent[-1][0] == self.stamp)
            )
        )

    def until(self, condition, steps=200):
        for _ in range(steps):
            if condition():
                return
            self.step()
        raise AssertionError("condition not met in time")

    def goal(self, pose=GOAL):
        self.goals.publish(pose_to_msg(np.asarray(pose, dtype=float), 0))


@pytest.fixture
def plant(graph, tmp_path):
    """Return a function that makes a reach_optimizer and the arm that it moves."""

    def make(*, limits=TASK.limits, activate=True, **parameters):
        a_loss(replace(TASK, limits=limits)).save(tmp_path / "reach.safetensors")
        defaults = {
            "loss_file": str(tmp_path / "reach.safetensors"),
            "out": str(tmp_path / "out"),
            "goals": 1,
            "updates": 2,
            "settle_time": 0.05,
            "state_timeout": 60.0,  # a busy machine breaks no episode off
        }
        node = graph.add(ReachOptimizer, "reach_optimizer", **(defaults | parameters))
        plant = Plant(graph, node)
        if activate:
            assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
            plant.connect()
            assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        return plant

    return make
