# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""policy_optimizer while its disk is full, slow, or has no folder for its checkpoints."""

from __future__ import annotations

import hashlib
import re
import resource
import time
from collections.abc import Iterator
from pathlib import Path

from sensor_msgs.msg import JointState

from faults.rig.processes import RunningProcess
from faults.rig.result import Row
from faults.rig.rig import COUNTED, SLOW_DISK, Rig
from faults.rig.waiting import BenchError, until
from faults.scenes.arm import MovingArm
from ml3_ros.nodes.kit.qos import RELIABLE_100
from ml3_ros.robots.registry import load_robot

FULL_BYTES = 512  # a file may not grow beyond this while the disk is full
RATE = 20.0  # joint states a second, each 0.01 s of the stream
PERIOD_S = 0.5  # of the stream, between checkpoints
AGAIN_S = 60.0  # within this a checkpoint is written again
FULL = "the disk is full"
JOINTS = ["joint0", "joint1"]


class Stream:
    """Joint states of a moving arm, published in real time."""

    def __init__(self, rig: Rig, node: RunningProcess, topic: str = "joint_states") -> None:
        """Wait for the node's subscription."""
        self._arm, self.sent = MovingArm(load_robot("reacher")), 0
        self._publisher = rig.bench.publisher(JointState, topic, RELIABLE_100)
        self._counter = node.counter(f"/{topic}")

    def go_on(self, seconds: float) -> None:
        """Send for a while."""
        due = time.monotonic()
        end = due + seconds
        while due < end:
            self._publisher.publish(self._arm.message())
            self.sent += 1
            due += 1.0 / RATE
            time.sleep(max(due - time.monotonic(), 0.0))

    def unread(self) -> int:
        """Return how many joint states the node has not read within a second."""
        until(lambda: self._counter.value >= self.sent, 1.0)
        return self.sent - self._counter.value


def fill(node: RunningProcess, full: bool) -> None:
    """Let the disk of a process be full, or not any more."""
    hard = resource.prlimit(node.pid, resource.RLIMIT_FSIZE)[1]
    soft = FULL_BYTES if full else hard
    resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (soft, hard))


def _learner(rig: Rig, runner: str = COUNTED) -> tuple[RunningProcess, Path]:
    out = rig.folder / "run"
    node = rig.start(
        "policy_optimizer",
        runner,
        out=out,
        loss="none",
        joints=JOINTS,
        units_samples=20,
        learn_duration=86_400.0,
        checkpoint_period=PERIOD_S,
    )
    return node, out / "checkpoints" / "online.safetensors"


def plain(sentence: str) -> str:
    """Return a sentence of a node without the paths of this machine."""
    return re.sub(r"(\[\w+\] )|(/[^ ]*/)", "", sentence)


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file's content, "" where there is no file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _written_again(stream: Stream, path: Path) -> float | None:
    """Stream until a checkpoint is written anew; return after how long [s], or None."""
    old, began = fingerprint(path), time.monotonic()
    while time.monotonic() - began < AGAIN_S:
        stream.go_on(0.5)
        if fingerprint(path) not in ("", old):
            return time.monotonic() - began
    return None


def _require_checkpoint(stream: Stream, path: Path) -> None:
    if _written_again(stream, path) is None:
        raise BenchError(f"no checkpoint within {AGAIN_S:g} s")


def _suffers(
    rig: Rig, stream: Stream, node: RunningProcess, path: Path, seconds: float, sentence: str
) -> Iterator[Row]:
    """Watch a learner while it cannot write; its checkpoint is at `path`."""
    old, logged, sent = fingerprint(path), len(node.output()), stream.sent
    before, began = (
        rig.bench.diagnostic_count("policy_optimizer", "lost samples"),
        time.monotonic(),
    )
    lines: list[str] = []
    while time.monotonic() < began + (seconds if lines else AGAIN_S):
        stream.go_on(0.5)
        lines = [line for line in node.output()[logged:].splitlines() if sentence in line]
    unread, whole = stream.unread(), fingerprint(path) == old
    lost = rig.bench.diagnostic_count("policy_optimizer", "lost samples") - before
    yield Row(
        "meanwhile",
        f"{'alive' if node.alive else 'DEAD'}, the last checkpoint is "
        f"{'as it was' if whole else 'CHANGED'}, {unread} of {stream.sent - sent} joint states "
        f'unread, {lost} samples lost; "{plain(lines[0]) if lines else "nothing logged"}"',
        "alive, checkpoint whole, nothing lost, logged",
        node.alive and whole and unread == 0 and lost == 0 and bool(lines),
    )


def _again(stream: Stream, node: RunningProcess, path: Path) -> Row:
    seconds = _written_again(stream, path)
    return Row(
        "afterwards",
        "no checkpoint" if seconds is None else f"a checkpoint after {seconds:.1f} s",
        f"within {AGAIN_S:g} s",
        seconds is not None and node.alive,
    )


def _named(name: str, rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        yield Row(f"{name}: {row.what}", row.measured, row.promised, row.holds)


def full_learner(rig: Rig, seconds: float) -> Iterator[Row]:
    """Let the disk be full for `seconds` [s], then have space again."""
    node, path = _learner(rig)
    stream, name = Stream(rig, node), "policy_optimizer, full disk"
    _require_checkpoint(stream, path)
    fill(node, True)
    yield from _named(name, _suffers(rig, stream, node, path, seconds, FULL))
    fill(node, False)
    yield from _named(name, iter([_again(stream, node, path)]))


def no_folder(rig: Rig, seconds: float) -> Iterator[Row]:
    """Put a file in the place of the folder for `seconds` [s]."""
    node, path = _learner(rig)
    stream, name = Stream(rig, node), "policy_optimizer, folder gone"
    _require_checkpoint(stream, path)
    aside = path.parent.with_name("aside")
    path.parent.rename(aside)
    path.parent.write_text("a file where the folder was")
    rows = _suffers(rig, stream, node, aside / path.name, seconds, "cannot be written")
    yield from _named(name, rows)
    path.parent.unlink()
    aside.rename(path.parent)
    yield from _named(name, iter([_again(stream, node, path)]))


def slow_learner(rig: Rig, seconds: float) -> Iterator[Row]:
    """Stream for `seconds` [s] to a disk that takes its time."""
    node, path = _learner(rig, SLOW_DISK)
    stream = Stream(rig, node)
    _require_checkpoint(stream, path)
    stream.go_on(seconds)
    unread, lost = stream.unread(), rig.bench.diagnostic_count("policy_optimizer", "lost samples")
    yield Row(
        "policy_optimizer, slow disk",
        f"{unread} of {stream.sent} joint states unread, {lost} samples lost, "
        f"{rig.bench.diagnostic('policy_optimizer', 'samples waiting')} waiting",
        "alive, nothing lost",
        node.alive and unread == 0 and lost == 0,
    )
