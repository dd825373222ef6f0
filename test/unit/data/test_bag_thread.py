# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A disk that fills up, fails or hangs ends a recording, and never the program."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import threading
import time

import pytest
from rosbags.rosbag2 import Reader

from ml3_ros.data.bags import thread as bag_thread
from ml3_ros.data.bags.thread import FLUSH_S, BagThread
from ml3_ros.errors import DataError


def contents(bag):
    """Return {topic: CDR of its messages} of a bag."""
    with Reader(bag) as reader:
        found = {connection.topic: [] for connection in reader.connections}
        for connection, _, raw in reader.messages():
            found[connection.topic].append(bytes(raw))
    return found


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_a_disk_that_fills_up_ends_the_recording_not_the_program(tmp_path, monkeypatch, storage):
    monkeypatch.setattr(bag_thread, "QUEUE_LENGTH", 4)
    thread = BagThread(tmp_path / "bag", storage)
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
    expected = {"mcap": "free disk space", "sqlite3": "disk I/O error"}
    assert expected[storage] in str(thread.error)


def ends(thread):
    """Close the thread of a bag from another one; return whether that ends."""
    closing = threading.Thread(target=thread.close, daemon=True)
    closing.start()
    closing.join(120.0)
    return not closing.is_alive()


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_an_unexpected_error_ends_the_recording_and_is_logged(tmp_path, monkeypatch, storage):
    monkeypatch.setattr(bag_thread, "QUEUE_LENGTH", 4)
    original = bag_thread.BagWriter.write

    def write(writer, topic, stamp_ns, raw):
        original(writer, topic, stamp_ns, raw)
        if not raw:
            raise ZeroDivisionError("boom")

    monkeypatch.setattr(bag_thread.BagWriter, "write", write)
    thread = BagThread(tmp_path / "bag", storage)
    assert thread.offer("/x", "std_msgs/msg/String", 1, b"good")
    while thread.offer("/x", "std_msgs/msg/String", 1, b""):
        pass  # until the queue is full or the thread has ended
    assert ends(thread)
    assert re.search(r"ZeroDivisionError: boom.*begin a new recording", str(thread.error))
    assert thread.error.__cause__ is not None
    assert thread.written == 1
    assert thread.lost >= 1
    assert not thread.offer("/x", "std_msgs/msg/String", 1, b"")
    assert contents(tmp_path / "bag")["/x"][0] == b"good"


@pytest.mark.parametrize("where", ["__init__", "write", "flush", "close"])
def test_a_disk_that_hangs_is_given_up(tmp_path, monkeypatch, where):
    hangs, answers = threading.Event(), threading.Event()
    original = getattr(bag_thread.BagWriter, where)

    def hang(*arguments):
        hangs.set()
        answers.wait(600.0)
        original(*arguments)

    try:
        if where == "__init__":
            monkeypatch.setattr(bag_thread.BagWriter, where, hang)
            monkeypatch.setattr(bag_thread, "PATIENCE_S", 0.2)
            with pytest.raises(DataError, match="the disk has done nothing"):
                BagThread(tmp_path / "bag", "mcap")
            return
        monkeypatch.setattr(bag_thread, "FLUSH_S", 0.01 if where == "flush" else FLUSH_S)
        if where == "flush":  # the first one belongs to `__init__`
            thread = BagThread(tmp_path / "bag", "mcap")
        monkeypatch.setattr(bag_thread.BagWriter, where, hang)
        if where != "flush":
            thread = BagThread(tmp_path / "bag", "mcap")
        monkeypatch.setattr(bag_thread, "PATIENCE_S", 1.0)
        for _ in range(3):
            assert thread.offer("/x", "std_msgs/msg/String", 1, b"")
        end = time.monotonic() + 120.0
        while where == "close" and thread.written < 3:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert where == "close" or hangs.wait(120.0)
        assert ends(thread)
        assert "the disk has done nothing" in str(thread.error)
        assert thread.lost == (0 if where == "close" else 3 - thread.written)
    finally:
        answers.set()
        for other in threading.enumerate():
            if other.name == "bag writer":
                other.join(120.0)
                assert not other.is_alive()
    assert (tmp_path / "bag" / "metadata.yaml").exists()


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_a_program_that_forgets_to_close_still_ends_with_a_whole_bag(tmp_path, storage):
    script = (
        "import sys, pathlib, ml3_ros.data.bags.thread as b\n"
        "thread = b.BagThread(pathlib.Path(sys.argv[1]), sys.argv[2])\n"
        "thread.offer('/x', 'std_msgs/msg/String', 1, b'raw')\n"
        "raise SystemExit(3)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "bag"), storage]
    assert subprocess.run(command, timeout=120.0, check=False).returncode == 3
    assert contents(tmp_path / "bag") == {"/x": [b"raw"]}
