# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What is recorded can be read again, also after the recorder was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ml3_ros.data.bags.reader import joint_state_topics, read_joint_states
from ml3_ros.data.bags.writer import BagWriter, require_definition, write_joint_states
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import DataError

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def record(joint_state):
    """Begin a bag and write 20 joint states to it, 10 ms apart: (path, storage) -> writer."""

    def write(path, storage="mcap"):
        writer = BagWriter(path, storage)
        writer.add_topic("/joint_states", "sensor_msgs/msg/JointState")
        writer.add_topic("/joint_states", "sensor_msgs/msg/JointState")
        writer.add_topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray")
        for i in range(20):
            writer.write("/joint_states", 10_000_000 * i, joint_state(1 + 0.01 * i))
        return writer

    return write


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_a_recording_reads_back(tmp_path, record, storage):
    record(tmp_path / "bag", storage).close()
    recording = read_joint_states(tmp_path / "bag")
    np.testing.assert_allclose(recording.t, 0.01 * np.arange(20), atol=1e-9)
    np.testing.assert_allclose(recording.tau[:, 0], 1 + 0.01 * np.arange(20))
    assert (tmp_path / "bag" / "metadata.yaml").exists()


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_what_was_flushed_survives_a_killed_recorder(tmp_path, joint_state, storage):
    script = (
        "import os, signal, sys\n"
        "from ml3_ros.data.bags.writer import BagWriter\n"
        "writer = BagWriter(*sys.argv[1:3])\n"
        "writer.add_topic('js', 'sensor_msgs/msg/JointState')\n"
        "for i, raw in enumerate(sys.argv[3:]):\n"
        "    writer.write('js', i, bytes.fromhex(raw))\n"
        "writer.flush()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    messages = [joint_state(1 + 0.01 * i).hex() for i in range(20)]
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "bag"), storage, *messages],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "bag" / "metadata.yaml").exists()
    assert read_joint_states(tmp_path / "bag").t.size == 20


def test_messages_of_other_packages_are_learned_from_what_is_installed(tmp_path, monkeypatch):
    folder = tmp_path / "prefix" / "share" / "odd_msgs" / "msg"
    folder.mkdir(parents=True)
    (folder / "Outer.msg").write_text("std_msgs/Header header\nInner[] parts\n")
    (folder / "Inner.msg").write_text("float64 x\n")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))
    writer = BagWriter(tmp_path / "bag")
    writer.add_topic("/odd", "odd_msgs/msg/Outer")
    writer.close()
    assert joint_state_topics(tmp_path / "bag") == {}
    assert "odd_msgs/msg/Outer" in (tmp_path / "bag" / "metadata.yaml").read_text()


def test_an_unknown_message_type_is_rejected(tmp_path):
    writer = BagWriter(tmp_path / "bag")
    with pytest.raises(DataError, match="no definition of no_msgs/msg/Such is installed"):
        writer.add_topic("/x", "no_msgs/msg/Such")
    writer.close()


@pytest.mark.parametrize("content", [b"float64 [ x\n", b"\xff\xfe"])
def test_a_broken_message_definition_is_named(tmp_path, monkeypatch, content):
    file = tmp_path / "share" / "odd_msgs" / "msg" / "Odd.msg"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"Odd\.msg .*install package odd_msgs"):
        require_definition("odd_msgs/msg/Odd")


def test_an_older_recording_is_never_overwritten(tmp_path, record):
    record(tmp_path / "bag").close()
    with pytest.raises(DataError, match="choose a new folder"):
        BagWriter(tmp_path / "bag")
    assert read_joint_states(tmp_path / "bag").t.size == 20


def test_folders_that_cannot_be_made_are_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="choose a folder that may be written"):
        BagWriter(tmp_path / "file" / "bag")
    with pytest.raises(DataError, match="mcap or sqlite3"):
        BagWriter(tmp_path / "bag", "zip")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_a_sentence_and_keeps_what_was_flushed(tmp_path, record, joint_state):
    writer = record(tmp_path / "bag")
    writer.flush()
    storage = writer._writer.storage
    disk, storage.bio = storage.bio, open("/dev/full", "wb", buffering=0)  # noqa: SIM115
    writer.write("/joint_states", 10**9, joint_state(2.0))
    with pytest.raises(DataError, match="free disk space"):
        writer.flush()
    storage.bio.close()
    storage.bio = disk  # there is room again, but what was not written is missing before it
    with pytest.raises(DataError, match="free disk space"):
        writer.close()
    assert not (tmp_path / "bag" / "metadata.yaml").exists()
    recording = read_joint_states(tmp_path / "bag")
    assert recording.t.size == 20
    assert recording.checks.notes == ("bag.mcap was never closed",)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("stamp", [-1, 2**63])
def test_a_stamp_that_is_no_time_is_rejected_and_harms_nothing(
    tmp_path, record, joint_state, storage, stamp
):
    writer = record(tmp_path / "bag", storage)
    with pytest.raises(DataError, match="set the clock"):
        writer.write("/joint_states", stamp, joint_state(2.0))
    writer.close()
    assert read_joint_states(tmp_path / "bag").t.size == 20


def test_a_bag_of_topics_alone_is_closed(tmp_path):
    writer = BagWriter(tmp_path / "bag")
    writer.add_topic("/joint_states", "sensor_msgs/msg/JointState")
    writer.close()
    assert joint_state_topics(tmp_path / "bag") == {"/joint_states": 0}


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_arrays_come_back_as_they_were(tmp_path, storage):
    rng = np.random.default_rng(0)
    q, v, tau = rng.standard_normal((3, 50, 2))
    t = 0.008 * np.arange(50)
    written = JointRecording(
        names=("b", "a"), t=t, q=q, v=v, tau=tau, start_ns=1_700_000_000_000_000_000, topic="/arm"
    )
    write_joint_states(tmp_path / "bag", written, storage)
    read = read_joint_states(tmp_path / "bag")
    assert (read.names, read.topic, read.start_ns) == (written.names, "/arm", written.start_ns)
    np.testing.assert_allclose(read.t, t, atol=1e-9)
    for field in ("q", "v", "tau"):
        np.testing.assert_array_equal(getattr(read, field), getattr(written, field))
