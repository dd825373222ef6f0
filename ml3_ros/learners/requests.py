# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Requests to a thread from outside: every one is answered, also when the thread has ended."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ml3_ros.errors import DataError

ANSWER_S = 10.0  # a thread that takes longer over one piece of work hangs

Function = Callable[[], Any]


class Requests:
    """A queue of functions that a thread runs between two pieces of its own work."""

    def __init__(self) -> None:
        """Start without requests."""
        self._waiting: queue.SimpleQueue[tuple[Function, Future[Any]]] = queue.SimpleQueue()
        self._door = threading.Lock()  # none comes in after the last ones were answered
        self._over = ""

    def request(self, function: Function) -> Any:
        """Let the thread run `function` and return its result; called by others.

        Raises:
            Exception: What the function raised.
            DataError: The thread has ended, or hangs.
        """
        answer: Future[Any] = Future()
        with self._door:
            if self._over:
                raise DataError(self._over)
            self._waiting.put((function, answer))
        try:
            return answer.result(ANSWER_S)
        except TimeoutError:
            if answer.done():  # at the last moment, or it was the function that raised this
                return answer.result()
            answer.cancel()
            reason = f"the learner has not answered for {ANSWER_S:g} s: try again"
            raise DataError(reason) from None

    def answer(self) -> None:
        """Serve all requests; called by the thread."""
        while not self._waiting.empty():
            function, answer = self._waiting.get()
            if not answer.set_running_or_notify_cancel():  # the caller has given up
                continue
            try:
                answer.set_result(function())
            except Exception as error:
                answer.set_exception(error)

    def close(self, reason: str) -> None:
        """Reject what waits and whatever comes: the last that the thread does."""
        with self._door:
            self._over = reason
        while not self._waiting.empty():
            _, answer = self._waiting.get()
            if answer.set_running_or_notify_cancel():
                answer.set_exception(DataError(reason))
