# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is received is in the bag, which is closed whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64, String

from ml3_msgs.msg import LearnedLoss
from ml3_ros.data.bags import thread as bag_thread
from ml3_ros.data.bags.reader import read_joint_states
from ml3_ros.data.bags.thread import FLUSH_S
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_100, RELIABLE_5000
from ml3_ros.nodes.recorder import Recorder

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


def contents(bag):
    """Return {topic: CDR of its messages} of a bag."""
    with Reader(bag) as reader:
        found = {connection.topic: [] for connection in reader.connections}
        for connection, _, raw in reader.messages():
            found[connection.topic].append(bytes(raw))
    return found


def offered(bag):
    """Return {topic: [(reliability, durability), ...]} of the publishers that a bag states."""
    info = yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    topics = [topic["topic_metadata"] for topic in info["topics_with_message_count"]]
    return {
        topic["name"]: [(p["reliability"], p["durability"]) for p in topic["offered_qos_profiles"]]
        for topic in topics
    }


def start(graph, tmp_path, **parameters):
    recorder = graph.add(Recorder, "recorder", out=str(tmp_path), **parameters)
    assert recorder.trigger_configure() == SUCCESS
    assert recorder.trigger_activate() == SUCCESS
    return recorder


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_every_message_received_is_in_the_bag(graph, tmp_path, storage):
    probe = graph.plain()
    prefix = graph.namespace
    latched = probe.create_publisher(LearnedLoss, "learned_loss", LATCHED_1)
    latched.publish(LearnedLoss(name="ml3_shaped", data=[1, 2, 3]))
    states = probe.create_publisher(JointState, "joint_states", 1000)
    loose = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    numbers = probe.create_publisher(Float64, "numbers", loose)
    recorder = start(graph, tmp_path, storage=storage)
    received = recorder._recorded
    graph.until(lambda: {f"{prefix}/joint_states", f"{prefix}/numbers"} <= set(received))
    graph.until(lambda: states.get_subscription_count() and numbers.get_subscription_count())
    late = probe.create_publisher(String, "late", 10)
    graph.until(late.get_subscription_count)
    late.publish(String(data="hello"))
    for i in range(250):  # more than a subscription usually keeps
        states.publish(JointState(name=["a"], position=[float(i)]))
    numbers.publish(Float64(data=1.5))
    rates = recorder.diagnostics.rates
    topics = [f"{prefix}/{name}" for name in ("joint_states", "numbers", "late", "learned_loss")]
    graph.until(lambda: [t in rates and rates[t].total for t in topics] == [250, 1, 1, 1])
    assert recorder.trigger_deactivate() == SUCCESS
    states.publish(JointState(name=["a"], position=[-1.0]))
    found = contents(tmp_path / "bag")
    positions = [
        deserialize_message(raw, JointState).position[0] for raw in found[f"{prefix}/joint_states"]
    ]
    assert positions == list(range(250))
    (loss,) = found[f"{prefix}/learned_loss"]
    assert list(deserialize_message(loss, LearnedLoss).data) == [1, 2, 3]
    (text,) = found[f"{prefix}/late"]
    assert deserialize_message(text, String).data == "hello"
    assert "/rosout" not in found
    stated = offered(tmp_path / "bag")
    assert [stated[topic] for topic in topics] == [
        [("reliable", "volatile")],
        [("best_effort", "volatile")],
        [("reliable", "volatile")],
        [("reliable", "transient_local")],
    ]
    assert (tmp_path / "bag" / f"bag.{'mcap' if storage == 'mcap' else 'db3'}").exists()


def test_a_topic_that_one_of_its_publishers_latches_is_played_latched(graph, tmp_path):
    probe = graph.plain()
    publishers = [probe.create_publisher(String, "words", q) for q in (RELIABLE_100, LATCHED_1)]
    topic = f"{graph.namespace}/words"
    graph.until(lambda: len(probe.get_publishers_info_by_topic(topic)) == 2)
    recorder = start(graph, tmp_path, topics=["words"])
    graph.until(lambda: topic in recorder._recorded)
    graph.until(lambda: all(p.get_subscription_count() for p in publishers))
    for publisher in publishers:
        publisher.publish(String(data="hello"))
    graph.until(lambda: recorder.diagnostic_values()["messages"] == 2)
    assert recorder.trigger_deactivate() == SUCCESS
    assert offered(tmp_path / "bag") == {topic: [("reliable", "transient_local")]}


def test_only_selected_topics_and_a_new_bag_each_time(graph, tmp_path, capfd):
    probe = graph.plain()
    selected = probe.create_publisher(Float64, "selected", 10)
    probe.create_publisher(Float64, "other", 10)
    recorder = start(graph, tmp_path, topics=["selected", "silent"])
    for name in ("bag", "bag_1"):
        graph.until(selected.get_subscription_count)
        selected.publish(Float64(data=2.0))
        graph.until(lambda: recorder.diagnostic_values()["messages"] == 1)
        assert recorder.trigger_deactivate() == SUCCESS
        found = contents(tmp_path / name)
        assert set(found) == {f"{graph.namespace}/selected"}
        graph.until(lambda: not selected.get_subscription_count())
        if name == "bag":
            assert recorder.trigger_activate() == SUCCESS
    assert f"nobody published {graph.namespace}/silent" in capfd.readouterr().err


def test_a_folder_that_cannot_be_written_is_a_sentence(graph, tmp_path, capfd):
    (tmp_path / "file").write_text("")
    recorder = graph.add(Recorder, "recorder", out=str(tmp_path / "file"))
    assert recorder.trigger_configure() == SUCCESS
    assert recorder.trigger_activate() == FAILURE
    assert "choose a folder that may be written" in capfd.readouterr().err
    assert recorder.state_name() == "inactive"


def test_messages_lost_to_an_error_are_counted_and_logged(graph, tmp_path, capfd, monkeypatch):
    busy = threading.Event()

    def write(*_):
        busy.wait(600.0)
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(bag_thread.BagWriter, "write", write)
    spoken = graph.plain().create_publisher(String, "spoken", RELIABLE_100)
    recorder = start(graph, tmp_path, topics=["spoken"])
    graph.until(spoken.get_subscription_count)
    for _ in range(5):
        spoken.publish(String(data="hello"))
    graph.until(lambda: recorder._thread._accepted == 5)
    busy.set()
    graph.until(lambda: "boom" in str(recorder.diagnostic_values().get("recording has failed")))
    assert recorder.diagnostics.counts["lost messages"] == 5
    spoken.publish(String(data="hello"))
    graph.until(lambda: recorder.diagnostics.counts["lost messages"] == 6)
    assert recorder.trigger_deactivate() == SUCCESS
    assert recorder.diagnostics.counts["lost messages"] == 6
    assert "5 messages that waited are lost" in capfd.readouterr().err


@pytest.fixture
def recording(graph, tmp_path):
    """Start a process that records TOPIC: (topic, storage) -> process, and messages in its bag."""
    diagnostics = graph.listen(graph.plain("reader"), DiagnosticArray, "/diagnostics")
    processes = []

    def recorded():
        statuses = [s for msg in diagnostics for s in msg.status if s.name == "recorder"]
        pairs = [pair for status in statuses for pair in status.values]
        return max((int(pair.value) for pair in pairs if pair.key == "messages"), default=0)

    def begin(topic, storage="mcap"):
        command = [sys.executable, "-m", "ml3_ros.nodes.recorder", "--ros-args"]
        settings = (f"out:={tmp_path}", "autostart:=true", f"topics:=[{topic}]")
        for setting in (*settings, f"storage:={storage}"):
            command += ["-p", setting]
        processes.append(subprocess.Popen(command, env=os.environ.copy()))
        return processes[0], recorded

    yield begin
    for process in processes:
        process.kill()
        process.wait()


def test_ctrl_c_leaves_a_whole_bag(graph, tmp_path, recording):
    numbers = graph.plain().create_publisher(Float64, "/numbers", RELIABLE_100)
    process, recorded = recording("/numbers")
    graph.until(numbers.get_subscription_count)
    for i in range(50):
        numbers.publish(Float64(data=float(i)))
    graph.until(lambda: recorded() == 50)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120.0) == 0
    assert len(contents(tmp_path / "bag")["/numbers"]) == 50


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_kill_takes_the_last_second_alone(graph, tmp_path, recording, storage):
    states = graph.plain().create_publisher(JointState, "/states", RELIABLE_5000)
    process, recorded = recording("/states", storage)
    graph.until(states.get_subscription_count)
    sent = 0

    def send(count):
        nonlocal sent
        for _ in range(count):
            msg = JointState(name=["a"], position=[0.0], velocity=[0.0], effort=[float(sent)])
            msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(10_000_000 * sent, 10**9)
            states.publish(msg)
            sent += 1

    for count in (50, 100):
        send(50)
        graph.until(lambda count=count: recorded() == count)
    graph.for_(FLUSH_S + 0.5)  # nothing comes: it is flushed all the same
    send(20)
    process.kill()
    process.wait()
    assert not (tmp_path / "bag" / "metadata.yaml").exists()
    read = read_joint_states(tmp_path / "bag", "/states")
    assert read.tau[:, 0].tolist() == list(range(read.t.size))
    assert read.t.size >= 100
    assert bool(read.checks.notes) == (storage == "mcap")
