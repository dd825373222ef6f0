# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bags as drivers and recorders really leave them: what is read, and what is said about it."""

from __future__ import annotations

import numpy as np
import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ml3_ros.data.bags.reader import read_joint_states
from ml3_ros.data.read_recording import joints_recorded
from ml3_ros.errors import DataError

STORE = get_typestore(Stores.ROS2_KILTED)
JOINT_STATE = "sensor_msgs/msg/JointState"
COUNT = 200
T = 1_700_000_000 + 0.01 * np.arange(COUNT)


def motion(i):
    """Return q, v and effort of two joints at sample i."""
    x = 0.01 * i
    return (np.sin(x), np.cos(2 * x)), (np.cos(x), -2 * np.sin(2 * x)), (5 * np.sin(x), 3 + x)


@pytest.fixture
def arm(joint_state):
    """Messages of an arm: (names, change, stamp) -> pairs (time of reception, CDR)."""

    def messages(names=("a", "b"), change=lambda i, q, v, tau: (q, v, tau), stamp=lambda i: T[i]):
        return [
            (round(T[i] * 1e9), joint_state(stamp(i), names, *change(i, *motion(i))))
            for i in range(COUNT)
        ]

    return messages


def gripper(joint_state, every=4):
    """Messages of a gripper alone."""
    return [
        (round(T[i] * 1e9) + 1000, joint_state(T[i], ("finger",), (0.01,), (0.0,), (0.01 * i,)))
        for i in range(0, COUNT, every)
    ]


# metadata.yaml ---------------------------------------------------------------------------------
def renamed(bag):
    next(bag.glob("*.db3")).rename(bag / "better_name.db3")


def rewritten(old, new):
    def change(bag):
        file = bag / "metadata.yaml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        renamed,
        lambda bag: (bag / "metadata.yaml").write_text(""),
        lambda bag: (bag / "metadata.yaml").write_text("rosbag2_bagfile_information: [1, 2"),
        lambda bag: (bag / "metadata.yaml").write_bytes(b"\xff\xfe\x00"),
        rewritten("storage_identifier: sqlite3", "storage_identifier: ''"),
        rewritten("version: 9", "version: 10"),
        rewritten("serialization_format: cdr", "serialization_format: ''"),
    ],
    ids=["renamed file", "empty", "cut short", "no text", "no storage", "newer", "no format"],
)
def test_metadata_that_do_not_fit_are_left_aside(tmp_path, arm, save, spoil):
    bag = save(tmp_path / "bag", {"/joint_states": arm()})
    spoil(bag)
    recording = read_joint_states(bag)
    assert recording.t.size == COUNT
    assert "metadata.yaml does not fit the bag and is left aside" in str(recording.checks)


def test_metadata_alone_are_no_bag(tmp_path, arm, save):
    bag = save(tmp_path / "bag", {"/joint_states": arm()})
    next(bag.glob("*.db3")).unlink()
    with pytest.raises(DataError, match="is damaged or no bag"):
        read_joint_states(bag)


@pytest.mark.parametrize("mode", ["MESSAGE", "FILE"])
@pytest.mark.parametrize("storage", ["SQLITE3", "MCAP"])
@pytest.mark.parametrize("metadata", [True, False])
def test_compressed_bags_are_read_with_and_without_metadata(
    tmp_path, arm, mode, storage, metadata
):
    bag = tmp_path / "bag"
    writer = Writer(bag, version=9, storage_plugin=StoragePlugin[storage])
    writer.set_compression(CompressionMode[mode], CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection("/joint_states", JOINT_STATE, typestore=STORE)
        for ns, raw in arm():
            writer.write(connection, ns, raw)
    if not metadata:
        (bag / "metadata.yaml").unlink()
    assert read_joint_states(bag).t.size == COUNT


def test_a_compressed_file_that_is_damaged_is_an_error(tmp_path):
    (tmp_path / "x.db3.zstd").write_bytes(b"\x28\xb5\x2f\xfd" + b"\x00" * 30)
    with pytest.raises(DataError, match="is damaged or no bag"):
        read_joint_states(tmp_path / "x.db3.zstd")


# topics and names --------------------------------------------------------------------------------
def test_the_topic_that_carries_the_joints_is_taken(tmp_path, arm, save, joint_state):
    bag = save(
        tmp_path / "bag",
        {"/gripper/joint_states": gripper(joint_state), "/joint_states": arm()},
    )
    recording = read_joint_states(bag, joints=["b", "a"])
    assert recording.topic == "/joint_states" and recording.t.size == COUNT
    assert "/joint_states is read, one of 2 joint-state topics" in str(recording.checks)
    assert read_joint_states(bag, topic="/gripper/joint_states").names == ("finger",)
    with pytest.raises(DataError, match=r"no joint x: /gripper/joint_states carries finger; /jo"):
        read_joint_states(bag, joints=["x"])


def test_of_two_topics_with_the_joints_the_one_that_measures_is_taken(tmp_path, arm, save):
    idle = arm(change=lambda i, q, v, tau: (q, v, (0.0, 0.0)))
    bag = save(tmp_path / "bag", {"/desired": idle, "/joint_states": arm()})
    assert read_joint_states(bag, joints=["a", "b"]).topic == "/joint_states"
    two = save(tmp_path / "two", {"/left": arm(), "/right": arm()})
    with pytest.raises(DataError, match=r"several topics: /left .*by topic=/left"):
        read_joint_states(two, joints=["a", "b"])
    assert read_joint_states(two, topic="right", joints=["a", "b"]).topic == "/right"


def test_names_with_a_prefix_are_found_and_said(tmp_path, arm, save):
    bag = save(tmp_path / "bag", {"/joint_states": arm(("left_a", "left_b"))})
    recording = read_joint_states(bag, joints=["b", "a"])
    assert recording.names == ("b", "a")
    np.testing.assert_allclose(recording.q[1], motion(1)[0][::-1])
    assert "left_b is taken for b of the model" in str(recording.checks)
    swapped = read_joint_states(bag, joints=["a", "b"], rename="left_a=b,left_b=a")
    np.testing.assert_allclose(swapped.q[1], motion(1)[0][::-1])
    assert read_joint_states(bag, rename="left_").names == ("a", "b")


def test_joints_that_are_recorded_are_told_from_those_that_are_not(
    tmp_path, arm, save, joint_state
):
    names = arm(("left_a", "left_b"))
    bag = save(tmp_path / "bag", {"/hand": gripper(joint_state), "/joint_states": names})
    assert joints_recorded(bag, ["b", "head", "a"]) == ("b", "a")
    assert joints_recorded(bag, ["thumb", "b"], rename="finger=thumb,left_b=b") == ("thumb",)
    assert joints_recorded(bag, ["finger", "a"], topic="/hand") == ("finger",)
    with pytest.raises(DataError, match="has no joint x, y: /hand carries finger; /joint_states"):
        joints_recorded(bag, ["x", "y"])


# company ---------------------------------------------------------------------------------------
def test_messages_of_a_gripper_are_no_loss(tmp_path, arm, save, joint_state):
    messages = sorted(arm() + gripper(joint_state, every=1), key=lambda pair: pair[0])
    recording = read_joint_states(
        save(tmp_path / "bag", {"/joint_states": messages}), joints=["a", "b"]
    )
    assert recording.t.size == COUNT
    assert (recording.checks.others, recording.checks.lost) == (COUNT, 0)
    assert f"{COUNT} of other joints" in str(recording.checks)


# values ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("joints", "sentence"),
    [
        ((0, 1), "effort of a, b is NaN in every message of /joint_states"),
        ((1,), "effort of b is NaN in every message of /joint_states"),
    ],
)
def test_efforts_that_are_never_a_number_are_named(tmp_path, arm, save, joints, sentence):
    def spoil(i, q, v, tau):
        return q, v, [np.nan if j in joints else x for j, x in enumerate(tau)]

    bag = save(tmp_path / "bag", {"/joint_states": arm(change=spoil)})
    with pytest.raises(DataError, match=sentence + ".*: the driver has no effort interface"):
        read_joint_states(bag, joints=["a", "b"])


@pytest.mark.parametrize("value", [1e224, np.inf, np.nan, 5e-310])
def test_single_absurd_values_are_left_out_and_named(tmp_path, arm, save, value):
    def spoil(i, q, v, tau):
        return q, v, (tau[0], value if i % 40 == 20 else tau[1])

    recording = read_joint_states(save(tmp_path / "bag", {"/joint_states": arm(change=spoil)}))
    assert recording.t.size == COUNT - 5
    (said,) = recording.checks.problems
    assert said.startswith("effort of b is ") and said.endswith("in 5 messages, first at 0.20 s")


@pytest.mark.parametrize("empty", ["zeros", "missing", "NaN"])
def test_velocities_that_are_never_filled_come_from_positions(tmp_path, arm, save, empty):
    none = {"zeros": (0.0, 0.0), "missing": (), "NaN": (np.nan, np.nan)}[empty]
    bag = save(
        tmp_path / "bag", {"/joint_states": arm(change=lambda i, q, v, tau: (q, none, tau))}
    )
    recording = read_joint_states(bag)
    x = recording.t
    np.testing.assert_allclose(recording.v[10:-10, 0], np.cos(x)[10:-10], atol=2e-3)
    assert recording.checks.differentiated
    assert "velocity of a, b is" in recording.checks.problems[0]
    assert "taken from positions: let the driver fill it" in recording.checks.problems[0]


def test_a_velocity_that_is_measured_stays_beside_one_that_is_not(tmp_path, arm, save):
    bag = save(
        tmp_path / "bag",
        {"/joint_states": arm(change=lambda i, q, v, tau: (q, (0.0, 100 * v[1]), tau))},
    )
    recording = read_joint_states(bag)
    np.testing.assert_allclose(recording.v[:, 0], np.cos(recording.t), atol=2e-3)
    np.testing.assert_allclose(recording.v[:, 1], -200 * np.sin(2 * recording.t), atol=1e-3)


# stamps ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("stamp", "sentence", "count"),
    [
        (lambda i: int(T[i]), "stamps are whole seconds, which are no times", COUNT),
        (lambda i: 0.0 if i < 15 else T[i], "15 without a stamp left out", COUNT - 15),
        (lambda i: T[i] + 3600.0 * (i >= 100), "was set by +3600.0 s at 0.99 s", COUNT),
        (lambda i: T[i] - 6.1 * (i >= 100), "was set by -6.1 s at 0.99 s", COUNT),
    ],
)
def test_stamps_that_are_no_times_are_put_right(tmp_path, arm, save, stamp, sentence, count):
    recording = read_joint_states(save(tmp_path / "bag", {"/joint_states": arm(stamp=stamp)}))
    np.testing.assert_allclose(recording.t, 0.01 * np.arange(count), atol=1e-6)
    assert sentence in " ".join(recording.checks.problems)


# publishers ------------------------------------------------------------------------------------
@pytest.mark.parametrize("same_stamp", [True, False])
def test_a_second_publisher_of_zeros_is_told_from_the_arm(
    tmp_path, arm, save, joint_state, same_stamp
):
    shift = 0.0 if same_stamp else 0.005
    zeros = [
        (
            ns + (-1000 if same_stamp else 5_000_000),
            joint_state(T[i] + shift, "ab", (0, 0), (0, 0), (0, 0)),
        )
        for i, (ns, _) in enumerate(arm())
    ]
    messages = sorted(arm() + zeros, key=lambda pair: pair[0])
    recording = read_joint_states(save(tmp_path / "bag", {"/joint_states": messages}))
    assert recording.t.size == COUNT
    np.testing.assert_allclose(recording.tau[:, 1], 3 + 0.01 * np.arange(COUNT))
    assert recording.checks.foreign == COUNT
    assert f"two publishers: {COUNT} messages jump back to a 0, b 0" in str(recording.checks)
