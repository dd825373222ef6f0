# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Large blocks that a process frees go back to the system once that is set."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, calls glibc")

RETURNED = """
import numpy as np
from pathlib import Path
from ml3_ros.core.engine import process

if {fixed}:
    process.return_large_blocks()

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

large = np.ones(2**19)
del large  # from here on glibc takes blocks of 4 MiB for small ones
blocks, between = [], []  # a heap cannot shrink below what is still used
for _ in range(50):
    blocks.append(np.ones(2**18))
    between.append(np.ones(2**13))
full = resident()
del blocks
print(full - resident())
"""


def returned(fixed: bool) -> float:
    """Return how much of 100 MiB a process gives back when it frees them [MiB]."""
    code = RETURNED.format(fixed=fixed)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_large_blocks_go_back_when_they_are_freed():
    assert returned(fixed=True) > 90.0


def test_by_default_they_do_not():
    assert returned(fixed=False) < 50.0
