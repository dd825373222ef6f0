# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is received is in the bag, which is closed whatever happens."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64, String

from ml3_msgs.msg import LearnedLoss
from ml3_ros.data.bags import thread as bag_thread
from ml3_ros.data.bags.thread import BagThread
from ml3_ros.errors import DataError
from ml3_ros.nodes.kit.qos import LATCHED_1, RELIABLE_100
from ml3_ros.nodes.recorder import Recorder

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


def contents(bag):
    """Return {topic: CDR of its messages} of a bag."""
    with Reader(bag) as reader:
        found = {connection.topic: [] for connection in reader.connections}
        for connection, _, raw in reader.messages():
            found[connection.topic].append(bytes(raw))
    return found


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
    assert (tmp_path / "bag" / "metadata.yaml").exists()


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


def test_a_disk_that_fills_up_ends_the_recording_not_the_program(tmp_path, monkeypatch):
    monkeypatch.setattr(bag_thread, "QUEUE_LENGTH", 4)
    thread = BagThread(tmp_path / "bag", "mcap")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        end = time.monotonic() + 120.0
        while thread.error is None:
            assert time.monotonic() < end
            thread.offer("/x", "std_msgs/msg/String", 1, bytes(100_000))
        assert not thread.offer("/x", "std_msgs/msg/String", 1, b"")
        thread.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "free disk space" in str(thread.error)


def ends(thread):
    """Close the thread of a bag from another one; return whether that ends."""
    closing = threading.Thread(target=thread.close, daemon=True)
    closing.start()
    closing.join(120.0)
    return not closing.is_alive()


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_an_unexpected_error_ends_the_recording_and_is_logged(tmp_path, monkeypatch, storage):
    monkeypatch.setattr(bag_thread, "QUEUE_LENGTH", 4)
    thread = BagThread(tmp_path / "bag", storage)
    assert thread.offer("/x", "std_msgs/msg/String", 1, b"good")
    assert thread.offer("/x", "std_msgs/msg/String", 2**70, b"")  # no storage has room for it
    while thread.offer("/x", "std_msgs/msg/String", 1, b""):
        pass  # until the queue is full or the thread has ended
    assert ends(thread)
    assert re.search(r"(OverflowError|error): .*begin a new recording", str(thread.error))
    assert thread.error.__cause__ is not None
    assert thread.written == 1
    assert thread.lost >= 1
    assert not thread.offer("/x", "std_msgs/msg/String", 1, b"")
    if storage == "sqlite3":  # an MCAP file may need `mcap recover`
        assert contents(tmp_path / "bag") == {"/x": [b"good"]}


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


@pytest.mark.parametrize("where", ["__init__", "write", "close"])
def test_a_disk_that_hangs_is_given_up(tmp_path, monkeypatch, where):
    answers = threading.Event()
    original = getattr(bag_thread.BagWriter, where)

    def hang(*arguments):
        answers.wait(600.0)
        original(*arguments)

    monkeypatch.setattr(bag_thread.BagWriter, where, hang)
    try:
        if where == "__init__":
            monkeypatch.setattr(bag_thread, "PATIENCE_S", 0.2)
            with pytest.raises(DataError, match="the disk has done nothing"):
                BagThread(tmp_path / "bag", "sqlite3")
            return
        thread = BagThread(tmp_path / "bag", "sqlite3")
        monkeypatch.setattr(bag_thread, "PATIENCE_S", 1.0)
        for _ in range(3):
            assert thread.offer("/x", "std_msgs/msg/String", 1, b"")
        end = time.monotonic() + 120.0
        while where == "close" and thread.written < 3:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert ends(thread)
        assert "the disk has done nothing" in str(thread.error)
        assert thread.lost == (3 if where == "write" else 0)
    finally:
        answers.set()
        for other in threading.enumerate():
            if other.name == "bag writer":
                other.join(120.0)
                assert not other.is_alive()
    assert (tmp_path / "bag" / "metadata.yaml").exists()


def test_a_program_that_forgets_to_close_still_ends_with_a_whole_bag(tmp_path):
    script = (
        "import sys, pathlib, ml3_ros.data.bags.thread as b\n"
        "thread = b.BagThread(pathlib.Path(sys.argv[1]), 'sqlite3')\n"
        "thread.offer('/x', 'std_msgs/msg/String', 1, b'raw')\n"
        "raise SystemExit(3)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "bag")]
    assert subprocess.run(command, timeout=120.0, check=False).returncode == 3
    assert contents(tmp_path / "bag") == {"/x": [b"raw"]}


def test_ctrl_c_leaves_a_whole_bag(graph, tmp_path):
    command = [sys.executable, "-m", "ml3_ros.nodes.recorder", "--ros-args"]
    for setting in (f"out:={tmp_path}", "autostart:=true", "topics:=[/numbers]"):
        command += ["-p", setting]
    numbers = graph.plain().create_publisher(Float64, "/numbers", RELIABLE_100)
    diagnostics = graph.listen(graph.plain("reader"), DiagnosticArray, "/diagnostics")

    def recorded():
        statuses = [s for msg in diagnostics for s in msg.status if s.name == "recorder"]
        pairs = [pair for status in statuses for pair in status.values]
        return max((int(pair.value) for pair in pairs if pair.key == "messages"), default=0)

    process = subprocess.Popen(command, env=os.environ.copy())
    try:
        graph.until(numbers.get_subscription_count)
        for i in range(50):
            numbers.publish(Float64(data=float(i)))
        graph.until(lambda: recorded() == 50)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120.0) == 0
    finally:
        process.kill()
        process.wait()
    assert len(contents(tmp_path / "bag")["/numbers"]) == 50
