# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Writer of rosbag2 folders (MCAP or sqlite3): raw CDR messages, or joint states as arrays."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rosbags.interfaces import Connection, Nodetype, Qos
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from ml3_ros.data.bags.files import JOINT_STATE
from ml3_ros.data.bags.qos import reliable
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import DataError
from ml3_ros.files import user_path

Storage = Literal["mcap", "sqlite3"]
LATEST_NS = 2**63 - 1  # rosbag2 counts nanoseconds in signed numbers of 64 bits
JOINT_STATES_QOS = reliable(5000)  # as the nodes publish joint_states
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PLUGINS = {"sqlite3": StoragePlugin.SQLITE3, "mcap": StoragePlugin.MCAP}


class BagWriter:
    """A bag being written; use it from one thread, and `close` it, or it has no metadata.yaml.

    Everything up to the last `flush` survives a killed process: `read_joint_states` reads the
    folder without metadata.yaml, and an MCAP file without its end.
    """

    def __init__(self, path: str | Path, storage: Storage = "mcap") -> None:
        self.path = user_path(path)
        self._types = get_typestore(Stores.ROS2_KILTED)
        self._connections: dict[str, Connection] = {}
        self._failure: DataError | None = None
        if storage not in _PLUGINS:
            raise DataError(f"a bag is stored as mcap or sqlite3, not as {storage}: choose one")
        try:
            self._writer = Writer(self.path, version=9, storage_plugin=_PLUGINS[storage])
            self._writer.open()
        except (OSError, sqlite3.Error, WriterError) as error:
            raise self._failed(error) from error
        self.flush()

    def add_topic(self, topic: str, msgtype: str, qos: Sequence[Qos] = ()) -> None:
        """Announce `topic` of type "package/msg/Name"; a second time it is ignored.

        Args:
            topic: Name of the topic.
            msgtype: Type of its messages.
            qos: What its publishers offer, with which `ros2 bag play` publishes it; without any
                reliable, and latched messages are played to those who are there in time only.

        Raises:
            DataError: The message definition is not installed or damaged, or the disk is full.
        """
        if topic in self._connections:
            return
        learn_definition(self._types, msgtype)
        try:
            self._connections[topic] = self._writer.add_connection(
                topic, msgtype, typestore=self._types, offered_qos_profiles=qos
            )
        except (OSError, sqlite3.Error, WriterError) as error:
            raise self._failed(error) from error

    def write(self, topic: str, stamp_ns: int, raw: bytes) -> None:
        """Append one serialized message, received at `stamp_ns` [ns since the epoch].

        Raises:
            DataError: The disk is full or fails, or no bag has room for the stamp.
        """
        if not 0 <= stamp_ns <= LATEST_NS:
            raise DataError(
                f"a message on {topic} came at {stamp_ns} ns, which is no time: set the clock to "
                "the time since 1970"
            )
        try:
            self._writer.write(self._connections[topic], stamp_ns, raw)
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        storage = self._writer.storage
        try:
            if isinstance(storage, McapWriter):
                if storage.chunk.msgs:
                    storage.close_chunk()
                storage.bio.flush()
            elif storage is not None:
                storage.conn.commit()  # type: ignore[attr-defined]
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Write index and metadata.yaml; on a full disk keep what was flushed, and raise."""
        storage = self._writer.storage
        try:
            if isinstance(storage, McapWriter):
                if self._failure is not None:  # in the file is a torn chunk: nothing may follow
                    raise self._failure
                if not storage.chunk.msgs:  # topics alone, whose time the format wants to be zero
                    storage.chunk.message_start_time = 0
            self._writer.close()
        except Exception as error:
            with contextlib.suppress(Exception):  # the first error is enough
                self._writer.abort()
            if isinstance(error, OSError | sqlite3.Error):
                raise self._failed(error) from error
            raise

    def _failed(self, error: Exception) -> DataError:
        """Return, and keep, the sentence for an error of the disk."""
        if isinstance(error, WriterError):
            return DataError(f"cannot record to {self.path}: {error}; choose a new folder")
        full = getattr(error, "errno", None) in _FULL or "full" in str(error)
        cure = "free disk space" if full else "choose a folder that may be written"
        self._failure = DataError(f"cannot record to {self.path} ({error}): {cure}")
        return self._failure


def write_joint_states(
    path: str | Path, recording: JointRecording, storage: Storage = "mcap"
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
    writer.add_topic(recording.topic, JOINT_STATE, [JOINT_STATES_QOS])
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
    learn_definition(get_typestore(Stores.ROS2_KILTED), msgtype)


def learn_definition(types: Typestore, msgtype: str) -> None:
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
                learn_definition(types, str(element[1]))
    types.register(definitions)
