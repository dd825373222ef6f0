# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 up observe` beside a driver that it knows nothing of, and `ml3 up replay` of any arm."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from ml3_msgs.msg import LearnedModel
from ml3_ros.data.bags.writer import write_joint_states
from ml3_ros.data.recording import JointRecording
from ml3_ros.data.run_files import RunFolder
from ml3_ros.robots.registry import load_robot
from test.system.waiting import wait_until

pytestmark = pytest.mark.system

LINK = """<link name="l{i}"><inertial><origin xyz="0.1 0 0"/><mass value="1"/>
<inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>
<joint name="j{i}" type="revolute"><parent link="l{before}"/><child link="l{i}"/>
<origin xyz="0.2 0 0"/><axis xyz="0 1 0"/>
<limit lower="-3" upper="3" effort="80" velocity="3"/></joint>"""
URDF = (
    '<robot name="three"><link name="l0"/>'
    + "".join(LINK.format(i=i, before=i - 1) for i in (1, 2, 3))
    + "</robot>"
)
BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
OURS = {"/policy_optimizer", "/conductor"}
ALLOWED = ("/adaptation/", "/learned_model", "/diagnostics", "/rosout", "/parameter_events",
           "/policy_optimizer/transition_event")  # fmt: skip


def motion(t):
    """Return q, v and effort of three joints at the times t (T,)."""
    rates = np.array([0.9, 1.7, 2.6])
    q = 0.5 * np.sin(np.multiply.outer(t, rates))
    v = 0.5 * rates * np.cos(np.multiply.outer(t, rates))
    tau = -0.5 * rates**2 * np.sin(np.multiply.outer(t, rates)) + np.cos(q) + 0.3 * v
    return q, v, tau


class Driver:
    """Publishes an arm's description, and joint states of two of its joints and a gripper."""

    names = ("gripper", "left_j2", "left_j1")  # as drivers of two arms name them

    def __init__(self):
        self.context = rclpy.Context()
        rclpy.init(args=[], context=self.context)
        self.node = rclpy.create_node("driver", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        description = self.node.create_publisher(String, "arm/robot_description", LATCHED)
        description.publish(String(data=URDF))
        self.states = self.node.create_publisher(JointState, "arm/states", BEST_EFFORT)
        self.models = []
        self.node.create_subscription(LearnedModel, "learned_model", self.models.append, 10)
        self.start = time.time()  # of the stream [s]
        self.moves = threading.Event()
        self.moves.set()
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        k = 0
        while not self.ends.is_set():
            t = k * 0.01
            k += 1
            self.executor.spin_once(timeout_sec=max(0.0, self.start + t - time.time()))
            if time.time() < self.start + t:
                time.sleep(self.start + t - time.time())
            if self.moves.is_set():
                self.states.publish(self.message(t))

    def message(self, t):
        q, v, tau = motion(np.array(t))
        msg = JointState(name=list(self.names))
        nanoseconds = round((self.start + t) * 1e9)
        msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(nanoseconds, 10**9)
        msg.position, msg.velocity, msg.effort = (
            [0.02, float(x[1]), float(x[0])] for x in (q, v, tau)
        )
        return msg

    def published(self):
        """Return the topics that each node of the system publishes."""
        return {
            f"/{name}": {topic for topic, _ in topics}
            for name in ("policy_optimizer", "conductor")
            if (topics := self.node.get_publisher_names_and_types_by_node(name, "/"))
        }

    def close(self):
        self.ends.set()
        self.thread.join()
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def driver():
    made = Driver()
    yield made
    made.close()


def test_an_arm_of_any_driver_is_learned_by_listening_alone(up, driver, tmp_path):
    run = up(
        "observe",
        "urdf:=topic:/arm/robot_description",
        "topic:=/arm/states",
        f"out:={tmp_path / 'out'}",
        "duration:=600",
        "policy_optimizer.silence_timeout:=3.0",
        "policy_optimizer.units_samples:=40",
    )
    run.expect("reacher_ml3_shaped, trained for another arm, serves joint by joint")
    run.expect("learning, robot time")
    wait_until(lambda: {msg.method for msg in driver.models} >= {"ml3_shaped", "adam_tuned"})
    assert driver.models[0].joint_names == ["j1", "j2"]
    published = driver.published()
    assert set(published) == OURS
    for topic in set().union(*published.values()):  # nothing that could move an arm
        assert topic.startswith(ALLOWED)
    assert len(driver.node.get_publishers_info_by_topic("/arm/states")) == 1
    driver.moves.clear()  # the robot is switched off
    assert run.end() == 0, run.output
    folder = RunFolder(tmp_path / "out")
    samples = folder.load_samples()
    assert samples.joint_names == ("j1", "j2")
    begin = folder.load_config()["start_stamp"] * 1e-9 - driver.start
    q, v, tau = (x[:, :2] for x in motion(begin + samples.t))
    for learned, sent in ((samples.q, q), (samples.v, v), (samples.tau, tau)):
        np.testing.assert_allclose(learned, sent, atol=0.02)  # a filter smooths them
    assert load_robot(folder.load_config()["robot"]).names == ("j1", "j2")  # j3 is held


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["wait:=0.3"], "no robot_description came on /robot_description within 0.3 s: start"),
        (["wait:=0.3", "urdf:=reacher"], "no joint states came on /joint_states within 0.3 s"),
        (
            ["urdf:=reacher", "topic:=/arm/states"],
            "of gripper, left_j2, left_j1, but the arm has",
        ),
    ],
)
def test_what_is_not_there_is_named_before_any_node_starts(up, driver, tmp_path, words, sentence):
    run = up("observe", f"out:={tmp_path / 'out'}", *words)
    assert run.end() == 2
    assert sentence in run.output
    assert run.output.count("\n") == 1


def test_a_recording_of_an_arm_without_losses_gets_its_own(up, tmp_path):
    (tmp_path / "three.urdf").write_text(URDF)
    t = 0.01 * np.arange(600)
    q, v, tau = motion(t)
    names = ("j1", "j2", "j3")
    write_joint_states(
        tmp_path / "bag",
        JointRecording(names=names, t=t, q=q, v=v, tau=tau, start_ns=0, topic="/joint_states"),
    )
    run = up(
        "replay",
        f"bag:={tmp_path / 'bag'}",
        f"urdf:={tmp_path / 'three.urdf'}",
        f"out:={tmp_path / 'out'}",
        "duration:=4",
        "rate:=5",
        "loss:=train",
        "recipe:=n_robots=1 recipe.n_outer_steps=1",
    )
    assert run.end() == 0, run.output
    methods = RunFolder(tmp_path / "out").load_predictions().methods
    assert set(methods) == {"ml3_trained", "sgd_tuned", "adam_tuned"}
