# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The rig of a bench: nodes as processes of their own, and the bench's own node among them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from faults.rig.bench_node import BenchNode
from faults.rig.processes import Processes, RunningProcess, node
from faults.rig.waiting import BenchError, until

START_S = 120.0  # within this a node is active on a busy machine
BENCH_NICE = -15  # before other work: the bench does little, and what it misses is not measured
COUNTED, SLOW_DISK = "faults.rig.counted", "faults.rig.slow_disk"
SAWYER_MESSAGES = "ml3_sawyer_test_msgs"


class Rig:
    """Starts and ends nodes, and talks to them; leaving the context ends all of it."""

    def __init__(
        self,
        folder: Path,
        *,
        environ: Mapping[str, str] | None = None,
        nice: Mapping[str, int] | None = None,
    ) -> None:
        """Begin without nodes.

        Args:
            folder: Of logs and of what nodes write.
            environ: Variables of the nodes beside those that `ml3 up` sets.
            nice: Nice values of nodes by name, 0 for all others, while the bench itself runs
                before them, where that is allowed; if left out, all run as the bench does.
        """
        self.folder, self._nice = folder, os.getpriority(os.PRIO_PROCESS, 0)
        folder.mkdir(parents=True, exist_ok=True)
        if nice is not None:
            self._set_priority(BENCH_NICE)
        self.processes = Processes(folder, environ, nice)
        self.bench = BenchNode()

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *exception: object) -> None:
        self.processes.__exit__(*exception)
        self._set_priority(self._nice)
        self.bench.__exit__(*exception)

    def start(
        self, executable: str, runner: str = COUNTED, /, **parameters: object
    ) -> RunningProcess:
        """Start a node by a runner that counts its messages, and wait until it is active.

        Raises:
            BenchError: It does not become active.
        """
        running = self.start_inactive(executable, runner, **parameters)
        if not until(lambda: self.bench.is_active(executable), START_S):
            raise BenchError(f"{executable} did not start:\n{running.output()[-2000:]}")
        return running

    def start_inactive(
        self, executable: str, runner: str = COUNTED, /, **parameters: object
    ) -> RunningProcess:
        """Start a node by a runner that counts its messages."""
        self.bench.forget_diagnostics(executable)
        return self.processes.start(node(executable, **parameters), runner)

    def stop(self, *names: str) -> None:
        """End nodes."""
        for name in names:
            self.processes.stop(name)

    def _set_priority(self, nice: int) -> None:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, nice)
