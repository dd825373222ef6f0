# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Awaited answer of a controller: lets an emulated robot's time wait for a busy machine."""

from __future__ import annotations


class AwaitedAnswer:
    """Tells whether a controller still has time to answer the joint states that it was given.

    The time begins with the first state that is not answered, and anew with every answer. So
    nobody waits twice for a controller that has ended. Stamps are in ns, times in s.
    """

    def __init__(self, patience: float) -> None:
        """Begin without a question; `patience` 0: never wait."""
        self._patience = patience
        self._asked, self._answered, self._since = 0, 0, 0.0

    def ask(self, stamp: int, now: float) -> None:
        """Note that the controller was given a state."""
        if self._answered >= self._asked:
            self._since = now
        self._asked = stamp

    def answer(self, stamp: int, now: float) -> None:
        """Note the answer to a state."""
        self._answered, self._since = stamp, now

    def due(self, now: float) -> bool:
        """Return whether an answer is missing for which there is still time."""
        return self._answered < self._asked and now - self._since < self._patience
