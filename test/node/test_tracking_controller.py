# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""tracking_controller over real topics: laps, models exchanged live, and what must not happen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import JointState

from ml3_msgs.msg import LearnedModel, Tracking
from ml3_ros.data.laps_file import load_laps
from ml3_ros.identification.live.model_file import physical_to_bytes
from ml3_ros.identification.live.physical_model import PhysicalModel
from ml3_ros.learners.inverse_dynamics.net import InverseDynamicsNet
from ml3_ros.learners.inverse_dynamics.net_file import model_to_bytes
from ml3_ros.learners.inverse_dynamics.units import Units
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_100
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, sample_to_msg
from ml3_ros.nodes.messages.ml3 import model_to_msg
from ml3_ros.nodes.tracking_controller.node import TrackingControllerNode
from ml3_ros.nodes.tracking_controller.setup import TrackingParameters, whose_turn
from ml3_ros.robots.mujoco_arm import MujocoArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
REACHER = load_robot("reacher")
NAMES = REACHER.names
UNITS = Units(joint_names=NAMES, velocity=(1, 1), acceleration=(1, 1), effort=(1, 1))
SHORT = {
    "robot": "reacher",
    "lap_seconds": 2.0,
    "blend_seconds": 0.5,
    "fade_seconds": 0.3,
    "settle": 0.6,
    "feedforward_fade": 0.5,
    "model_timeout": 0.5,
}


def model_msg(tau, method="ml3_shaped", names=NAMES, update=7, units=UNITS):
    """Return a model whose torque is `tau` [N m], whatever the state."""
    net = InverseDynamicsNet(units, hidden=(4,))
    theta = {k: torch.zeros_like(p) for k, p in net.init(torch.Generator()).items()}
    theta |= {"nle_net.bias_1": torch.tensor(tau, dtype=torch.float32)}
    data = model_to_bytes(net, theta)
    return model_to_msg(method, data, stamp=0, update=update, joint_names=names)


class Loop:
    """A simulated Reacher that steps when its joint state has been answered."""

    def __init__(self, graph, node):
        self.graph, self.node, self.k, self.names = graph, node, 0, NAMES
        self.arm = MujocoArm(REACHER)
        probe = graph.plain()
        self.states = probe.create_publisher(JointState, "joint_states", RELIABLE_100)
        self.models = probe.create_publisher(LearnedModel, "learned_model", LATCHED_1)
        self.answers = graph.listen(probe, JointState, "joint_command", RELIABLE_100)
        self.tracking = graph.listen(probe, Tracking, "tracking", RELIABLE_100)

    def connect(self):
        for topic in ("joint_states", "learned_model", "joint_command", "tracking"):
            self.graph.connect(topic)

    def send(self):
        state = self.arm.state()
        stamp = NANO + self.k * NANO // 100
        self.k += 1
        sample = JointSample(stamp=stamp, q=state.q, v=state.v, tau=state.tau)
        self.states.publish(sample_to_msg(sample, self.names))

    def run(self, periods):
        """Let the arm move; return the commanded torques, (periods, n)."""
        taus = []
        for _ in range(periods):
            count = len(self.answers)
            self.send()
            self.graph.until(lambda count=count: len(self.answers) > count)
            taus.append(np.array(self.answers[-1].effort))
            self.arm.step(taus[-1], 0.01)
        return np.array(taus)

    def give(self, msg):
        """Send a model and let it arrive; return whether it was taken."""
        before = self.node.diagnostics.counts.total()
        self.models.publish(msg)
        models = self.node._models
        self.graph.until(
            lambda: (
                self.node.diagnostics.counts.total() > before
                or models.get(msg.method, (None,))[0] == msg.update
            )
        )
        return models.get(msg.method, (None,))[0] == msg.update


@pytest.fixture
def loop(graph, tmp_path):
    """Return a function that makes the node, active, in closed loop with an arm."""

    def make(*feedforwards, **parameters):
        node = graph.add(
            TrackingControllerNode,
            "tracking_controller",
            **SHORT | {"feedforwards": list(feedforwards), "out": str(tmp_path)} | parameters,
        )
        loop = Loop(graph, node)
        assert node.trigger_configure() == SUCCESS
        assert node.trigger_activate() == SUCCESS
        loop.connect()
        return loop

    return make


def test_laps_differ_in_their_feedforward_alone_and_are_published(loop, tmp_path):
    it = loop("rigid_body", "feedback_only", "ml3_shaped")
    first = it.run(1)[0]
    assert np.abs(first).max() < 1e-3  # it rests where it is led from
    taus = np.concatenate(([first], it.run(30 + 50 + 3 * 200 + 2)))
    assert np.abs(np.diff(taus, axis=0)).max() < 0.02  # no jump where feedforwards change
    it.graph.until(lambda: len(it.tracking) == 3)
    assert [msg.feedforward for msg in it.tracking] == [
        "rigid_body",
        "feedback_only",
        "ml3_shaped",
    ]
    errors = [msg.rms_mean for msg in it.tracking]
    assert errors[0] < 0.01 * errors[1]  # torques are fed forward for when the motors give them
    assert errors[2] == pytest.approx(errors[1], rel=0.3)  # no model has come
    assert it.tracking[2].update == 0
    assert it.node.trigger_deactivate() == SUCCESS
    names, laps, units = load_laps(tmp_path)
    assert names == NAMES and units == ("rad", "rad")
    assert [lap.feedforward for lap in laps] == ["rigid_body", "feedback_only", "ml3_shaped"]
    np.testing.assert_allclose([np.mean(lap.rms) for lap in laps], errors)


@pytest.mark.parametrize("rename", ["", "left_"])
def test_an_arm_with_a_prefix_is_commanded_by_the_names_that_it_sends(loop, rename):
    it = loop("rigid_body", rename=rename)
    it.names = [f"left_{name}" for name in NAMES]
    it.run(5)
    assert [list(answer.name) for answer in it.answers] == 5 * [it.names]


def test_a_model_is_used_from_the_next_period_on_and_faded_out_when_none_follows(loop):
    it = loop("ml3_shaped", feedforward_share=1.0, lost_error=10.0, feedforward_fade=0.3)
    offset = np.array([0.05, 0.02])
    assert it.give(model_msg([0.0, 0.0]))
    it.run(30 + 50 + 40)
    before = it.run(1)[0]
    assert it.give(model_msg(offset, update=8))
    used = it.run(2)  # the coming period was prepared with the older model
    np.testing.assert_allclose(used[1] - before, offset, atol=0.01)
    it.run(49)
    assert "models too old" not in it.node.diagnostics.counts
    it.run(60)
    assert it.node.diagnostics.counts["models too old"] > 0
    assert it.node._controller._gate.weight == 0.0


def test_models_that_do_not_fit_are_rejected_and_the_arm_moves_on(loop):
    it = loop("ml3_shaped")
    assert it.give(model_msg([0.0, 0.0]))
    it.run(90)
    elbow_first = tuple(reversed(NAMES))
    for wrong in (
        model_msg([1.0, 1.0], names=elbow_first, update=9),
        model_msg([1.0, 1.0], units=replace(UNITS, joint_names=elbow_first), update=9),
        model_msg([np.nan, 1.0], update=9),
    ):
        assert not it.give(wrong)
    it.models.publish(model_msg([1.0, 1.0], method="sgd_tuned", update=9))  # it was not requested
    it.run(20)
    assert set(it.node._models) == {"ml3_shaped"}
    assert it.node.diagnostics.counts["rejected messages"] == 3


def test_torques_of_a_model_gone_mad_stay_bounded(loop):
    share = 0.1
    it = loop("ml3_shaped", feedforward_share=share, lost_error=10.0, feedforward_fade=0.1)
    assert it.give(model_msg([1e6, -1e6]))
    it.run(30 + 50)
    gains = it.node._controller
    for _ in range(40):
        state, feedback_bound = it.arm.state(), share * REACHER.limits.effort
        tau = it.run(1)[0]
        q_ref, v_ref = state.q - it.node._error, it.node._laps.limits.velocity
        feedback_bound = feedback_bound + gains.kp * np.abs(q_ref - state.q)
        feedback_bound = feedback_bound + gains.kd * (np.abs(state.v) + v_ref)
        assert (np.abs(tau) <= feedback_bound).all()
    assert it.node.diagnostics.counts["feedforward torques over their share"] > 0


def test_an_arm_that_somebody_else_holds_gets_no_torque_and_its_lap_counts_as_lost(loop, tmp_path):
    it = loop("rigid_body", lost_error=0.1)
    it.run(30 + 50 + 70)
    q = it.arm.state().q
    it.arm.reset(q + 0.3)
    count = len(it.answers)
    it.send()
    it.graph.until(lambda: it.node.diagnostics.counts["arms lost"] == 1)
    assert len(it.answers) == count
    it.graph.until(lambda: len(it.tracking) == 1)
    assert it.tracking[0].rms_mean == np.inf
    assert load_laps(tmp_path)[1][0].rms == (np.inf, np.inf)
    taus = np.concatenate((np.zeros((1, 2)), it.run(5)))  # it is led on from where it is
    assert np.abs(np.diff(taus, axis=0)).max() < 0.03


@pytest.mark.parametrize(("standstill", "runs_away"), [(0.4, False), (0.0, True)])
def test_the_reference_does_not_run_away_from_an_arm_that_is_held(loop, standstill, runs_away):
    it = loop("rigid_body", lost_error=10.0, standstill=standstill)
    largest = 0.0
    for _ in range(300):  # the arm stands still whatever is commanded
        count = len(it.answers) + it.node.diagnostics.counts["arms lost"]
        it.send()
        it.graph.until(
            lambda n=count: len(it.answers) + it.node.diagnostics.counts["arms lost"] > n
        )
        largest = max(
            largest, it.node.diagnostic_values().get("largest tracking error [rad]", 0.0)
        )
    assert (largest > 0.1) == runs_away
    assert (it.node.diagnostics.counts["arms lost"] == 0) == runs_away


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"settle": 2.0}, "shorter than lap_seconds"),
        ({"frequency_gain": 80.0}, "control rate"),
        ({"robot": "no_robot"}, "no_robot"),
    ],
)
def test_settings_that_do_not_go_together_are_rejected(graph, capfd, wrong, reason):
    node = graph.add(TrackingControllerNode, "tracking_controller", **SHORT | wrong)
    assert node.trigger_configure() == FAILURE
    assert reason in capfd.readouterr().err


def physical_msg(scale, robot=REACHER, update=3):
    """Return a physical model whose masses are `scale` times the described ones."""
    model = PhysicalModel(PinocchioModel(robot), robot.home)
    model.learned.parameters[:] *= scale
    data = physical_to_bytes(model)
    return model_to_msg("physical_live", data, stamp=0, update=update, joint_names=NAMES)


def test_a_physical_model_is_fed_forward_like_a_learned_one(loop):
    node = loop("physical_live")
    assert node.give(physical_msg(1.5))
    q, v, a = REACHER.home, np.zeros(2), np.array([1.0, -2.0])
    update, torque = node.node._models["physical_live"]
    assert update == 3
    np.testing.assert_allclose(torque(q, v, a), 1.5 * PinocchioModel(REACHER).rnea(q, v, a))
    assert not node.give(physical_msg(1.0, load_robot("sawyer"), update=4))


def test_a_network_has_its_turn_once_it_has_learned_for_long_enough():
    names = ("feedback_only", "ml3_shaped", "physical_live")
    parameters = TrackingParameters(feedforwards=names, least_updates=300)
    turns = [
        [whose_turn(parameters, lap, {"ml3_shaped": (update, np.add)}) for lap in range(3)]
        for update in (299, 300)
    ]
    assert turns == [["feedback_only", "rigid_body", "physical_live"], list(names)]
