# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of the recorder: what it received before is readable, apart from the last second."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from faults.rig.bench_node import Topic
from faults.rig.processes import Processes
from faults.rig.recoveries import Recoveries, spread
from faults.rig.result import Row
from faults.rig.waiting import require
from ml3_ros.bringup.description import Process
from ml3_ros.data.bags.reader import read_joint_states
from ml3_ros.data.bags.thread import FLUSH_S
from ml3_ros.errors import DataError
from ml3_ros.nodes.messages.joint_states import nanoseconds

LAST_S = 6.0  # of a recording that nobody kills
LATE_S = 0.3  # from a message to its commit, beside the wait for it


def kill_recorder(
    processes: Processes, count: int, rng: np.random.Generator, process: Process, states: Topic
) -> list[Row]:
    """Kill the recorder, and read what each killed one has written."""
    recoveries, holes, tails, unreadable = Recoveries(), 0, [], []
    out = processes.folder / "out"
    known: set[Path] = set()
    for _ in range(count):
        require(lambda: set(out.glob("bag*")) - known, "a new bag")
        (bag,) = set(out.glob("bag*")) - known
        known.add(bag)
        time.sleep(rng.uniform(2.0, 4.0))
        at = processes.kill(process.name)
        received = [nanoseconds(msg.header.stamp) for t, msg in states.since(at - 10.0) if t < at]
        try:
            recording = read_joint_states(bag, "joint_states")
        except DataError as error:
            unreadable.append(str(error))
        else:
            written = recording.start_ns + np.round(recording.t * 1e9).astype(np.int64)
            due = [stamp for stamp in received if written[0] <= stamp <= written[-1]]
            holes += len(set(due) - set(written.tolist()))
            tails.append(float(received[-1] - written[-1]) * 1e-9)
        processes.start(process)
        recoveries.wait(lambda: set(out.glob("bag*")) - known, at)
    time.sleep(LAST_S)
    (last,) = set(out.glob("bag*")) - known
    processes.stop(process.name)
    complete = (last / "metadata.yaml").exists()
    return [
        recoveries.row("recorder: a new bag is begun"),
        Row(
            "recorder: bags of killed recorders that can be read",
            f"{count - len(unreadable)} of {count}{'; ' if unreadable else ''}"
            + "; ".join(sorted(set(unreadable))[:2]),
            "all",
            not unreadable,
        ),
        Row(
            "recorder: joint states missing before the last one kept", str(holes), "0", holes == 0
        ),
        Row(
            "recorder: what the kill took, of the arm's time",
            spread(tails, "s"),
            f"the last {FLUSH_S:g} s",
            max(tails, default=np.inf) <= FLUSH_S + LATE_S,
        ),
        Row(
            "recorder: the bag of one that was ended by SIGINT",
            "closed" if complete else "not closed",
            "closed",
            complete,
        ),
    ]
