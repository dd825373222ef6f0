# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files appear whole or not at all, and nobody's link or thread leads a write astray."""

from __future__ import annotations

import os
import resource
import secrets
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml3_ros.errors import DataError
from ml3_ros.files import remove_unfinished, write_atomically

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("name", [f".x.{os.getpid()}.part", ".x.ab.part"], ids=["pid", "token"])
def test_a_planted_link_is_not_followed(tmp_path, monkeypatch, name):
    monkeypatch.setattr(secrets, "token_hex", lambda n: "ab")  # somebody has guessed it
    mine, path = tmp_path / "mine", tmp_path / "x"
    mine.write_bytes(b"precious")
    (tmp_path / name).symlink_to(mine)
    if name == ".x.ab.part":
        with pytest.raises(DataError, match="cannot be written"):
            write_atomically(path, b"new")
    else:
        write_atomically(path, b"new")
        assert path.read_bytes() == b"new"
    assert mine.read_bytes() == b"precious"
    assert (tmp_path / name).is_symlink()


def test_a_link_in_the_files_place_is_replaced_and_its_target_is_not_touched(tmp_path):
    mine, path = tmp_path / "mine", tmp_path / "x"
    mine.write_bytes(b"precious")
    mine.chmod(0o600)
    path.symlink_to(mine)
    write_atomically(path, b"new")
    assert not path.is_symlink()
    assert (path.read_bytes(), mine.read_bytes()) == (b"new", b"precious")
    assert mode_of(path) != 0o600


def test_threads_that_write_one_file_leave_a_whole_one_of_them(tmp_path):
    path = tmp_path / "x"
    contents = [bytes([65 + i]) * (20_000 + 1000 * i) for i in range(8)]

    def write(content):
        for _ in range(200):
            write_atomically(path, content)
            assert path.read_bytes() in contents

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, contents))
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_usual_mode_and_a_replaced_one_keeps_its_own(tmp_path, umask):
    path = tmp_path / "x"
    write_atomically(path, b"1")
    assert mode_of(path) == 0o666 & ~umask
    path.chmod(0o604)
    write_atomically(path, lambda file: file.write(b"%o" % os.fstat(file.fileno()).st_mode))
    assert mode_of(path) == 0o604
    assert path.read_bytes() == b"100604"  # before the first byte: nobody reads what they may not


def test_the_folder_is_synced_once_the_file_is_in_its_place(tmp_path, monkeypatch):
    path, synced, fsync = tmp_path / "x", [], os.fsync

    def record(descriptor):
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), path.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    write_atomically(path, b"1")
    assert synced == [(False, False), (True, True)]


@pytest.mark.parametrize("kind", ["full disk", "error", "interrupt"])
def test_a_write_that_fails_leaves_the_older_file_and_nothing_else(tmp_path, kind):
    path = tmp_path / "x"
    write_atomically(path, b"old")
    expected = {"full disk": DataError, "error": ValueError, "interrupt": KeyboardInterrupt}[kind]

    def content(file):
        file.write(b"half")
        if kind != "full disk":
            raise expected
        file.write(bytes(100_000))

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(expected, match="disk is full" if kind == "full disk" else None):
            write_atomically(path, content)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed(tmp_path):
    script = (
        "import os, pathlib, signal, sys\n"
        "from ml3_ros.files import write_atomically\n"
        "die = lambda file: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_atomically(pathlib.Path(sys.argv[1]), die)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "x")]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=environment, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    remove_unfinished(tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_being_written_is_not_removed(tmp_path):
    def content(file):
        remove_unfinished(tmp_path)
        file.write(b"whole")

    write_atomically(tmp_path / "x", content)
    assert (tmp_path / "x").read_bytes() == b"whole"


def test_only_files_are_removed_and_none_holds_up_who_removes(tmp_path):
    mine = tmp_path / "mine"
    mine.write_bytes(b"precious")
    (tmp_path / ".link.part").symlink_to(mine)
    (tmp_path / ".folder.part").mkdir()
    os.mkfifo(tmp_path / ".pipe.part")  # opening it waits for a writer
    remove_unfinished(tmp_path)
    assert mine.read_bytes() == b"precious"
    assert (tmp_path / ".folder.part").is_dir()
