# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Thinning of a stream: tells which of its messages go on, so that their rate is another."""

from __future__ import annotations

from ml3_ros.nodes.messages.joint_states import NANO


class Thinning:
    """Picks messages by their stamps, evenly, whatever their own rate."""

    def __init__(self) -> None:
        """Begin with the next message."""
        self._due = 0  # stamp from which the next one is picked [ns]

    def picks(self, stamp: int, rate: float) -> bool:
        """Return whether the message stamped `stamp` [ns] goes on, at `rate` [Hz]."""
        step = round(NANO / rate)
        if 0 < self._due - stamp <= step:
            return False
        # where more is missing the sender's clock was set back
        self._due = stamp + step if stamp < self._due else max(self._due + step, stamp)
        return True
