# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files of a rosbag2 recording: found, opened and read, with every failure a DataError."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader
from rosbags.rosbag2.storage_mcap import DECOMPRESSORS

from ml3_ros.data.bags.unfinished_mcap import UnfinishedMcap, is_unfinished
from ml3_ros.errors import DataError
from ml3_ros.files import user_path

JOINT_STATE = "sensor_msgs/msg/JointState"
STORAGE_SUFFIXES = (".db3", ".mcap")
PACKED = ".zstd"  # behind the suffix of a file that is compressed as a whole
_ZSTD = b"\x28\xb5\x2f\xfd"  # begins what is compressed; no CDR does


def storages(path: Path, notes: list[str] | None = None) -> list[Path]:
    """Return what must be opened for the bag at `path`: itself, or the files of a folder.

    These are read one by one where there is no metadata.yaml, or where it does not fit them:
    `notes` then gets a sentence.
    """
    if not path.exists():
        raise DataError(f"there is no bag at {path}: check the path")
    if path.suffix == ".bag":
        raise DataError(f"{path} is a ROS 1 bag: convert it with `rosbags-convert` first")
    files = [path]
    if path.is_dir():
        files = sorted(filter(_is_storage, path.iterdir()), key=_split_order)
        if not files and not (path / "metadata.yaml").exists():
            raise DataError(
                f"folder {path} is no bag: it has neither metadata.yaml nor a .db3 or .mcap file"
            )
    elif not _is_storage(path):
        raise DataError(f"{path} is no rosbag2 file: give a bag folder, a .db3 or a .mcap")
    for file in files:
        log = file.with_name(file.name + "-wal")
        if log.exists() and log.stat().st_size:
            raise DataError(
                f"{file} was not closed and part of it is still in {log.name}: merge it with "
                f"`sqlite3 {file} 'PRAGMA wal_checkpoint(TRUNCATE)'`"
            )
    if not (path / "metadata.yaml").exists():
        return files
    reason = _misfit(path, files)
    if not reason:
        return [path]
    if notes is not None:
        notes.append(f"metadata.yaml does not fit the bag and is left aside ({reason})")
    return files


def _is_storage(file: Path) -> bool:
    """Return whether a file's name is that of a storage, compressed or not."""
    return file.name.removesuffix(PACKED).endswith(STORAGE_SUFFIXES)


def _misfit(path: Path, files: list[Path]) -> str:
    """Return why the folder of a bag cannot be read by its metadata.yaml, "" if it can.

    A recorder that was killed leaves one that names no topics yet.
    """
    if not files:
        return ""
    try:
        with Reader(path) as reader:
            return "" if reader.connections else "it names no topics"
    except PermissionError:
        return ""
    except Exception as error:  # see `Opened`
        return " ".join(str(error).split()) or type(error).__name__


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
        self._unpacked = ExitStack()  # the folder of a file that was compressed

    def __enter__(self) -> Reader | UnfinishedMcap:
        try:
            file = self._unpack() if self._path.suffix == PACKED else self._path
            unfinished = file.suffix == ".mcap" and is_unfinished(file)
            self._reader = UnfinishedMcap(file) if unfinished else Reader(file)
            self._reader.open()
        except DataError:
            self._unpacked.close()
            raise
        except Exception as error:
            self._unpacked.close()
            raise damaged(self._path, error) from error
        return self._reader

    def _unpack(self) -> Path:
        folder = self._unpacked.enter_context(TemporaryDirectory())
        file = user_path(folder) / self._path.stem
        file.write_bytes(_unpacked(self._path.read_bytes()))
        return file

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._reader.close()
        self._unpacked.close()
        if isinstance(error, Exception) and not isinstance(error, DataError):
            raise damaged(self._path, error) from error


def damaged(path: Path, error: Exception) -> DataError:
    """Return the DataError for a bag that cannot be read."""
    if isinstance(error, PermissionError):
        return DataError(f"{path} may not be read ({error.strerror}): change its permissions")
    tool = {".db3": "`sqlite3 FILE .recover`", ".mcap": "`mcap recover FILE`"}.get(path.suffix)
    cure = "copy it again"
    if tool:
        cure += f", or save what is left with {tool}"
    return DataError(f"{path} is damaged or no bag ({error}): {cure}")


def joint_state_messages(
    path: Path, topic: str, notes: list[str]
) -> Iterator[tuple[Connection, int, bytes]]:
    """Yield (connection, time of reception [ns], CDR bytes) of the joint states on `topic`.

    `notes` gets a sentence where metadata.yaml does not fit, and about each file that was never
    closed, and what of it is left out.
    """
    for file in storages(path, notes):
        with Opened(file) as reader:
            if isinstance(reader, UnfinishedMcap):
                lost = f": its last {reader.cut} bytes are cut short and left out"
                notes.append(f"{file.name} was never closed{lost if reader.cut else ''}")
            connections = [
                c for c in reader.connections if c.topic == topic and c.msgtype == JOINT_STATE
            ]
            if connections:
                for connection, log_ns, raw in reader.messages(connections=connections):
                    packed = raw[: len(_ZSTD)] == _ZSTD
                    yield connection, log_ns, _unpacked(raw) if packed else raw


def _unpacked(content: bytes) -> bytes:
    return DECOMPRESSORS["zstd"](content, 0)  # it knows its size itself
