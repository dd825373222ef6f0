# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Client of a system for Python programs: starts runs, follows them, swaps losses, reads results.

    with Client() as client:
        run = client.start("reacher_invdyn", duration=10.0, out="out/mine")
        while not run.wait(1.0):
            print({name: status.nmse_mean for name, status in client.statuses().items()})
        print(run.results()["headline"])

Use it where a program of yours decides what to run next. A system that somebody else has started
is followed in the same way, without `start`. Any thread may call a client or a run at any time.
"""

from ml3_ros.client.client import Client
from ml3_ros.client.run import Run, RunError

__all__ = ["Client", "Run", "RunError"]
