# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Invalid losses and models on topics: the node goes on, and counts them."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load, save

from ml3_msgs.msg import LearnedLoss as LearnedLossMsg
from ml3_msgs.msg import LearnedModel
from ml3_ros.core.tensor_files import HEADER_KEY, read_header
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.net_file import model_to_bytes
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.nodes.kit.qos import LATCHED_1
from ml3_ros.nodes.messages.ml3 import loss_to_msg, model_to_msg
from ml3_ros.nodes.policy_optimizer.node import PolicyOptimizer
from ml3_ros.nodes.tracking_controller.node import TrackingControllerNode
from ml3_ros.robots.registry import load_robot
from ml3_ros.zoo import shipped

NAMES = load_robot("reacher").names
UNITS = Units(joint_names=NAMES, velocity=(1, 1), acceleration=(1, 1), effort=(1, 1))
NAN, HUGE = float("nan"), 10**400


def changed(data, change):
    """Return a file with another header."""
    header = read_header(data)[0]
    change(header)
    return save(load(data), {HEADER_KEY: json.dumps(header)})


def loss_message(change):
    data = changed(shipped()["reacher_ml3_shaped"].read_bytes(), change)
    return loss_to_msg("ml3_shaped", data, stamp=0, task_family="", robot="", joint_names=NAMES)


def model_message(change):
    net = InverseDynamicsNet(UNITS, hidden=(4,))
    data = changed(model_to_bytes(net, net.init(torch.Generator())), change)
    return model_to_msg("ml3_shaped", data, stamp=0, update=1, joint_names=NAMES)


def rejected(graph, node, message, topic):
    """Send a latched message to a configured node and wait until it is counted as rejected."""
    node.trigger_configure()
    sender = graph.plain().create_publisher(type(message), topic, LATCHED_1)
    graph.connect(topic)
    sender.publish(message)
    graph.until(lambda: sum(node.diagnostics.counts.values()) == 1)
    assert node.diagnostics.counts == {"rejected messages": 1}
    assert node.state_name() == "inactive"


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header["spec"]["options"].update(hidden=[NAN]),
        lambda header: header["spec"]["options"].update(bound=HUGE),
        lambda header: header["spec"]["target"].update(scale=[HUGE, 1.0]),
        lambda header: header["spec"]["target"].update(labels=["\ud800", "b"]),
    ],
)
def test_a_learned_loss_with_a_header_that_lies_does_not_end_the_learner(graph, tmp_path, change):
    node = graph.add(
        PolicyOptimizer, "policy_optimizer", loss="train", out=str(tmp_path), joints=list(NAMES)
    )
    message = loss_message(change)
    assert isinstance(message, LearnedLossMsg)
    rejected(graph, node, message, "learned_loss")


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.update(hidden=[NAN]),
        lambda header: header["units"].update(effort=[HUGE, 1.0]),
        lambda header: header.update(activation="\ud800"),
    ],
)
def test_a_learned_model_with_a_header_that_lies_does_not_end_the_controller(graph, change):
    node = graph.add(TrackingControllerNode, "tracking_controller", robot="reacher")
    message = model_message(change)
    assert isinstance(message, LearnedModel)
    rejected(graph, node, message, "learned_model")
