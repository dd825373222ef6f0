# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learned-loss files on disk: other files are rejected; a failed write loses nothing."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pickle
import resource
import stat
import tracemalloc
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save as save_tensors

from ml3_ros.core.losses.learned_loss import MAX_BYTES, LearnedLoss
from ml3_ros.errors import LossFileError, Ml3Error


def test_a_file_that_is_something_else_is_rejected(tmp_path, loss):
    for i, data in enumerate((b"hello", b"\x00" * 100, b"\xff" * 100, b'{"a": 1}' * 9)):
        path = tmp_path / f"{i}"
        path.write_bytes(data)
        with pytest.raises(LossFileError, match=f"{path}.*ml3 train"):
            LearnedLoss.load(path)
    plain = save_tensors(dict(loss.phi))  # a safetensors file, but no loss
    with pytest.raises(LossFileError, match="not a learned loss"):
        LearnedLoss.from_bytes(plain)


def test_a_pickle_is_rejected_and_not_run(tmp_path):
    marker = tmp_path / "it_ran"

    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(marker),)

    path = tmp_path / "loss.pt"
    for write in (pickle.dump, torch.save):
        with path.open("wb") as file:
            write(Hostile(), file)
        with pytest.raises(LossFileError):
            LearnedLoss.load(path)
        assert not marker.exists()


def test_a_huge_file_is_rejected_without_being_read_whole(tmp_path):
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(4 * MAX_BYTES)  # sparse: takes no space
    tracemalloc.start()
    with pytest.raises(LossFileError, match="larger than"):
        LearnedLoss.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * MAX_BYTES


def test_a_long_header_is_rejected_without_being_parsed(monkeypatch):
    """A third of a million lists in 1 MB take a second to be made and collected."""
    text = b'{"a":[' + b"[]," * 350_000 + b"[]]}"
    monkeypatch.setattr(json, "loads", lambda text: pytest.fail("it was parsed"))
    with pytest.raises(LossFileError, match="its header has 1050010 bytes"):
        LearnedLoss.from_bytes(len(text).to_bytes(8, "little") + text)


def test_missing_files_and_folders_are_named(tmp_path):
    for path in (tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(LossFileError, match=f"{path}.*check the path"):
            LearnedLoss.load(path)


@contextlib.contextmanager
def full_disk(limit=64):
    """No file of this process may grow beyond `limit` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def read_only(folder):
    """Make `folder` read-only, for root too, who has to be somebody else for that."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    folder.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(mode)


def test_a_failed_write_leaves_the_old_file_whole(loss, tmp_path, monkeypatch):
    path = loss.save(tmp_path / "loss.safetensors")
    other = replace(loss, provenance={"longer": "x" * 10_000})

    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with full_disk(), pytest.raises(LossFileError, match=f"disk is full.*{path}.*free space"):
        other.save(path)
    assert LearnedLoss.load(path).to_bytes() == loss.to_bytes()
    with monkeypatch.context() as patch, pytest.raises(LossFileError, match="disk is full"):
        patch.setattr(os, "fsync", fail)
        other.save(path)
    assert LearnedLoss.load(path).to_bytes() == loss.to_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["loss.safetensors"]
    other.save(path)
    assert LearnedLoss.load(path).to_bytes() == other.to_bytes()


def test_a_read_only_folder_is_named_and_its_file_stays(loss, tmp_path):
    path = loss.save(tmp_path / "loss.safetensors")
    other = replace(loss, provenance={})
    with read_only(tmp_path), pytest.raises(LossFileError, match=f"{path}.*choose a folder"):
        other.save(path)
    assert LearnedLoss.load(path).to_bytes() == loss.to_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["loss.safetensors"]


def test_a_folder_that_is_a_file_is_named(loss, tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "loss.safetensors", tmp_path):
        with pytest.raises(Ml3Error, match=f"{path}"):
            loss.save(path)


def test_saved_files_can_be_read_by_others(loss, tmp_path):
    """As every file that a program makes: the umask decides, not the way it is written."""
    (tmp_path / "plain").touch()
    mode = (tmp_path / "plain").stat().st_mode
    assert loss.save(tmp_path / "loss.safetensors").stat().st_mode == mode


def test_a_pipe_is_rejected_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LossFileError, match="is no file"):
        LearnedLoss.load(tmp_path / "pipe")


def test_what_is_rejected_does_not_stay_open(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").write_bytes(b"hello")
    before = len(os.listdir("/proc/self/fd"))
    for name in ("folder", "pipe", "text", "missing"):
        with pytest.raises(LossFileError):
            LearnedLoss.load(tmp_path / name)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_name_with_a_nul_is_rejected():
    with pytest.raises(LossFileError, match="cannot read"):
        LearnedLoss.load("a\0b")
