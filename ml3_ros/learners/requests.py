"""Requests to a thread from outside: every one is answered, also when the thread has ended."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ml3_ros.errors import DataError

ANSWER_S = 10.0  # a thread that takes longer over one piece of work hangs

Request = Callable[[], Any]


class Requests:
    """A queue of what a thread shall do between two pieces of its own work."""

    def __init__(self) -> None:
        """Nobody has asked for anything."""
        self._waiting: queue.SimpleQueue[tuple[Request, Future[Any]]] = queue.SimpleQueue()
        self._door = threading.Lock()  # none comes in after the last ones were answered
        self._over = ""

    def ask(self, request: Request) -> Any:
        """Let the thread run `request` and return its result; called by others.

        Raises:
            Exception: What the request raised.
            DataError: The thread has ended, or hangs.
        """
        answer: Future[Any] = Future()
        with self._door:
            if self._over:
                raise DataError(self._over)
            self._waiting.put((request, answer))
        try:
            return answer.result(ANSWER_S)
        except TimeoutError:
            if answer.done():  # at the last moment, or it was the request that raised this
                return answer.result()
            answer.cancel()
            reason = f"the learner has not answered for {ANSWER_S:g} s: try again"
            raise DataError(reason) from None

    def answer(self) -> None:
        """Do what was asked for; called by the thread."""
        while not self._waiting.empty():
            request, answer = self._waiting.get()
            if not answer.set_running_or_notify_cancel():  # nobody waits for it any more
                continue
            try:
                answer.set_result(request())
            except Exception as error:
                answer.set_exception(error)

    def close(self, reason: str) -> None:
        """Refuse what waits and whatever comes: the last that the thread does."""
        with self._door:
            self._over = reason
        while not self._waiting.empty():
            _, answer = self._waiting.get()
            if answer.set_running_or_notify_cancel():
                answer.set_exception(DataError(reason))
