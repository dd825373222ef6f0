# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`python -m faults.rig.slow_disk MODULE ...`: a node whose disk takes its time.

Every `os.fsync` takes SYNC_S longer, every message of a bag WRITE_S; counted as in `counted`.
"""

from __future__ import annotations

import os
import runpy
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from ml3_ros.data.bags.writer import BagWriter

SYNC_S, WRITE_S = 1.0, 0.02


def slowed(function: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """Return a function that first waits."""

    def slow(*args: Any) -> Any:
        time.sleep(seconds)
        return function(*args)

    return slow


if __name__ == "__main__":
    with (
        patch.object(os, "fsync", slowed(os.fsync, SYNC_S)),
        patch.object(BagWriter, "write", slowed(BagWriter.write, WRITE_S)),
    ):
        runpy.run_module("faults.rig.counted", run_name="__main__", alter_sys=True)
