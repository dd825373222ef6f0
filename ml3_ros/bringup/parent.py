# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Bond of a process to its parent: ends it with the parent, by a signal of the kernel (Linux).

Whatever ends the process that started a node (SIGKILL, a closed terminal), the node gets SIGTERM
and ends in good order: nothing goes on moving an arm that nobody watches.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PARENT = "ML3_ROS_PARENT"  # environment variable: process id of the parent to end with
_PR_SET_PDEATHSIG = 1


def linker(parent: int) -> Callable[[], bool]:
    """Return a function that makes its caller end with `parent`; it returns False if that is gone.

    Libraries are loaded now: after a fork, before the program starts, nothing may be loaded.
    """
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def link() -> bool:
        if prctl is None:
            return True
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        return os.getppid() == parent

    return link


def parent_lives() -> bool:
    """Return whether the process that PARENT names still runs, and end this one with it.

    True where there is no such variable.
    """
    return PARENT not in os.environ or linker(int(os.environ[PARENT]))()
