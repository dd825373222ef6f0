# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A recording becomes a stream: every sample once, in order, when somebody listens."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from ml3_msgs.msg import Adaptation
from ml3_ros.data import rate
from ml3_ros.data.bags.writer import BagWriter
from ml3_ros.data.rate import BURST, LONGEST_PAUSE, STALL_S, Pauses, PlaybackRate
from ml3_ros.nodes.bag_player import BagPlayer
from ml3_ros.nodes.kit.filtered_stream import FilteredStream, FilterParameters
from ml3_ros.nodes.kit.qos import LATCHED_1, LATCHED_10, RELIABLE_100, RELIABLE_5000
from ml3_ros.nodes.messages.joint_states import NANO, nanoseconds, time_msg

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
COUNT, STEP = 300, 8_000_000  # samples, and their distance [ns]
FIRST = 1_700_000_000 * NANO


@pytest.fixture
def bag(tmp_path):
    """2.4 s of two joints at 125 Hz, serialized by ROS itself."""
    return write(tmp_path)


def write(tmp_path, storage="mcap", stamp=lambda i: STEP * i):
    """Write that bag, its samples at other times [ns] if wanted, and return its folder."""
    writer = BagWriter(tmp_path / "bag", storage)
    writer.add_topic("/joint_states", "sensor_msgs/msg/JointState")
    for i in range(COUNT):
        msg = JointState(name=["a", "b"], position=[0.1 * i, -i], velocity=[i, -i])
        msg.effort = [float(i), 0.5]
        msg.header.stamp = time_msg(FIRST + stamp(i))
        writer.write("/joint_states", FIRST + stamp(i), serialize_message(msg))
    writer.close()
    return str(tmp_path / "bag")


def start(graph, **parameters):
    player = graph.add(BagPlayer, "bag_player", **parameters)
    assert player.trigger_configure() == SUCCESS
    assert player.trigger_activate() == SUCCESS
    return player


def test_names_are_those_of_the_arm(graph, bag):
    start(graph, bag=bag, rate=4.0, max_ahead=0, joints=["j2", "j1"], rename="a=j1,b=j2")
    states = graph.listen(graph.plain(), JointState, "joint_states", RELIABLE_5000)
    graph.until(lambda: len(states) > 7)
    assert list(states[7].name) == ["j2", "j1"]
    np.testing.assert_allclose(states[7].position, [-7.0, 0.7])


def test_every_sample_comes_once_and_in_order(graph, bag):
    player = start(graph, bag=bag, rate=4.0, max_ahead=0)
    before = player.get_clock().now().nanoseconds
    graph.for_(0.3)
    assert player.diagnostic_values()["samples sent"] == 0, "it waits for a subscriber"
    probe = graph.plain()
    states = graph.listen(probe, JointState, "joint_states", RELIABLE_5000)
    graph.until(lambda: len(states) == COUNT)
    assert [msg.effort[0] for msg in states] == list(range(COUNT))
    stamps = np.array([nanoseconds(msg.header.stamp) for msg in states])
    assert (np.diff(stamps) == STEP).all()
    assert before < stamps[0] < player.get_clock().now().nanoseconds
    np.testing.assert_allclose(states[7].position, [0.7, -7.0])
    late = graph.listen(graph.plain("late"), Bool, "stream_finished", LATCHED_1)
    graph.until(lambda: late and late[-1].data)
    assert player.diagnostic_values()["finished"]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("closed", [True, False])
def test_bags_of_either_format_are_played_also_without_their_end(graph, tmp_path, storage, closed):
    bag = Path(write(tmp_path, storage))
    if not closed:
        (bag / "metadata.yaml").unlink()
        if storage == "mcap":
            file = bag / "bag.mcap"
            file.write_bytes(file.read_bytes()[:-500])  # a part of its summary is missing
    states = graph.listen(graph.plain(), JointState, "joint_states", RELIABLE_5000)
    start(graph, bag=str(bag), rate=20.0, max_ahead=0)
    graph.until(lambda: len(states) == COUNT)
    assert [msg.effort[0] for msg in states] == list(range(COUNT))


def test_joints_come_in_the_requested_order_with_the_recorded_stamps(graph, bag):
    states = graph.listen(graph.plain(), JointState, "joint_states", RELIABLE_5000)
    finished = graph.listen(graph.plain("other"), Bool, "stream_finished", LATCHED_10)
    how = {"joints": ["b", "a"], "rebase_stamps": False, "max_ahead": 0, "rate": 20.0}
    player = graph.add(BagPlayer, "bag_player", bag=bag, **how)
    assert player.trigger_configure() == SUCCESS
    graph.connect("joint_states")
    graph.connect("stream_finished")  # of what is latched only the newest reaches who is late
    assert player.trigger_activate() == SUCCESS
    graph.until(lambda: len(states) == COUNT and len(finished) == 2)
    assert [msg.data for msg in finished] == [False, True]
    assert states[0].name == ["b", "a"]
    np.testing.assert_allclose(states[3].position, [-3.0, 0.3])
    assert nanoseconds(states[0].header.stamp) == FIRST


def test_activated_again_it_plays_again_from_the_beginning(graph, bag):
    states = graph.listen(graph.plain(), JointState, "joint_states", RELIABLE_5000)
    player = start(graph, bag=bag, max_ahead=0)
    graph.until(lambda: len(states) >= 5)
    played = player.diagnostic_values()["samples sent"]
    assert player.trigger_deactivate() == SUCCESS
    graph.until(lambda: len(states) == played)
    graph.for_(0.2)
    assert len(states) == played
    assert player.trigger_activate() == SUCCESS
    graph.until(lambda: len(states) > played)
    assert states[played].effort[0] == 0.0


def test_without_subscribers_it_ends_with_one_sentence(graph, bag, capfd):
    player = start(graph, bag=bag, subscriber_timeout=0.2)
    graph.until(lambda: player.state_name() == "finalized")
    assert "start the learner first" in capfd.readouterr().err
    assert player.failed


def test_a_process_whose_node_failed_ends_with_rc_1(bag):
    words = ["--ros-args"]
    for setting in (f"bag:={bag}", "subscriber_timeout:=0.2", "autostart:=true"):
        words += ["-p", setting]
    process = subprocess.run(
        [sys.executable, "-m", "ml3_ros.nodes.bag_player", *words],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert process.returncode == 1
    assert "start the learner first" in process.stderr


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"bag": ""}, "set the parameter bag"),
        ({"bag": "/nowhere"}, "there is no bag at /nowhere"),
        ({"joints": ["a", "elbow"]}, "no joint elbow"),
        ({"topic": "/other"}, "no joint-state topic /other"),
        ({"robot": "sawyer"}, "no joint right_j0"),
    ],
)
def test_what_cannot_be_played_is_rejected_on_configure(graph, bag, capfd, parameters, sentence):
    player = graph.add(BagPlayer, "bag_player", **{"bag": bag, **parameters})
    assert player.trigger_configure() == FAILURE
    assert sentence in capfd.readouterr().err
    assert player.state_name() == "unconfigured"


def test_a_slow_learner_is_waited_for(graph, bag, monkeypatch):
    monkeypatch.setattr(rate, "STALL_S", 600.0)  # it is this machine that may stall
    probe = graph.plain()
    states = graph.listen(probe, JointState, "joint_states", RELIABLE_5000)
    adaptation = probe.create_publisher(Adaptation, "adaptation/m", RELIABLE_100)
    start(graph, bag=bag, rate=20.0, max_ahead=50)
    graph.until(adaptation.get_subscription_count)
    graph.until(lambda: len(states) >= 2)

    def report(count):
        msg = Adaptation(method="m")
        msg.header.stamp = states[count - 1].header.stamp
        adaptation.publish(msg)

    report(2)
    graph.until(lambda: len(states) >= 52)
    graph.for_(0.3)
    assert len(states) <= 52 + BURST
    ahead = Adaptation(method="m")  # of samples that have not been played
    ahead.header.stamp.sec = states[-1].header.stamp.sec + 3600
    adaptation.publish(ahead)
    graph.for_(0.3)
    assert len(states) <= 52 + BURST
    report(52)
    graph.until(lambda: len(states) >= 102)


def test_a_pause_of_an_hour_is_skipped_and_named(graph, tmp_path, capfd):
    bag = write(tmp_path, stamp=lambda i: STEP * i + 3600 * NANO * (i >= 100))
    states = graph.listen(graph.plain(), JointState, "joint_states", RELIABLE_5000)
    start(graph, bag=bag, rate=1.0, max_ahead=0)
    graph.until(lambda: len(states) == COUNT)
    assert [msg.effort[0] for msg in states] == list(range(COUNT))
    stamps = np.array([nanoseconds(msg.header.stamp) for msg in states])
    assert np.diff(stamps)[99] == LONGEST_PAUSE * NANO, "both sides are different moments"
    assert "1 pause(s) in the recording, 3600.0 s in all, are skipped" in capfd.readouterr().err


def test_recorded_stamps_keep_a_pause(graph, tmp_path):
    bag = write(tmp_path, stamp=lambda i: STEP * i + 3600 * NANO * (i >= 10))
    states = graph.listen(graph.plain(), JointState, "joint_states", RELIABLE_5000)
    start(graph, bag=bag, rate=10.0, max_ahead=0, rebase_stamps=False)
    graph.until(lambda: len(states) == COUNT)
    assert nanoseconds(states[-1].header.stamp) == FIRST + STEP * (COUNT - 1) + 3600 * NANO


@pytest.mark.parametrize(("hertz", "speed"), [(30.0, 20.0), (1000.0, 2.0)])
def test_uneven_samples_of_slow_and_fast_arms_can_be_learned_from(graph, tmp_path, hertz, speed):
    rng = np.random.default_rng(3)
    steps = np.where(rng.random(COUNT) < 0.02, 3.0, 1.0) + 0.3 * rng.uniform(-1.0, 1.0, COUNT)
    times = np.rint(np.cumsum(steps) / hertz * NANO).astype(int)
    bag = write(tmp_path, stamp=lambda i: int(times[i]))
    counts = Counter()
    stream = FilteredStream(["a", "b"], counts, FilterParameters(filter_seconds=0.25))
    out, read = [], []

    def use(msg):
        read.append(msg)
        out.extend(stream.read(msg))

    probe = graph.plain()
    probe.create_subscription(JointState, "joint_states", use, RELIABLE_5000)
    start(graph, bag=bag, rate=speed, max_ahead=0)
    graph.until(lambda: len(read) == COUNT)
    assert stream.rate == pytest.approx(hertz / steps.mean(), rel=0.05)
    assert len(out) > COUNT - 0.3 * stream.rate - 20  # but for a window
    assert not stream.complaint


T = 0.01 * np.arange(1000)


def test_pauses_cost_no_time_and_only_pauses_do_not():
    t = T + 7200.0 * (T >= 5.0) + 0.5 * (T >= 2.0)
    pauses = Pauses.of(t, 0.01)
    assert pauses.played[-1] == pytest.approx(T[-1] + 0.5)
    assert pauses.stamped[-1] == pytest.approx(T[-1] + 0.5 + LONGEST_PAUSE - 0.01)
    assert "longest lasts 7200.0 s from 5.49 s on" in pauses.sentence
    slow = 2.0 * np.arange(50)
    assert Pauses.of(slow, 2.0).sentence == ""
    np.testing.assert_array_equal(Pauses.of(slow, 2.0).played, slow)


def play(playback, seconds, *, sent=0, start=0.0, tick=0.002):
    """Let the clock run; return how many samples are out."""
    for i in range(round(seconds / tick) + 1):
        sent = max(sent, playback.due(start + i * tick, sent))
    return sent


@pytest.mark.parametrize("rate", [0.5, 1.0, 5.0])
def test_the_pace_is_that_of_the_clock(rate):
    assert play(PlaybackRate(T, rate=rate, max_ahead=0), 1.0) == pytest.approx(
        100 * rate + 1, abs=1
    )


def test_a_clock_that_jumps_lets_time_slip_and_skips_nothing():
    playback = PlaybackRate(T, rate=10.0, max_ahead=0)
    sent = play(playback, 0.1)
    assert playback.due(100.0, sent) <= sent + BURST
    assert playback.due(100.001, sent + BURST) <= sent + 2 * BURST


def test_without_a_reader_it_is_never_faster_than_real_time():
    assert play(PlaybackRate(T, rate=50.0, max_ahead=300), 1.0) == pytest.approx(101, abs=1)


def test_a_reader_that_stalls_is_left_behind_in_real_time():
    playback = PlaybackRate(T, rate=50.0, max_ahead=100)
    playback.acknowledge(0, 0.0)
    sent = play(playback, STALL_S - 0.1)
    assert 100 <= sent <= 100 + BURST
    assert play(playback, 1.1, sent=sent, start=STALL_S - 0.1) == pytest.approx(sent + 100, abs=2)
