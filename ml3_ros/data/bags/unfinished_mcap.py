# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reader of MCAP files that lack their end, as a killed recorder or a full disk leaves them.

Reads record after record from the beginning, chunks likewise, and stops at the first that is torn.
Format: https://mcap.dev/spec. For whole files use the rosbags library, which needs their index.
"""

from __future__ import annotations

import os
import struct
from binascii import crc32
from collections import Counter
from collections.abc import Collection, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.rosbag2.storage_mcap import DECOMPRESSORS

from ml3_ros.errors import DataError

MAGIC = b"\x89MCAP0\r\n"  # begins a file, and ends one that was closed
SCHEMA, CHANNEL, MESSAGE, CHUNK, DATA_END = 0x03, 0x04, 0x05, 0x06, 0x0F
_HEAD = struct.Struct("<BQ")  # opcode and length of a record
_MESSAGE = struct.Struct("<HIQQ")  # channel, sequence, log time, publish time [ns]
_CHUNK = struct.Struct("<QQQI")  # first and last log time [ns], size, CRC of the records


def is_unfinished(path: Path) -> bool:
    """Return whether the file at `path` begins as MCAP and does not end as such a file."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return False
        size = file.seek(0, os.SEEK_END)
        file.seek(max(len(MAGIC), size - len(MAGIC)))
        return file.read() != MAGIC


class _Torn(Exception):
    """A record is cut short, or holds what none can hold."""


class _Message(NamedTuple):
    channel: int
    log_ns: int
    raw: bytes


class UnfinishedMcap:
    """An MCAP file without its end, read as a rosbags Reader is: in the order of the file.

    Attributes:
        connections: Topics of the whole records, with the number of their messages.
        cut: Bytes at the end that belong to no whole record, and are left out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO
        self._size = 0  # what a recorder that still runs appends is not read
        self._whole = 0  # bytes up to the end of the last whole record
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, Connection] = {}
        self.connections: list[Connection] = []
        self.cut = 0

    def open(self) -> None:
        """Find out what the file holds.

        Raises:
            DataError: No topic is in the whole records.
        """
        self._file = self._path.open("rb")
        self._size = self._file.seek(0, os.SEEK_END)
        counts = Counter(message.channel for message in self._scan())
        if not self._channels:
            self.close()
            raise DataError(
                f"{self._path} was never closed and holds no whole message: record it again"
            )
        self.connections = [c._replace(msgcount=counts[c.id]) for c in self._channels.values()]
        self.cut = self._size - self._whole

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def messages(
        self, connections: Collection[Connection] = ()
    ) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield (connection, time of reception [ns], CDR bytes); without connections: of all."""
        wanted = {c.id: c for c in connections or self.connections}
        for channel, log_ns, raw in self._scan():
            if channel in wanted:
                yield wanted[channel], log_ns, raw

    def _scan(self) -> Iterator[_Message]:
        """Yield messages of whole records, and note topics and where the whole records end."""
        self._file.seek(len(MAGIC))
        self._whole = len(MAGIC)
        try:
            for opcode, content in _records(self._file, self._size):
                if opcode == DATA_END:  # of what follows, the index, nothing is needed
                    self._whole = self._size
                    return
                if opcode == CHUNK:
                    yield from self._chunk(content)
                else:
                    yield from self._record(opcode, content)
                self._whole = self._file.tell()
        except _Torn:
            return

    def _chunk(self, content: bytes) -> Iterator[_Message]:
        records, start = _unpacked(content)
        stream, begin = BytesIO(records), self._file.tell() - len(content)
        for opcode, inner in _records(stream, len(records)):
            yield from self._record(opcode, inner)
            if start is not None:  # else they have no place of their own in the file
                self._whole = begin + start + stream.tell()

    def _record(self, opcode: int, content: bytes) -> Iterator[_Message]:
        try:
            if opcode == MESSAGE:
                channel, _, log_ns, _ = _MESSAGE.unpack_from(content)
                if channel not in self._channels:
                    raise _Torn
                yield _Message(channel, log_ns, content[_MESSAGE.size :])
            elif opcode == SCHEMA:
                (number,) = struct.unpack_from("<H", content)
                self._schemas[number], _ = _string(content, 2)
            elif opcode == CHANNEL:
                self._add_channel(content)
        except (struct.error, UnicodeDecodeError) as error:
            raise _Torn from error

    def _add_channel(self, content: bytes) -> None:
        number, schema = struct.unpack_from("<HH", content)
        topic, end = _string(content, 4)
        encoding, _ = _string(content, end)
        self._channels.setdefault(
            number,
            Connection(
                id=number,
                topic=topic,
                msgtype=self._schemas.get(schema, ""),
                msgdef=MessageDefinition(MessageDefinitionFormat.NONE, ""),
                digest="",
                msgcount=0,
                ext=ConnectionExtRosbag2(encoding, []),
                owner=self,
            ),
        )


def _records(stream: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield (opcode, content) up to `end` [bytes]; of a chunk also if its content is cut short.

    Raises:
        _Torn: A record is cut short.
    """
    while (at := stream.tell()) < end:
        head = stream.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise _Torn
        opcode, length = _HEAD.unpack(head)
        left = end - at - _HEAD.size
        if not opcode:  # zeros, as a crash of the machine can leave them
            raise _Torn
        if length <= left:
            yield opcode, stream.read(length)
            continue
        if opcode == CHUNK:
            yield opcode, stream.read(left)
        raise _Torn


def _unpacked(content: bytes) -> tuple[bytes, int | None]:
    """Return the records of a chunk, and where in its content they lie: None if compressed.

    Raises:
        _Torn: The chunk is damaged, or cut short and compressed.
    """
    try:
        _, _, size, crc = _CHUNK.unpack_from(content)
        compression, at = _string(content, _CHUNK.size)
        (length,) = struct.unpack_from("<Q", content, at)
        packed = content[at + 8 : at + 8 + length]
        if not compression and len(packed) < length:
            return packed, at + 8
        records = DECOMPRESSORS[compression](packed, size)
    except Exception as error:  # decompressors raise errors of their own
        raise _Torn from error
    if len(records) != size or (crc and crc32(records) != crc):
        raise _Torn
    return records, None if compression else at + 8


def _string(content: bytes, at: int) -> tuple[str, int]:
    """Return the string that begins at `at`, and where it ends."""
    (length,) = struct.unpack_from("<I", content, at)
    at += 4
    if length > len(content) - at:
        raise _Torn
    return content[at : at + length].decode(), at + length
