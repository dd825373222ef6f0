"""The thread that writes a bag: a slow disk never holds up the callbacks of a node."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from pathlib import Path
from typing import NamedTuple

from ml3_ros.bridges.bag_writer import BagWriter, Storage
from ml3_ros.errors import DataError

QUEUE_LENGTH = 20_000  # messages that may wait for the disk
FLUSH_S = 1.0  # what is older survives a killed process


class _Message(NamedTuple):
    topic: str
    msgtype: str
    stamp_ns: int
    raw: bytes


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
        self._queue: queue.Queue[_Message | None] = queue.Queue(QUEUE_LENGTH)
        self._opened = threading.Event()
        # not a daemon: a bag that is not closed lacks its index
        self._thread = threading.Thread(target=self._run, name="bag writer")
        self._thread.start()
        self._opened.wait()
        if self.error is not None:
            self._thread.join()
            raise self.error

    @property
    def waiting(self) -> int:
        """Messages that have not been written yet."""
        return self._queue.qsize()

    def offer(self, topic: str, msgtype: str, stamp_ns: int, raw: bytes) -> bool:
        """Queue a message; return False if it is lost."""
        if self.error is not None:
            return False
        try:
            self._queue.put_nowait(_Message(topic, msgtype, stamp_ns, raw))
        except queue.Full:
            return False
        return True

    def close(self) -> None:
        """Write what is waiting and close the bag; `error` tells if that failed."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        # the bag is opened, written and closed here: SQLite wants one thread
        try:
            writer = BagWriter(self.path, self._storage)
        except DataError as error:
            self.error = error
            return
        finally:
            self._opened.set()
        try:
            self._write_until_closed(writer)
        except DataError as error:
            self.error = error
            with contextlib.suppress(DataError):  # the first error says enough
                writer.close()
            while self._queue.get() is not None:
                pass  # `close` must not wait for room in the queue
            return
        try:
            writer.close()
        except DataError as error:
            self.error = error

    def _write_until_closed(self, writer: BagWriter) -> None:
        flushed = time.monotonic()
        while True:
            try:
                message = self._queue.get(timeout=FLUSH_S)
            except queue.Empty:
                if not threading.main_thread().is_alive():  # the program ended without `close`
                    return
                writer.flush()
                continue
            if message is None:
                return
            writer.add_topic(message.topic, message.msgtype)
            writer.write(message.topic, message.stamp_ns, message.raw)
            self.written += 1
            if time.monotonic() - flushed > FLUSH_S:
                writer.flush()
                flushed = time.monotonic()
