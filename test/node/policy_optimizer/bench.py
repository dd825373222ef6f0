# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Losses that a policy_optimizer of two joints takes, and calls of its services."""

from __future__ import annotations

from dataclasses import replace

from rclpy.lifecycle import TransitionCallbackReturn

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.learners.inverse_dynamics.squared_error import squared_error
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.nodes.messages.ml3 import loss_to_msg

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
NAMES = ("a", "b")
UNITS = Units(joint_names=NAMES, velocity=(1, 1), acceleration=(2, 2), effort=(2, 1))


def a_loss(names=NAMES, inner_lr=0.003):
    """Return a loss that needs no training, as a learned one."""
    units = replace(UNITS, joint_names=names)
    loss = squared_error(units, "tau", "adam", inner_lr)
    provenance = {"task_family": "inverse_dynamics", "robot": "toy", "units": units.to_dict()}
    return LearnedLoss(spec=loss.spec, phi=loss.phi, provenance=provenance)


def message_of(loss, name="ml3_shaped"):
    return loss_to_msg(
        name, loss.to_bytes(), stamp=0, task_family="inverse_dynamics", robot="toy",
        joint_names=loss.spec.target.labels,
    )  # fmt: skip


def up(node):
    assert node.trigger_configure() == SUCCESS
    assert node.trigger_activate() == SUCCESS


def call(graph, node, srv_type, name, **request):
    client = node.create_client(srv_type, name)
    graph.until(client.service_is_ready)
    future = client.call_async(srv_type.Request(**request))
    graph.until(future.done)
    return future.result()
