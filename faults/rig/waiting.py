# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Waits with a deadline: the only way in which a bench waits for nodes, files and processes."""

from __future__ import annotations

import time
from collections.abc import Callable

from ml3_ros.errors import Ml3Error

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.02  # between checks: the nodes need the machine more


class BenchError(Ml3Error):
    """A condition that a bench needs in order to go on has not come true in time."""


def until(
    condition: Callable[[], object], timeout_s: float, longest_pause_s: float = LONGEST_PAUSE_S
) -> bool:
    """Wait until `condition` is true; return whether that was within `timeout_s` [s].

    It is checked at once, after a millisecond, and then at growing intervals of at most
    `longest_pause_s` [s].
    """
    end, pause = time.monotonic() + timeout_s, FIRST_PAUSE_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(min(pause, longest_pause_s))
        pause = min(2.0 * pause, longest_pause_s)
    return True


def require(
    condition: Callable[[], object],
    what: str,
    timeout_s: float = 60.0,
    longest_pause_s: float = LONGEST_PAUSE_S,
) -> None:
    """Wait until `condition` is true; checked as by `until`.

    Raises:
        BenchError: It was not within `timeout_s` [s]; `what` names it.
    """
    if not until(condition, timeout_s, longest_pause_s):
        raise BenchError(f"{what}: not within {timeout_s:g} s")
