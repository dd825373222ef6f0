# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Parameters that are set while a node is active take effect at once, or are rejected."""

from __future__ import annotations

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from rcl_interfaces.srv import SetParameters
from rclpy.action import ActionClient
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64

from ml3_msgs.action import MetaTrain
from ml3_ros.data.bags.writer import write_joint_states
from ml3_ros.data.recording import JointRecording
from ml3_ros.data.run_files import RunFolder
from ml3_ros.nodes.bag_player import BagPlayer
from ml3_ros.nodes.conductor.lifecycle_client import BringupError
from ml3_ros.nodes.conductor.node import Conductor
from ml3_ros.nodes.excitation import ExcitationNode
from ml3_ros.nodes.kit.qos import RELIABLE_1, RELIABLE_100, RELIABLE_5000
from ml3_ros.nodes.messages.joint_states import NANO, JointSample, nanoseconds, sample_to_msg
from ml3_ros.nodes.meta_learner.node import MetaLearner
from ml3_ros.nodes.policy_optimizer.node import PolicyOptimizer
from ml3_ros.nodes.sawyer_driver.node import SawyerDriver
from ml3_ros.nodes.sim_arm import SimArm
from ml3_ros.nodes.tracking_controller.node import TrackingControllerNode
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.sawyer import interface as sawyer
from test.node.conftest import JOINTS, SAWYER_MESSAGES

SUCCESS = TransitionCallbackReturn.SUCCESS
SAWYER = load_robot("sawyer")


def up(graph, kind, name, **parameters):
    node = graph.add(kind, name, **parameters)
    assert node.trigger_configure() == SUCCESS
    assert node.trigger_activate() == SUCCESS
    return node


def request(graph, node, **values):
    """Set parameters as `ros2 param set` does; return the results."""
    client = graph.plain("setter").create_client(
        SetParameters, f"{node.get_fully_qualified_name()}/set_parameters"
    )
    graph.until(client.service_is_ready)
    parameters = [
        Parameter(name, value=value).to_parameter_msg() for name, value in values.items()
    ]
    future = client.call_async(SetParameters.Request(parameters=parameters))
    graph.until(future.done)
    return future.result().results


def accepted(graph, node, **values):
    assert all(result.successful for result in request(graph, node, **values))
    for name, value in values.items():
        assert getattr(node.parameters, name) == value


def rejected(graph, node, **values):
    """Set one parameter; return why that is rejected."""
    before = node.parameters
    (result,) = request(graph, node, **values)
    assert not result.successful
    assert node.parameters == before
    return result.reason


def torques(graph, name, gain, then):
    """Return the answers [N m] of excitation to an arm that is pushed; it gets the gain `then`."""
    node = up(graph, ExcitationNode, name, gain=gain)
    probe = graph.plain(f"{name}_probe")
    states = probe.create_publisher(JointState, "joint_states", RELIABLE_100)
    answers = graph.listen(probe, JointState, "joint_command", RELIABLE_1)
    graph.connect("joint_states")
    graph.connect("joint_command")
    accepted(graph, node, gain=then)
    for k, push in enumerate((0.0, 0.1, -0.2)):
        sample = JointSample(
            stamp=NANO + k * NANO // 100,
            q=np.array(SAWYER.home) + 0.1 * push,
            v=np.full(7, push),
            tau=np.zeros(7),
        )
        states.publish(sample_to_msg(sample, SAWYER.names))
        graph.until(lambda count=k + 1: len(answers) == count)
    assert node.trigger_shutdown() == SUCCESS
    graph.executor.remove_node(node)
    node.destroy_node()
    for entity in list(probe.subscriptions):
        probe.destroy_subscription(entity)
    return np.array([msg.effort for msg in answers])


def test_a_new_gain_of_excitation_answers_the_next_joint_state(graph):
    meant = torques(graph, "first", 0.1, 0.1)
    np.testing.assert_array_equal(torques(graph, "second", 0.3, 0.1), meant)
    assert not np.allclose(torques(graph, "third", 0.3, 0.3), meant)


def test_a_gain_under_which_the_arm_would_fall_is_rejected_with_the_reason(graph):
    node = up(graph, ExcitationNode, "excitation")
    assert "gravity is compensated too late" in rejected(graph, node, gain=0.01)
    assert "Max: 0.5" in rejected(graph, node, gain=0.6)
    assert "deactivate and clean up" in rejected(graph, node, rate=200.0)


def test_an_arm_is_lost_by_the_limits_that_hold_now(graph):
    node = up(graph, ExcitationNode, "excitation")
    probe = graph.plain()
    states = probe.create_publisher(JointState, "joint_states", RELIABLE_100)
    graph.connect("joint_states")

    def send(k, away):
        sample = JointSample(stamp=NANO + k * NANO // 100, q=np.array(SAWYER.home) + away,
                             v=np.zeros(7), tau=np.zeros(7))  # fmt: skip
        states.publish(sample_to_msg(sample, SAWYER.names))
        graph.until(lambda: answered(k))

    def answered(k):
        lost, sent = node.diagnostics.counts["arms lost"], node.diagnostics.rates
        return lost + (sent["joint_command"].total if "joint_command" in sent else 0) == k + 1

    send(0, 0.0)
    send(1, 0.5)
    assert not node.diagnostics.counts["arms lost"]
    accepted(graph, node, lost_error=0.1, standstill=1.0)
    send(2, 0.5)
    assert node.diagnostics.counts["arms lost"] == 1


def test_a_run_ends_when_its_time_to_learn_is_cut(graph, tmp_path):
    node = up(graph, PolicyOptimizer, "policy_optimizer", joints=list(JOINTS), loss="none",
              out=str(tmp_path), learn_duration=3600.0, hold_out_duration=3600.0,
              units_samples=50)  # fmt: skip
    arm = graph.arm(node)
    arm.stream(300)
    graph.until(lambda: node.diagnostic_values().get("samples waiting") == 0)
    accepted(graph, node, learn_duration=1.0)
    arm.stream(100)
    graph.until(lambda: not node._worker.learning)
    assert "the models are frozen already" in rejected(graph, node, learn_duration=9.0)
    accepted(graph, node, hold_out_duration=0.5)
    arm.stream(100)
    graph.until(lambda: node.state_name() == "inactive")
    assert RunFolder(tmp_path).load_samples().t[-1] < 6.0


def test_a_goal_that_waits_for_a_long_stream_begins_when_a_shorter_one_is_enough(graph, tmp_path):
    node = up(graph, MetaLearner, "meta_learner", joints=list(JOINTS), out=str(tmp_path),
              record_seconds=60.0, segment_seconds=1.0)  # fmt: skip
    arm = graph.arm(node)
    client = ActionClient(arm.probe, MetaTrain, "meta_train")
    graph.until(client.server_is_ready)
    goal = MetaTrain.Goal(name="x", task="inverse_dynamics", nle="learned",
                          architecture="structured", use_prior=False, iterations=1)  # fmt: skip
    sent = client.send_goal_async(goal)
    graph.until(sent.done)
    arm.stream(260)
    assert node.diagnostic_values()["training"] == "x"
    accepted(graph, node, record_seconds=2.0, checkpoint_period=1.0, iterations=7)
    result = sent.result().get_result_async()
    graph.until(result.done)
    assert result.result().status == GoalStatus.STATUS_SUCCEEDED


def test_a_recording_is_played_faster_from_where_it_is(graph, tmp_path):
    t = 0.01 * np.arange(1000)
    wave = np.stack([np.sin(t), np.cos(t)], axis=1)
    write_joint_states(
        tmp_path / "bag",
        JointRecording(names=JOINTS, t=t, q=wave, v=wave, tau=wave, start_ns=NANO,
                       topic="/joint_states"),
    )  # fmt: skip
    states = graph.listen(graph.plain(), JointState, "joint_states", RELIABLE_5000)
    node = up(graph, BagPlayer, "bag_player", bag=str(tmp_path / "bag"), rate=0.1, max_ahead=0)
    graph.until(lambda: len(states) > 2)
    assert len(states) < 500  # the whole takes 100 s
    accepted(graph, node, rate=20.0)
    graph.until(lambda: len(states) == 1000, timeout_s=30.0)
    stamps = np.array([nanoseconds(msg.header.stamp) for msg in states])
    assert (np.diff(stamps) == NANO // 100).all()


def test_robot_time_goes_on_at_a_new_pace_without_a_leap(graph):
    node = up(graph, SimArm, "sim_arm", robot="reacher", real_time_factor=0.05)
    states = graph.listen(graph.plain(), JointState, "joint_states", RELIABLE_5000)
    graph.until(lambda: len(states) > 20)  # 4 s
    accepted(graph, node, real_time_factor=1.0)
    since = len(states)
    graph.until(lambda: len(states) > since + 100, timeout_s=15.0)  # 20 s at the pace before
    stamps = np.array([nanoseconds(msg.header.stamp) for msg in states])
    np.testing.assert_allclose(np.diff(stamps), NANO / 100, atol=1)
    assert node.diagnostic_values()["slipped [s]"] < 2.0  # not as if it had always been fast


def test_laps_that_would_tell_nothing_are_rejected_while_laps_go_on(graph):
    node = up(graph, TrackingControllerNode, "tracking_controller", robot="reacher")
    assert "must be shorter than lap_seconds" in rejected(graph, node, settle=7.0)
    assert "must be shorter than lap_seconds" in rejected(graph, node, feedforward_fade=6.0)
    accepted(graph, node, settle=5.0, feedforward_fade=0.2, model_timeout=0.5)
    assert node._controller._gate._config.fade == 0.2


def test_a_driver_tells_the_robot_its_new_speed_at_once(graph, messages):
    ratios = graph.listen(graph.plain(), Float64, sawyer.SPEED_RATIO, RELIABLE_100)
    node = up(graph, SawyerDriver, "sawyer_driver", message_package=SAWYER_MESSAGES)
    graph.connect(sawyer.SPEED_RATIO)
    accepted(graph, node, speed_ratio=0.1, state_timeout=0.5)
    graph.until(lambda: ratios and ratios[-1].data == 0.1)
    assert node._driving.config.state_timeout == 0.5
    assert "deactivate and clean up" in rejected(graph, node, effort_share=1.0)


def test_the_deadline_of_the_conductor_can_be_moved_while_it_waits(graph):
    node = Conductor(
        graph.executor, [], namespace=graph.namespace, context=graph.context,
        parameter_overrides=[
            Parameter("learner", value="nobody"),
            Parameter("start_timeout", value=600.0),
            Parameter("duplicate_wait", value=0.0),
        ],
    )  # fmt: skip
    setter = graph.plain("setter")
    setter.create_timer(0.2, lambda: node.set_parameters([Parameter("start_timeout", value=1.0)]))
    with pytest.raises(BringupError, match="nobody to start took longer than 1 s"):
        node.conduct()
    (fixed,) = node.set_parameters([Parameter("seed", value=3)])
    assert "read-only" in fixed.reason
