# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files of a rosbag2 recording: found, opened and read, with every failure a DataError."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader

from ml3_ros.data.bags.unfinished_mcap import UnfinishedMcap, is_unfinished
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
    """An open reader of a bag, or of an MCAP file without its end; every failure is a DataError.

    A damaged file can make the parsers raise nearly anything (struct.error, IndexError,
    UnicodeDecodeError, AssertionError ...), hence the broad handler.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: Reader | UnfinishedMcap

    def __enter__(self) -> Reader | UnfinishedMcap:
        try:
            unfinished = self._path.suffix == ".mcap" and is_unfinished(self._path)
            self._reader = UnfinishedMcap(self._path) if unfinished else Reader(self._path)
            self._reader.open()
        except DataError:
            raise
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
    tool = {".db3": "`sqlite3 FILE .recover`", ".mcap": "`mcap recover FILE`"}.get(path.suffix)
    cure = "copy it again"
    if path.is_dir() and any(is_unfinished(file) for file in path.glob("*.mcap")):
        cure += ", or move metadata.yaml out of the folder: what is whole is then read"
    elif tool:
        cure += f", or save what is left with {tool}"
    return DataError(f"{path} is damaged or no bag ({error}): {cure}")


def joint_state_messages(
    path: Path, topic: str, notes: list[str]
) -> Iterator[tuple[Connection, int, bytes]]:
    """Yield (connection, time of reception [ns], CDR bytes) of the joint states on `topic`.

    `notes` gets a sentence about each file that was never closed, and what of it is left out.
    """
    for file in storages(path):
        with Opened(file) as reader:
            if isinstance(reader, UnfinishedMcap):
                lost = f": its last {reader.cut} bytes are cut short and left out"
                notes.append(f"{file.name} was never closed{lost if reader.cut else ''}")
            connections = [
                c for c in reader.connections if c.topic == topic and c.msgtype == JOINT_STATE
            ]
            if connections:
                yield from reader.messages(connections=connections)
