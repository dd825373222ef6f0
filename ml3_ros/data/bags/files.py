# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files of a rosbag2 recording: found, opened and read, with every failure a DataError."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader

from ml3_ros.errors import DataError

JOINT_STATE = "sensor_msgs/msg/JointState"
STORAGE_SUFFIXES = (".db3", ".mcap")


def storages(path: Path) -> list[Path]:
    """Return what must be opened for the bag at `path`: itself, or the files of a bare folder."""
    if not path.exists():
        raise DataError(f"there is no bag at {path}: check the path")
    if path.suffix == ".bag":
        raise DataError(f"{path} is a ROS 1 bag: convert it with `rosbags-convert` first")
    files = [path]
    if path.is_dir():
        files = sorted(
            (file for file in path.iterdir() if file.suffix in STORAGE_SUFFIXES), key=_split_order
        )
        if not files and not (path / "metadata.yaml").exists():
            raise DataError(
                f"folder {path} is no bag: it has neither metadata.yaml nor a .db3 or .mcap file"
            )
    elif path.suffix not in STORAGE_SUFFIXES:
        raise DataError(f"{path} is no rosbag2 file: give a bag folder, a .db3 or a .mcap")
    for file in files:
        log = file.with_name(file.name + "-wal")
        if log.exists() and log.stat().st_size:
            raise DataError(
                f"{file} was not closed and part of it is still in {log.name}: merge it with "
                f"`sqlite3 {file} 'PRAGMA wal_checkpoint(TRUNCATE)'`"
            )
    return [path] if (path / "metadata.yaml").exists() else files


def _split_order(file: Path) -> list[tuple[bool, int, str]]:
    """Sort bag_2 before bag_10."""
    return [
        (part.isdigit(), int(part or 0) if part.isdigit() else 0, part)
        for part in re.split(r"(\d+)", file.name)
    ]


class Opened:
    """An open rosbags Reader whose every failure is a DataError.

    A damaged file can make the parsers raise nearly anything (struct.error, IndexError,
    UnicodeDecodeError, AssertionError ...), hence the broad handler.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: Reader

    def __enter__(self) -> Reader:
        try:
            self._reader = Reader(self._path)
            self._reader.open()
        except Exception as error:
            raise damaged(self._path, error) from error
        return self._reader

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._reader.close()
        if isinstance(error, Exception) and not isinstance(error, DataError):
            raise damaged(self._path, error) from error


def damaged(path: Path, error: Exception) -> DataError:
    """Return the DataError for a bag that cannot be read."""
    if isinstance(error, PermissionError):
        return DataError(f"{path} may not be read ({error.strerror}): change its permissions")
    cure = {".db3": "`sqlite3 FILE .recover`", ".mcap": "`mcap recover FILE`"}.get(path.suffix)
    cure = f"copy it again, or save what is left with {cure}" if cure else "copy it again"
    return DataError(f"{path} is damaged or no bag ({error}): {cure}")


def joint_state_messages(path: Path, topic: str) -> Iterator[tuple[Connection, int, bytes]]:
    """Yield (connection, time of reception [ns], CDR bytes) of the joint states on `topic`."""
    for file in storages(path):
        with Opened(file) as reader:
            connections = [
                c for c in reader.connections if c.topic == topic and c.msgtype == JOINT_STATE
            ]
            if connections:
                yield from reader.messages(connections=connections)
