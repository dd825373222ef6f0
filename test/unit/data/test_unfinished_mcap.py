# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""An MCAP file that was never closed, or cut anywhere, gives the messages before the cut."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ml3_ros.data.bags.files import joint_state_messages
from ml3_ros.data.bags.reader import joint_state_topics, read_joint_states
from ml3_ros.data.bags.unfinished_mcap import CHUNK, MAGIC
from ml3_ros.data.bags.writer import BagWriter
from ml3_ros.errors import DataError
from ml3_ros.identification.checks import check_messages

COUNT, CHUNKS = 40, 8  # messages, in chunks of five each
STAMPS = 5 + 0.01 * np.arange(COUNT)
STORE = get_typestore(Stores.ROS2_KILTED)
TYPE = "sensor_msgs/msg/JointState"


@pytest.fixture
def unfinished(tmp_path, joint_state):
    """40 joint states in 8 chunks, and after them one that was not flushed: a bag folder."""
    writer = BagWriter(tmp_path / "bag")
    writer.add_topic("/js", TYPE)
    for i, stamp in enumerate(STAMPS):
        writer.write("/js", 10_000_000 * i, joint_state(stamp))
        if i % (COUNT // CHUNKS) == COUNT // CHUNKS - 1:
            writer.flush()
    writer.write("/js", 10_000_000 * COUNT, joint_state(9.0))
    writer._writer.abort()
    return tmp_path / "bag"


def closed(path, joint_state, compression):
    """Return the bytes of a closed MCAP file with 40 joint states in 8 chunks."""
    writer = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection("/js", TYPE, typestore=STORE)
        for i, stamp in enumerate(STAMPS):
            writer.write(connection, 10_000_000 * i, joint_state(stamp))
            if i % (COUNT // CHUNKS) == COUNT // CHUNKS - 1:
                writer.storage.close_chunk()
    return (path / f"{path.name}.mcap").read_bytes()


def messages(file):
    """Return what can be read of a file; nothing where that is a DataError."""
    try:
        return [raw for _, _, raw in joint_state_messages(file, "/js", [])]
    except DataError:
        return []


def test_what_was_flushed_is_read_and_the_checks_tell(unfinished):
    assert joint_state_topics(unfinished) == {"/js": COUNT}
    recording = read_joint_states(unfinished)
    np.testing.assert_allclose(recording.t, STAMPS - 5, atol=1e-9)
    assert recording.checks.notes == ("bag.mcap was never closed",)
    file = unfinished / "bag.mcap"
    file.write_bytes(file.read_bytes()[:-1])
    recording = read_joint_states(file)
    (note,) = recording.checks.notes
    assert "bag.mcap was never closed: its last " in note and "are cut short" in note
    assert note in check_messages(recording).text


@pytest.mark.parametrize("compression", [CompressionMode.NONE, CompressionMode.STORAGE])
def test_a_file_cut_anywhere_gives_the_messages_before_the_cut(tmp_path, joint_state, compression):
    whole = closed(tmp_path / "bag", joint_state, compression)
    written = [joint_state(stamp) for stamp in STAMPS]
    file, counts = tmp_path / "cut.mcap", []
    for end in range(0, len(whole), 13):
        file.write_bytes(whole[:end])
        read = messages(file)
        assert read == written[: len(read)]
        counts.append(len(read))
    assert counts == sorted(counts)
    assert counts[-1] == COUNT
    steps = set(range(COUNT + 1)) if compression == CompressionMode.NONE else range(0, 41, 5)
    assert set(counts) == set(steps), "each message, of compressed chunks each chunk"


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the file is written anew
)
@given(data=st.data())
def test_damage_anywhere_is_a_data_error_or_finite_rows(unfinished, data):
    broken = bytearray((unfinished / "bag.mcap").read_bytes())
    for at in data.draw(st.lists(st.integers(len(MAGIC), len(broken) - 1), max_size=6)):
        broken[at] = data.draw(st.integers(0, 255))
    del broken[data.draw(st.integers(0, len(broken))) :]
    file = unfinished / "damaged.mcap"
    file.write_bytes(broken + b"\0" * data.draw(st.integers(0, 40)))
    assert len(messages(file)) <= COUNT
    try:
        assert np.isfinite(read_joint_states(file).q).all()
    except DataError as error:
        assert "damaged.mcap" in str(error)


def test_zeros_that_a_crash_left_are_cut(unfinished):
    file = unfinished / "bag.mcap"
    file.write_bytes(file.read_bytes() + bytes(4096))
    recording = read_joint_states(unfinished)
    assert recording.t.size == COUNT
    assert "its last 4096 bytes" in str(recording.checks)


def test_a_chunk_whose_checksum_differs_is_where_reading_stops(unfinished):
    file = unfinished / "bag.mcap"
    raw = bytearray(file.read_bytes())
    header = 8 + 9 + int.from_bytes(raw[9:17], "little")
    starts, at = [], header
    while at < len(raw):
        starts += [at] if raw[at] == CHUNK else []
        at += 9 + int.from_bytes(raw[at + 1 : at + 9], "little")
    assert len(starts) == CHUNKS
    crc = starts[4] + 9 + 24
    raw[crc : crc + 4] = b"\x01\x02\x03\x04"
    file.write_bytes(raw)
    assert read_joint_states(unfinished).t.size == COUNT // CHUNKS * 4


def test_the_last_file_of_a_split_bag_may_be_unfinished(tmp_path, unfinished, save, joint_state):
    first = save(tmp_path / "first", {"/js": map(joint_state, STAMPS - 1)}, "mcap")
    split = tmp_path / "split"
    split.mkdir()
    shutil.move(first / "first.mcap", split / "split_0.mcap")
    shutil.move(unfinished / "bag.mcap", split / "split_1.mcap")
    recording = read_joint_states(split)
    assert recording.t.size == 2 * COUNT
    assert recording.checks.notes == ("split_1.mcap was never closed",)


def test_a_torn_file_beside_its_metadata_is_read_as_far_as_it_goes(tmp_path, save, joint_state):
    bag = save(tmp_path / "bag", {"/js": map(joint_state, STAMPS)}, "mcap")
    file = bag / "bag.mcap"
    file.write_bytes(file.read_bytes()[:-100])
    recording = read_joint_states(bag)
    assert recording.t.size == COUNT
    assert "metadata.yaml does not fit the bag" in recording.checks.notes[0]
    assert "bag.mcap was never closed" in recording.checks.notes[1]


def test_a_recorder_killed_before_its_first_flush_leaves_no_message(tmp_path):
    writer = BagWriter(tmp_path / "bag")
    with pytest.raises(DataError, match="never closed and holds no whole message: record it"):
        read_joint_states(tmp_path / "bag")
    writer.close()
