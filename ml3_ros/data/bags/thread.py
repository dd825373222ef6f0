# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Thread that writes a bag, so that a slow disk never holds up the callbacks of a node."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from pathlib import Path
from typing import NamedTuple

from rosbags.interfaces import Qos

from ml3_ros.data.bags.writer import BagWriter, Storage
from ml3_ros.errors import DataError

QUEUE_LENGTH = 20_000  # messages that may wait for the disk
FLUSH_S = 1.0  # what is older survives a killed process
PATIENCE_S = 30.0  # without a message written, after which the disk is given up


class _Message(NamedTuple):
    topic: str
    msgtype: str
    stamp_ns: int
    raw: bytes
    qos: tuple[Qos, ...]


class BagThread:
    """Writes what it is offered into a new bag until it is closed.

    Attributes:
        path: Folder of the bag.
        written: Messages in it.
        error: Why nothing more is written, or None.
    """

    def __init__(self, path: Path, storage: Storage) -> None:
        """Open the bag.

        Raises:
            DataError: The bag cannot be made.
        """
        self.path = path
        self.written = 0
        self.error: DataError | None = None
        self._storage = storage
        self._accepted = 0
        self._queue: queue.Queue[_Message | None] = queue.Queue(QUEUE_LENGTH)
        self._opened, self._closing = threading.Event(), threading.Event()
        # not a daemon: a bag that is not closed lacks its index
        self._thread = threading.Thread(target=self._run, name="bag writer")
        self._thread.start()
        if not self._opened.wait(PATIENCE_S):
            self._give_up()
        if self.error is not None:
            raise self.error

    @property
    def waiting(self) -> int:
        """Messages that have not been written yet."""
        return self._queue.qsize()

    @property
    def lost(self) -> int:
        """Messages that were queued and will not be written any more, because of an error."""
        return self._accepted - self.written if self.error is not None else 0

    def offer(
        self, topic: str, msgtype: str, stamp_ns: int, raw: bytes, qos: tuple[Qos, ...] = ()
    ) -> bool:
        """Queue a message; return False if it is lost.

        Args:
            topic: Name of the topic.
            msgtype: Its type, as "package/msg/Name".
            stamp_ns: Time of reception [ns since the epoch].
            raw: The message as it travels.
            qos: What the topic's publishers offer; that of its first message counts.
        """
        if self.error is not None or self._closing.is_set():
            return False
        try:
            self._queue.put_nowait(_Message(topic, msgtype, stamp_ns, raw, qos))
        except queue.Full:
            return False
        self._accepted += 1
        return True

    def close(self) -> None:
        """Write what is waiting and close the bag; `error` tells if that failed.

        It takes as long as the disk needs, but a disk that does nothing is given up.
        """
        self._closing.set()
        with contextlib.suppress(queue.Full):  # then the thread need not be woken
            self._queue.put_nowait(None)
        while self._thread.is_alive():
            before = self.written
            self._thread.join(PATIENCE_S)
            if self._thread.is_alive() and self.written == before:
                self._give_up()
                return

    def _give_up(self) -> None:
        self._closing.set()  # if the disk ever answers, the thread ends
        error = f"cannot record to {self.path}: the disk has done nothing for {PATIENCE_S:g} s"
        self._fail(DataError(f"{error}; look at it, or choose another folder"))

    def _fail(self, error: Exception) -> None:
        """Keep the first error, as a sentence, with what nobody expected as its cause."""
        if self.error is not None:
            return
        if not isinstance(error, DataError):
            unexpected = error
            error = DataError(
                f"cannot record to {self.path} ({type(error).__name__}: {error}): begin a new "
                "recording"
            )
            error.__cause__ = unexpected
        self.error = error

    def _run(self) -> None:
        # the bag is opened, written and closed here: SQLite needs one thread
        try:
            writer = BagWriter(self.path, self._storage)
        except Exception as error:
            self._fail(error)
            return
        finally:
            self._opened.set()
        for action in (self._write_until_closed, BagWriter.close):
            try:
                action(writer)
            except Exception as error:
                self._fail(error)

    def _write_until_closed(self, writer: BagWriter) -> None:
        due = time.monotonic() + FLUSH_S
        while self.error is None:
            try:
                message = self._queue.get(timeout=max(0.0, due - time.monotonic()))
            except queue.Empty:
                # a program may end without `close`
                if self._closing.is_set() or not threading.main_thread().is_alive():
                    return
            else:
                if message is None:
                    return
                writer.add_topic(message.topic, message.msgtype, message.qos)
                writer.write(message.topic, message.stamp_ns, message.raw)
                self.written += 1
            if time.monotonic() >= due:
                writer.flush()
                due = time.monotonic() + FLUSH_S
