# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""contact_observer tells what pushes an arm, learns its payload meanwhile, and outlives gaps."""

from __future__ import annotations

import time

import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState

from ml3_msgs.msg import ExternalTorque, LearnedModel
from ml3_ros.identification.live.model_file import physical_from_bytes
from ml3_ros.identification.live.payload import LearnedPayloadConfig
from ml3_ros.nodes.contact_observer import ContactObserver
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_5000
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, sample_to_msg
from ml3_ros.nodes.messages.ml3 import model_from_msg
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from test.node.sim_arm.bench import FAILURE, up

SAWYER = load_robot("sawyer")
RATE, START = 100, 1000 * NANO


class MovingSawyer:
    """Sends joint states of a Sawyer on a smooth path, in lots that the node has to answer."""

    def __init__(self, graph, node):
        self.graph, self.node, self.k = graph, node, 0
        self.late = 0  # states that are answered only after later ones
        self.model = PinocchioModel(SAWYER)
        probe = graph.plain("arm")
        self.found = graph.listen(probe, ExternalTorque, "external_torque", RELIABLE_5000)
        self.states = probe.create_publisher(JointState, "joint_states", RELIABLE_5000)
        graph.connect("joint_states")
        graph.connect("external_torque")

    def send(self, count, push=0.0, offset=0.0):
        """Send `count` states; `push` [N m] is what somebody adds, `offset` what motors need."""
        for _ in range(count):
            t = self.k / RATE
            angle = (1.0 + 0.3 * np.arange(7)) * t
            q = SAWYER.home + 0.3 * (np.sin(angle))
            v = 0.3 * (1.0 + 0.3 * np.arange(7)) * np.cos(angle)
            a = -0.3 * np.square(1.0 + 0.3 * np.arange(7)) * np.sin(angle)
            tau = self.model.rnea(q, v, a) + offset - push
            sample = JointSample(stamp=START + self.k * NANO // RATE, q=q, v=v, tau=tau)
            self.states.publish(sample_to_msg(sample, SAWYER.names))
            self.k += 1
        self.graph.until(lambda: len(self.found) >= self.k - self.late)

    def send_until_updated(self, updates, offset=0.0):
        """Send on, no faster than the thread learns, until the model has had `updates` updates."""
        end = time.monotonic() + 120.0
        while self.node.diagnostic_values()["updates of the model"] < updates:
            assert time.monotonic() < end, "the model was not updated in time"
            self.send(50, offset=offset)
            learning = self.node._learning
            self.graph.until(lambda learning=learning: learning is None or learning.done())


def test_every_joint_state_is_answered_by_its_external_torque(graph):
    node = up(graph.add(ContactObserver, "contact_observer"))
    arm = MovingSawyer(graph, node)
    arm.send(400)
    arm.send_until_updated(3)  # surer than the description is
    before = len(arm.found)
    arm.send(30)
    free = arm.found[-1]
    assert not free.contact
    assert np.abs(free.torque).max() < 0.5
    push = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 6.0, 0.0])
    arm.send(30, push)
    stamps = [msg.header.stamp.sec * NANO + msg.header.stamp.nanosec for msg in arm.found]
    assert stamps == [START + k * NANO // RATE for k in range(before + 60)]
    pushed = arm.found[-1]
    np.testing.assert_allclose(pushed.torque, push, atol=1.0)
    assert pushed.contact
    assert list(pushed.touched) == [False] * 5 + [True, False]
    assert list(pushed.joint_names) == list(SAWYER.names)
    assert pushed.header.frame_id == SAWYER.base
    assert min(pushed.std) > 0.0


def test_it_learns_what_the_description_lacks_in_a_thread(graph):
    node = up(graph.add(ContactObserver, "contact_observer", fit="least_squares", free=0.5))
    models = graph.listen(graph.plain("late"), LearnedModel, "learned_model", LATCHED_1)
    arm = MovingSawyer(graph, node)
    arm.send(60, offset=1.0)
    assert min(np.array(arm.found[-1].torque) + 1.0) > -0.5
    before = np.abs(arm.found[-1].torque).mean()
    arm.send(360, offset=1.0)
    arm.send_until_updated(4, offset=1.0)
    arm.send(30, offset=1.0)
    assert arm.found[-1].update >= 4
    assert np.abs(arm.found[-1].torque).mean() < 0.3 * before
    graph.until(lambda: models[-1].update >= 4)
    assert models[0].update == 0
    torque = physical_from_bytes(model_from_msg(models[-1], SAWYER.names), arm.model)
    q, v, a = SAWYER.home, 0.3 * np.ones(7), np.ones(7)
    np.testing.assert_allclose(torque(q, v, a), arm.model.rnea(q, v, a) + 1.0, atol=0.5)


def test_a_learned_loss_can_tell_payloads(graph):
    node = up(graph.add(ContactObserver, "contact_observer", tell_payload="learned"))
    assert isinstance(node._model.config.payload, LearnedPayloadConfig)
    arm = MovingSawyer(graph, node)
    arm.send_until_updated(3)
    arm.send(30)
    assert arm.found[-1].update >= 3 and np.isfinite(arm.found[-1].torque).all()
    assert node.diagnostics.counts["errors in callbacks"] == 0


def test_an_update_that_fails_is_counted_and_the_stream_goes_on(graph):
    node = up(graph.add(ContactObserver, "contact_observer", fit="least_squares"))
    arm = MovingSawyer(graph, node)
    node._model.fit.update = lambda t, regressor, tau: 1.0 / 0.0
    arm.send(300)
    graph.until(lambda: node.diagnostics.counts["errors in callbacks"] >= 1)
    arm.send(10)
    assert len(arm.found) == 310
    assert arm.found[-1].update == 0


def test_thresholds_that_cannot_work_are_rejected(graph):
    node = graph.add(ContactObserver, "contact_observer", touched=2.0, free=3.0)
    assert node.trigger_configure() == FAILURE
    node.set_parameters([Parameter("free", value=1.0)])
    up(node)


@pytest.mark.parametrize("parameters", [{}, {"presliding": [0.003, 0.02]}])
def test_it_can_be_cleaned_up_and_configured_again(graph, parameters):
    node = up(graph.add(ContactObserver, "contact_observer", **parameters))
    arm = MovingSawyer(graph, node)
    arm.send(5)
    node.trigger_deactivate()
    node.trigger_cleanup()
    up(node)
    graph.connect("joint_states")
    arm.send(5)
    assert arm.found[-1].update == 0
