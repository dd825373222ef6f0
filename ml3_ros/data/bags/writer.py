# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Writer of rosbag2 folders (sqlite3 or MCAP): raw CDR messages, or joint states as arrays."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import sys
from pathlib import Path
from typing import Literal

from rosbags.interfaces import Connection, Nodetype
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from ml3_ros.data.bags.files import JOINT_STATE
from ml3_ros.data.bags.reader import JointRecording
from ml3_ros.errors import DataError

Storage = Literal["sqlite3", "mcap"]
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PLUGINS = {"sqlite3": StoragePlugin.SQLITE3, "mcap": StoragePlugin.MCAP}


class BagWriter:
    """A bag being written; use it from one thread, and `close` it, or it has no metadata.yaml.

    With sqlite3 everything up to the last `flush` survives a killed process: the file is then
    read without its metadata.yaml. An MCAP file that was not closed needs `mcap recover`.
    """

    def __init__(self, path: str | Path, storage: Storage = "sqlite3") -> None:
        self.path = Path(path)
        self._types = get_typestore(Stores.ROS2_KILTED)
        self._connections: dict[str, Connection] = {}
        if storage not in _PLUGINS:
            raise DataError(f"a bag is stored as sqlite3 or mcap, not as {storage}: choose one")
        try:
            self._writer = Writer(self.path, version=9, storage_plugin=_PLUGINS[storage])
            self._writer.open()
        except (OSError, sqlite3.Error, WriterError) as error:
            raise self._failed(error) from error

    def add_topic(self, topic: str, msgtype: str) -> None:
        """Announce `topic` of type "package/msg/Name"; a second time it is ignored.

        Raises:
            DataError: The message definition is not installed or damaged, or the disk is full.
        """
        if topic in self._connections:
            return
        _learn(self._types, msgtype)
        try:
            self._connections[topic] = self._writer.add_connection(
                topic, msgtype, typestore=self._types
            )
        except (OSError, sqlite3.Error, WriterError) as error:
            raise self._failed(error) from error

    def write(self, topic: str, stamp_ns: int, raw: bytes) -> None:
        """Append one serialized message, received at `stamp_ns` [ns since the epoch]."""
        try:
            self._writer.write(self._connections[topic], stamp_ns, raw)
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        connection = getattr(self._writer.storage, "conn", None)  # sqlite3 storage only
        try:
            if connection is not None:
                connection.commit()
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Write index and metadata.yaml; on a full disk keep what was flushed, and raise."""
        try:
            self._writer.close()
        except Exception as error:
            with contextlib.suppress(Exception):  # the first error is enough
                self._writer.abort()
            if isinstance(error, OSError | sqlite3.Error):
                raise self._failed(error) from error
            raise

    def _failed(self, error: Exception) -> DataError:
        if isinstance(error, WriterError):
            return DataError(f"cannot record to {self.path}: {error}; choose a new folder")
        full = getattr(error, "errno", None) in _FULL or "full" in str(error)
        cure = "free disk space" if full else "choose a folder that may be written"
        return DataError(f"cannot record to {self.path} ({error}): {cure}")


def write_joint_states(
    path: str | Path, recording: JointRecording, storage: Storage = "sqlite3"
) -> None:
    """Write joint states as a bag with one topic, which `read_joint_states` reads back.

    Args:
        path: Folder of the bag; it must not exist yet.
        recording: Samples, stamps and the topic's name.
        storage: Format of the file in the folder.

    Raises:
        DataError: The folder exists or cannot be written.
    """
    types = get_typestore(Stores.ROS2_KILTED)
    message, header, time = (
        types.types[name]
        for name in (JOINT_STATE, "std_msgs/msg/Header", "builtin_interfaces/msg/Time")
    )
    writer = BagWriter(path, storage)
    writer.add_topic(recording.topic, JOINT_STATE)
    names = list(recording.names)
    rows = zip(recording.t, recording.q, recording.v, recording.tau, strict=True)
    for t, q, v, tau in rows:
        stamp_ns = recording.start_ns + round(1e9 * t)
        stamp = time(*divmod(stamp_ns, 10**9))
        state = message(header(stamp, ""), names, q, v, tau)
        writer.write(recording.topic, stamp_ns, bytes(types.serialize_cdr(state, JOINT_STATE)))
    writer.close()


def require_definition(msgtype: str) -> None:
    """Make sure that messages of type "package/msg/Name" can be recorded.

    Raises:
        DataError: Its definition is not installed, or damaged.
    """
    _learn(get_typestore(Stores.ROS2_KILTED), msgtype)


def _learn(types: Typestore, msgtype: str) -> None:
    """Add `msgtype` and what it is made of to `types`, from the installed .msg files."""
    if msgtype in types.fielddefs:
        return
    package, _, name = msgtype.partition("/msg/")
    prefixes = filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep))
    for prefix in (*prefixes, sys.prefix):
        file = Path(prefix) / "share" / package / "msg" / f"{name}.msg"
        if file.is_file():
            break
    else:
        raise DataError(
            f"no definition of {msgtype} is installed: install package {package} or leave the "
            "topic out"
        )
    try:
        definitions = get_types_from_msg(file.read_text(encoding="utf-8"), msgtype)
    except (OSError, UnicodeDecodeError, TypesysError) as error:
        raise DataError(
            f"{file} cannot be read as the definition of {msgtype}: install package {package} "
            "anew or leave the topic out"
        ) from error
    for _, fields in definitions.values():
        for _, description in fields:
            # an array or sequence describes its elements in its place
            inner = description[1][0]
            element = inner if isinstance(inner, tuple) else description
            if element[0] == Nodetype.NAME:
                _learn(types, str(element[1]))
    types.register(definitions)
