# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What holds for every test process: one thread a library, and ROS 2 traffic of its own domain.

It is set before anything imports torch or rclpy, and the processes that tests start inherit it.
Property-based tests try the same examples in every run, however slow the machine is. A test that
leaves threads behind fails.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tqdm
from hypothesis import HealthCheck, settings

from ml3_ros.bringup.middleware import PROFILES, middleware

# Above the ids that people use, and below the ports that Linux gives to outgoing connections.
DOMAIN_IDS = range(215, 233)


def claim_domain_id() -> tuple[int, int]:
    """Return a ROS domain id that no other test process on this machine has, and its lock.

    The lock is a descriptor, which has to stay open as long as the id is used.
    """
    for domain_id in DOMAIN_IDS:
        path = Path(tempfile.gettempdir(), f"ml3_ros_test_domain_{domain_id}.lock")
        try:  # not through a link that somebody planted in a folder of all users
            lock = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return domain_id, lock
    raise RuntimeError(f"{len(DOMAIN_IDS)} test processes run already: wait for one to end.")


DOMAIN_ID, _LOCK = claim_domain_id()
os.environ["ROS_DOMAIN_ID"] = str(DOMAIN_ID)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
for variable in PROFILES:  # a worker of xdist inherits what this file has set in its parent
    os.environ.pop(variable, None)
os.environ.update(middleware(os.environ))  # nodes are tested with what `ml3 up` runs them with
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["MPLBACKEND"] = "Agg"  # no window from a figure

settings.register_profile(
    "ml3",
    derandomize=True,
    deadline=None,
    max_examples=100,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ml3")

tqdm.tqdm.monitor_interval = 0  # its thread would stay

LEAVING_S = 20.0  # a thread that was told to end may take this long on a busy machine


def running_threads() -> dict[int, str]:
    """Return the names of Python's threads and of those of DDS participants by id."""
    found = {thread.native_id or 0: thread.name for thread in threading.enumerate()}
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            name = (task / "comm").read_text().strip()
            if name.startswith("dds."):
                found.setdefault(int(task.name), name)
    return found


@pytest.fixture(autouse=True)
def leaves_no_thread() -> Iterator[None]:
    """Fail where a node, a client or a context of the test has not ended.

    It would go on beside all later tests, and what it does there would fail them now and then.
    """
    before = running_threads().keys()
    yield
    end = time.monotonic() + LEAVING_S
    while left := {i: name for i, name in running_threads().items() if i not in before}:
        assert time.monotonic() < end, f"the test leaves threads: {sorted(left.values())}"
        time.sleep(0.01)
