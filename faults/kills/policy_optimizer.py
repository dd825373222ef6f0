# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of policy_optimizer: it goes on from its checkpoint, and no sample before is lost."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import numpy as np

from faults.kills.checkpoint_writes import unfinished, wait_for_a_moment
from faults.rig.bench_node import BenchNode, Topic
from faults.rig.processes import Processes
from faults.rig.recoveries import Recoveries, spread
from faults.rig.result import Row
from faults.rig.waiting import require
from ml3_msgs.msg import Adaptation
from ml3_ros.bringup.description import Process
from ml3_ros.core.checkpoints import unpack
from ml3_ros.data.run_files import RunFolder


def kill_policy_optimizer(
    processes: Processes,
    count: int,
    rng: np.random.Generator,
    process: Process,
    bench: BenchNode,
) -> list[Row]:
    """Kill it while it learns; compare each checkpoint with the one before."""
    folder = RunFolder(processes.folder / "out")
    checkpoint = folder.checkpoint("online")
    adaptations = bench.record(Adaptation, "adaptation/adam_tuned")
    recoveries, lost, problems, litter = Recoveries(), [], [], 0
    processes.start(process)
    require(checkpoint.exists, "a first checkpoint")
    before = _Kept(checkpoint)
    for _ in range(count):
        wait_for_a_moment(checkpoint.parent, "online", rng)
        at = processes.kill(process.name)
        kept = _Kept(checkpoint)
        problems += kept.problems(before, folder)
        before = kept
        lost.append(max(max(_updates(adaptations, at - 5.0), default=0) - kept.n_steps, 0))
        processes.start(process)
        begun = time.time()
        recoveries.wait(partial(_beyond, kept.n_steps, adaptations, begun), at)
        first = min(_updates(adaptations, begun), default=kept.n_steps)
        if first < kept.n_steps:
            problems.append(f"update {first} after a checkpoint of {kept.n_steps}")
        litter += len(unfinished(checkpoint.parent, "online")) > 1
    processes.stop(process.name)
    return [
        recoveries.row("policy_optimizer: it learns beyond its checkpoint"),
        Row("policy_optimizer: updates that a kill took", spread(lost, "updates")),
        Row(
            "policy_optimizer: updates that went back, samples of a checkpoint missing in the "
            "next, samples without or with two predictions",
            "; ".join(sorted(set(problems))[:3]) or "none",
            "none",
            not problems,
        ),
        Row(
            "policy_optimizer: half-written files that stayed after the next start",
            str(litter),
            "0",
            litter == 0,
        ),
    ]


def _updates(adaptations: Topic, since: float) -> list[int]:
    """Return the numbers of updates that were published from `since` on [s]."""
    return [msg.update for _, msg in adaptations.since(since)]


def _beyond(update: int, adaptations: Topic, since: float) -> bool:
    """Return whether a later update was published from `since` on [s]."""
    return max(_updates(adaptations, since), default=0) > update


class _Kept:
    """What a checkpoint of policy_optimizer holds."""

    def __init__(self, path: Path) -> None:
        self.tensors, header = unpack(path.read_bytes())
        self.n_steps, self.n_learned = header["n_steps"], header["n_learned"]
        self.t = self.tensors["times"].numpy()

    def problems(self, before: _Kept, folder: RunFolder) -> list[str]:
        """Return what is not as it should be after the checkpoint `before`."""
        found = []
        if self.n_steps < before.n_steps:
            found.append(f"{self.n_steps} updates after {before.n_steps}")
        for name, x in before.tensors.items():
            if name == "times" or name.startswith("samples."):
                mine = self.tensors[name]
                if len(mine) < len(x) or not bool((mine[: len(x)] == x).all()):
                    found.append(f"{name} lost")
        predicted = folder.load_predictions().t
        missing = int((~np.isin(self.t[: self.n_learned], predicted)).sum())
        if missing:
            found.append(f"{missing} samples without a prediction")
        if len(np.unique(predicted)) != len(predicted):
            found.append("samples with two predictions")
        return found
