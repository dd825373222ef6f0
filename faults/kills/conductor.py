# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of the conductor under `ml3 up`, which then ends all nodes and is started again."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from faults.rig.processes import Processes, RunningProcess
from faults.rig.recoveries import Recoveries
from faults.rig.result import Row
from faults.rig.waiting import require

UP_WORDS = ("loss:=none", "duration:=600.0", "resume:=true", "policy_optimizer.sgd_lr:=0.0")
UP_TIMEOUT_S = 60.0


@dataclass(slots=True)
class _Runs:
    """What the runs of `ml3 up` have shown, whose conductors were killed."""

    codes: list[int | None] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)
    left: int = 0

    def rows(self, count: int) -> list[Row]:
        """Return the rows of the table."""
        ended = self.codes.count(1)
        rising = self.resumed == sorted(set(self.resumed))
        return [
            Row(
                "conductor: `ml3 up` ends with rc 1 and leaves no process",
                f"{ended} of {count}, {self.left} left",
                "every time, none",
                ended == count and self.left == 0,
            ),
            Row(
                "conductor: each new run resumes after more updates than the last",
                f"{len(self.resumed)} of {count} resumed, rising: {'yes' if rising else 'no'}",
                "every time",
                len(self.resumed) == count and rising,
            ),
        ]


def kill_conductor(processes: Processes, count: int, rng: np.random.Generator) -> list[Row]:
    """Kill the conductor under `ml3 up`, which ends the rest and is started again."""
    processes.kill_all()
    recoveries, runs = Recoveries(), _Runs()
    out = processes.folder / "up"
    argv = [sys.executable, "-m", "ml3_ros.cli.main", "up", "reacher_invdyn", f"out:={out}"]
    up = processes.start_command("up", [*argv, *UP_WORDS])
    require(partial(_learns, up), "a system that learns", UP_TIMEOUT_S)
    for _ in range(count):
        time.sleep(rng.uniform(0.2, 1.5))
        children = up.children()
        at = time.time()
        os.kill(children["conductor"], signal.SIGKILL)
        require(partial(_has_ended, up), "the end of ml3 up", 30.0)
        runs.codes.append(up.exit_code)
        runs.left += sum(Path(f"/proc/{pid}").exists() for pid in children.values())
        up = processes.start_command("up", [*argv, *UP_WORDS])
        recoveries.wait(partial(_learns, up), at, UP_TIMEOUT_S)
        runs.resumed += [int(n) for n in re.findall(r"resumed after (\d+)", up.output())]
    row = recoveries.row("conductor, under `ml3 up`: the system learns again", UP_TIMEOUT_S)
    return [row, *runs.rows(count)]


def _learns(up: RunningProcess) -> bool:
    return "learning, robot time" in up.output()


def _has_ended(up: RunningProcess) -> bool:
    return not up.alive
