# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""sim_arm: what it publishes, how it is made, stopped and reset."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.parameter import Parameter
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from ml3_ros.nodes.kit.qos import RELIABLE_100
from ml3_ros.nodes.messages.joint_states import NANO, nanoseconds
from ml3_ros.nodes.messages.poses import pose_from_msg
from ml3_ros.nodes.sim_arm import SimArm
from ml3_ros.robots.pinocchio_model import PinocchioModel
from test.node.sim_arm.bench import (
    FAILURE,
    REACHER,
    SUCCESS,
    publish,
    step,
    up,
)

# Reads joint states, and prints after each how many it has missed, and the stamp [ns].
LISTENER = """
import sys, rclpy
from sensor_msgs.msg import JointState
from ml3_ros.nodes.kit.qos import RELIABLE_5000
stamps = []
def on_state(msg):
    stamps.append(msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec)
    print(round((stamps[-1] - stamps[0]) / 1e6) + 1 - len(stamps), stamps[-1], flush=True)
rclpy.init()
node = rclpy.create_node("listener", namespace=sys.argv[1])
node.create_subscription(JointState, "joint_states", on_state, RELIABLE_5000)
rclpy.spin(node)
"""
LEASE_S = 2.0  # who sends no sign of life for 3 s, as in `fastdds.xml`, counts as gone


def missed_by_a_stopped_listener(graph, node):
    """Return what a process misses that was stopped for 1300 samples; None if it was for long."""
    command = [sys.executable, "-c", LISTENER, graph.namespace]
    sent, output = node.diagnostics.rates["joint_states"], bytearray()

    def heard(stamp):
        output.extend(listener.stdout.read() or b"")
        return output.endswith(f" {stamp}\n".encode())

    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as listener:
        try:
            os.set_blocking(listener.stdout.fileno(), False)
            graph.until(listener.stdout.read)
            target, since = sent.total + 1300, time.monotonic()
            listener.send_signal(signal.SIGSTOP)
            graph.until(lambda: sent.total > target or time.monotonic() > since + LEASE_S)
            listener.send_signal(signal.SIGCONT)
            node.trigger_deactivate()  # a reader that is slower than 5 kHz must catch up once
            last, sent_all = node._stamp(), sent.total > target
            graph.until(lambda: heard(last) or time.monotonic() > since + LEASE_S)
        finally:
            listener.kill()
    node.trigger_activate()
    in_time = sent_all and output.endswith(f" {last}\n".encode())
    return int(output.splitlines()[-1].split()[0]) if in_time else None


def test_a_reader_stopped_for_1300_samples_misses_none(graph):
    fast = {"publish_rate": 1000.0, "real_time_factor": 5.0}
    node = up(graph.add(SimArm, "sim_arm", robot="reacher", **fast))
    missed = [missed_by_a_stopped_listener(graph, node)]
    while missed[-1] is None and len(missed) < 5:
        missed.append(missed_by_a_stopped_listener(graph, node))
    if missed[-1] is None:
        pytest.skip(f"this machine never sent 1300 samples in {LEASE_S} s")
    assert missed[-1] == 0


def test_stamps_are_the_start_plus_a_multiple_of_dt(graph, arm):
    graph.until(lambda: len(arm.states) >= 40)
    stamps = [nanoseconds(msg.header.stamp) for msg in arm.states]
    assert set(np.diff(stamps)) == {NANO // 100}


def test_a_deactivated_arm_is_silent_and_goes_on_later_in_time(graph, arm):
    arm.trigger_deactivate()
    last = arm._stamp()
    graph.until(lambda: nanoseconds(arm.states[-1].header.stamp) == last)
    count = len(arm.states)
    graph.for_(0.2)
    assert len(arm.states) == count
    arm.trigger_activate()
    graph.until(lambda: len(arm.states) > count)
    assert nanoseconds(arm.states[count].header.stamp) > last


def test_where_the_hand_is_comes_with_every_joint_state(graph, arm):
    poses = graph.listen(arm.probe, PoseStamped, "hand_pose", RELIABLE_100)
    graph.connect("hand_pose")
    graph.until(lambda: len(poses) > 3)
    stamp, pose = pose_from_msg(poses[-1], "hand_pose")
    graph.until(lambda: nanoseconds(arm.states[-1].header.stamp) >= stamp)
    (state,) = (msg for msg in arm.states if nanoseconds(msg.header.stamp) == stamp)
    T = PinocchioModel(REACHER).forward_kinematics(np.array(state.position))
    np.testing.assert_allclose(pose[:3], T[:3, 3], atol=1e-9)
    np.testing.assert_allclose(Rotation.from_quat(pose[3:]).as_matrix(), T[:3, :3], atol=1e-9)


def test_a_reset_puts_the_arm_at_rest_near_home_and_forgets_the_command(graph, make_arm):
    home = [-0.6, 1.2]
    arm = make_arm(home=home, home_spread=0.1)
    reset = arm.probe.create_client(Trigger, "reset_arm")
    graph.until(reset.service_is_ready)
    starts = []
    for _ in range(2):
        publish(arm, [0.3, 0.2])
        graph.until(lambda: abs(arm.states[-1].velocity[0]) > 0.05)
        answer = reset.call_async(Trigger.Request())
        graph.until(answer.done)
        assert answer.result().success
        assert arm.diagnostic_values()["held by"] == "itself (no fresh command)"
        step(arm, graph)
        away = np.array(arm.states[-1].position) - home
        assert 1e-4 < np.abs(away).max() <= 0.1
        np.testing.assert_allclose(arm.states[-1].velocity, 0.0, atol=1e-6)
        starts.append(away)
    assert np.abs(starts[1] - starts[0]).max() > 1e-3
    stamps = [nanoseconds(msg.header.stamp) for msg in arm.states]
    assert (np.diff(stamps) > 0).all()
    arm.trigger_deactivate()
    rejected = reset.call_async(Trigger.Request())
    graph.until(rejected.done)
    assert not rejected.result().success and "activate it" in rejected.result().message


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"robot": "r2d2"}, "there is no robot 'r2d2'"),
        ({"mass_scale": [1.0, 1.0, 1.0]}, "mass_scale has 3 values"),
        ({"home": [9.0, 9.0]}, "limits of joint"),
    ],
)
def test_an_arm_that_cannot_be_built_logs_why(graph, capfd, parameters, sentence):
    node = graph.add(SimArm, "sim_arm", **({"robot": "reacher"} | parameters))
    assert node.trigger_configure() == FAILURE
    assert sentence in capfd.readouterr().err


def test_random_arms_are_equal_for_equal_seeds(graph):
    nodes = [
        graph.add(SimArm, f"sim_arm{i}", robot="reacher", perturbation_seed=seed)
        for i, seed in enumerate((3, 3, 4))
    ]
    for node in nodes:
        assert node.trigger_configure() == SUCCESS
    M = [node._arm.M(REACHER.home) for node in nodes]
    np.testing.assert_array_equal(M[0], M[1])
    assert np.abs(M[2] - M[0]).max() > 1e-3


def test_robot_time_is_published_on_request_and_nodes_follow_it(graph):
    arm = graph.add(SimArm, "sim_arm", robot="reacher", publish_clock=True, real_time_factor=5.0)
    states = graph.listen(graph.plain(), JointState, "joint_states", RELIABLE_100)
    follower = graph.plain("follower")
    follower.set_parameters([Parameter("use_sim_time", value=True)])
    up(arm)
    graph.until(lambda: len(states) > 100)
    first, last = (nanoseconds(states[k].header.stamp) for k in (0, -1))
    graph.until(lambda: follower.get_clock().now().nanoseconds >= last)
    assert follower.get_clock().now().nanoseconds <= arm._stamp()
    assert last - first >= 0.99 * NANO  # of robot time, whatever the time of the test
