# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Emulated controllers of ros2_control: what the hardware is commanded while one is active."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from ml3_ros.errors import MessageError
from ml3_ros.robots.base import Array


class EmulatedController(Protocol):
    """What moves the emulated arm while it is active; time [s] comes in as an argument."""

    def activate(self, q: Array, t: float) -> None:
        """Begin with the arm at q [rad], (n,)."""
        ...

    def effort(self, q: Array, v: Array, t: float) -> Array | None:
        """Return the efforts that are commanded [N m], (n,); None: nothing yet."""
        ...


class ForwardEffort:
    """A forward_command_controller of efforts: hands on what came last, whatever its age.

    Like the real one it has no watchdog of its own; with a `timeout` [s] efforts that are older
    count as zero, as behind hardware that has one. `timeout` 0: never.
    """

    def __init__(self, order: list[int], timeout: float) -> None:
        """Begin without a command; `order` tells where the arm's joints stand in commands."""
        self._order, self._n, self._timeout = order, len(order), timeout
        self._command: Array | None = None
        self._at = -math.inf

    def activate(self, q: Array, t: float) -> None:
        """Forget the commands before."""
        self._command, self._at = None, t

    def command(self, efforts: object, t: float) -> None:
        """Take efforts [N m], one for each joint in the controller's order.

        Raises:
            MessageError: There are more or fewer than joints; the last ones stay. What is not
                finite passes, as it does on the real one; hardware is what stops on it.
        """
        values = np.asarray(efforts, dtype=np.float64)
        if values.shape != (self._n,):
            raise MessageError(
                f"commands has {values.size} efforts for {self._n} joints: the message is "
                "skipped; send one for each joint in the order of the controller's joints"
            )
        self._command, self._at = values[self._order], t

    def effort(self, q: Array, v: Array, t: float) -> Array | None:
        """Return the efforts that are commanded [N m], (n,); None before the first."""
        if self._command is None:
            return None
        if 0.0 < self._timeout < t - self._at:
            return np.zeros(self._n)
        return self._command
