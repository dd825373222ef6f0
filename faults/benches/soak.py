# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Half an hour of a stream at 500 Hz: no sample lost, and memory that does not grow by itself."""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.event_handler import QoSMessageLostInfo, SubscriptionEventCallbacks
from sensor_msgs.msg import JointState

from faults.rig.bench_node import BenchNode
from faults.rig.processes import node
from faults.rig.result import Finding, Row
from faults.rig.rig import Rig
from faults.rig.waiting import require
from ml3_ros.bringup.description import Process
from ml3_ros.data.bags.reader import read_joint_states
from ml3_ros.data.run_files import RunFolder
from ml3_ros.nodes.kit.qos import RELIABLE_100, RELIABLE_5000

RATE = 500.0  # [Hz]
READ_S = 10.0  # between readings of the memory
SETTLE = 1.0 / 6.0  # share of the time that is left out: imports, buffers, caches fill
FLAT_MB_PER_H = 10.0  # a slope below this is called flat
LEAST_S = 300.0  # over less, a single page makes a slope, and nothing is promised
FULL_S, QUICK_S = 1800.0, 30.0
N_JOINTS, N_METHODS = 7, 1
# What policy_optimizer keeps of each sample: t, and q, v, a, tau for learning; t, tau and a
# prediction a method for the report.
KEPT_BYTES = 8 + 4 * N_JOINTS * 4 + 8 + (1 + N_METHODS) * N_JOINTS * 4
PAGE_KB = 4


@dataclass(slots=True)
class Received:
    """What a subscriber of joint_states has counted, and what all nodes report of themselves."""

    samples: int = 0
    first: int = 0  # stamp [ns]
    last: int = 0
    missing: int = 0
    backwards: int = 0
    lost: int = 0  # as the middleware reports
    waiting: int = 0  # most samples that the learner had not got to
    reported: dict[str, dict[str, str]] = field(default_factory=dict)
    warned: dict[str, set[str]] = field(default_factory=dict)

    def subscribe(self, bench: BenchNode) -> None:
        """Begin to count."""

        def on_lost(event: QoSMessageLostInfo) -> None:
            self.lost += event.total_count_change

        bench.node.create_subscription(
            JointState,
            "joint_states",
            self.on_state,
            RELIABLE_5000,
            raw=True,
            event_callbacks=SubscriptionEventCallbacks(message_lost=on_lost),
        )
        bench.listen(DiagnosticArray, "/diagnostics", self.on_diagnostics, RELIABLE_100)

    def on_state(self, raw: Any) -> None:
        """Count a joint state by its stamp; `raw` are its bytes, which are not worth decoding."""
        sec, nanosec = struct.unpack_from("<iI", raw, 4)  # after the four bytes that CDR begins
        stamp = sec * 1_000_000_000 + nanosec
        if not self.samples:
            self.first = stamp
        elif stamp <= self.last:
            self.backwards += 1
        else:
            self.missing += round((stamp - self.last) * RATE * 1e-9) - 1
        self.samples, self.last = self.samples + 1, max(stamp, self.last)

    def on_diagnostics(self, msg: DiagnosticArray) -> None:
        """Keep what a node reports; a count that grows is named in its message."""
        for status in msg.status:
            self.reported[status.name] = {value.key: value.value for value in status.values}
            _, now, kinds = status.message.partition("now: ")
            if now:
                self.warned.setdefault(status.name, set()).update(kinds.split(", "))
            waiting = self.reported[status.name].get("samples waiting", "0")
            self.waiting = max(self.waiting, int(waiting))

    def counts(self) -> list[str]:
        """Return what was rejected, lost or cut down anywhere, as nodes report it."""
        return [
            f"{name}: {self.reported[name].get(kind, '?')} {kind}"
            for name, kinds in sorted(self.warned.items())
            for kind in sorted(kinds)
        ]


def bench(folder: Path, quick: bool) -> Finding:
    """Stream, learn and record for a while, and watch memory and losses."""
    seconds = QUICK_S if quick else FULL_S
    nodes = _nodes(folder / "out", seconds)
    received = Received()
    memory = {process.name: deque[tuple[float, float]]() for process in nodes}
    with Rig(folder, nice={}) as rig:
        received.subscribe(rig.bench)
        for process in reversed(nodes):  # subscribers are there before the first sample
            rig.processes.start(process)
        require(lambda: rig.bench.diagnostic("excitation", "joint_command [Hz]"), "a stream")
        began, first = time.monotonic(), received.samples
        while (now := time.monotonic() - began) < seconds:
            for name, readings in memory.items():
                readings.append((now, _resident_mb(rig.processes[name].pid)))
            time.sleep(READ_S if not quick else 1.0)
        took, streamed = time.monotonic() - began, received.samples - first
        alive = sum(rig.processes[name].alive for name in memory)
        rig.stop(*memory)
    return Finding(
        title="Half an hour at 500 Hz",
        method=(
            f"{took:.0f} s: sim_arm and excitation at 500 Hz of robot time, policy_optimizer "
            "learns all the time by one method with one gradient step in 8 samples and saves "
            "checkpoints, recorder writes joint_states and joint_command, a fifth process "
            "counts joint_states by their stamps. The simulated arm waits for the answer to each "
            "state, so that robot time is slower than the clock where the machine is. Memory is "
            f"the resident set, read every {READ_S:g} s; slopes are least squares without "
            "the first sixth. policy_optimizer keeps every sample by design, for replay and "
            f"report: {KEPT_BYTES} bytes of arrays a sample, bounded by its learn_duration and "
            "hold_out_duration."
        ),
        rows=[
            Row("nodes alive at the end", f"{alive} of {len(nodes)}", "all", alive == len(nodes)),
            Row("joint states", f"{streamed}, {streamed / took:.0f} a second of wall time"),
            *_loss_rows(received),
            *_file_rows(folder / "out", received),
            *(
                memory_row(name, readings, streamed / took if name == "policy_optimizer" else 0.0)
                for name, readings in memory.items()
            ),
        ],
    )


def _nodes(out: Path, seconds: float) -> tuple[Process, ...]:
    return (
        node("sim_arm", publish_rate=RATE, seed=1),
        node(
            "policy_optimizer",
            loss="none",
            joints=[f"right_j{i}" for i in range(N_JOINTS)],
            sgd_lr=0.0,
            steps_per_window=1,
            learn_duration=86400.0,
            checkpoint_period=seconds / 30.0,
            out=out,
        ),
        node("recorder", out=out, topics=["joint_states", "joint_command"]),
        node("excitation", rate=RATE),
    )


def _loss_rows(received: Received) -> list[Row]:
    counts = received.counts()
    # excitation reads the newest state only, and counts those that it was too late for
    lost = [t for t in counts if "lost" in t and not t.startswith("excitation")]
    other = [text for text in counts if text not in lost]
    return [
        Row(
            "lost at the counting subscriber",
            f"{received.missing} by stamps, {received.lost} by the middleware, "
            f"{received.backwards} out of order",
            "none",
            received.missing == received.lost == received.backwards == 0,
        ),
        Row(
            "lost by reliable subscribers, by /diagnostics",
            "; ".join(lost) or "none",
            "none",
            not lost,
        ),
        Row("otherwise missed, rejected or cut down, by /diagnostics", "; ".join(other) or "none"),
        Row("samples waiting for the learner", f"at most {received.waiting}"),
    ]


def _file_rows(folder: Path, received: Received) -> list[Row]:
    """Compare the files with what was received."""
    samples = RunFolder(folder).load_samples()
    gaps = int(np.round(np.diff(samples.t) * RATE).astype(int).sum() - (len(samples.t) - 1))
    bag = read_joint_states(folder / "bag", "joint_states")
    missing = round(bag.t[-1] * RATE) + 1 - len(bag.t)
    return [
        Row(
            "missing in samples.npz",
            f"{gaps} of {len(samples.t)}",
            "none",
            gaps == 0 and len(samples.t) > 0,
        ),
        Row(
            "missing in the recording",
            f"{missing} of {len(bag.t)} ({received.samples} were received)",
            "none",
            missing == 0,
        ),
    ]


def memory_row(name: str, readings: Sequence[tuple[float, float]], rate: float = 0.0) -> Row:
    """Return how the memory of a process grew.

    Args:
        name: Of the process.
        readings: Time [s] and resident memory [MB].
        rate: Samples that it keeps by design [Hz]; 0 where it keeps none.
    """
    t, mb = np.array(readings).T
    late = t >= SETTLE * t[-1]
    slope = round(float(np.polyfit(t[late] / 3600.0, mb[late], 1)[0]), 1) + 0.0  # no -0.0
    designed = rate * 3600.0 * KEPT_BYTES * 1e-6
    text = f"{mb[late][0]:.0f} to {mb[-1]:.0f} MB, {slope:+.1f} MB/h"
    if rate:
        text += f", of which {designed:.0f} MB/h are arrays of kept samples and predictions"
    if rate or t[-1] < LEAST_S:
        return Row(f"memory of {name}", text)
    return Row(f"memory of {name}", text, f"below +{FLAT_MB_PER_H:g} MB/h", slope < FLAT_MB_PER_H)


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * PAGE_KB / 1024.0
