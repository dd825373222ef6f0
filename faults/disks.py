"""Disks that are full, slow, or cannot be written."""

from __future__ import annotations

import hashlib
import re
import resource
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from sensor_msgs.msg import JointState

from faults.arm_scenes import MovingArm
from faults.processes import RunningProcess
from faults.result import Finding, Row
from faults.rig import COUNTED, START_S, Rig
from faults.slow_disk import SYNC_S, WRITE_S
from faults.waiting import BenchError, until
from ml3_msgs.srv import LoadLearnedLoss, SaveLearnedLoss
from ml3_ros.nodes.kit.qos import RELIABLE_100
from ml3_ros.robots.registry import load_robot

FULL_BYTES = 512  # a file may not grow beyond this while the disk is full
SECONDS, QUICK_SECONDS = 20.0, 8.0
RATE = 20.0  # joint states a second, each 0.01 s of the stream
PERIOD_S = 0.5  # of the stream, between checkpoints
AGAIN_S = 60.0  # within this a checkpoint is written again
FULL = "the disk is full"
SLOW_DISK = "faults.slow_disk"
JOINTS = ["joint0", "joint1"]


def bench(folder: Path, quick: bool) -> Finding:
    """Let disks fail under policy_optimizer, recorder and meta_learner."""
    seconds = QUICK_SECONDS if quick else SECONDS
    rows: list[Row] = []
    for scene in (_full_learner, _no_folder, _slow_learner, _recorder, _meta_learner, _read_only):
        with Rig(folder / scene.__name__.strip("_")) as rig:
            rows += scene(rig, seconds)
    return Finding(
        title="Disks that are full, slow, or cannot be written",
        method=(
            "A disk is full: the kernel lets no file of the process grow beyond "
            f"{FULL_BYTES} bytes (RLIMIT_FSIZE, set and lifted under the running process). A "
            "folder cannot be written: a file is in its place, or it lies where the kernel lets "
            f"nobody make one. A disk is slow: every fsync takes {SYNC_S:g} s longer, every "
            f"message of a bag {WRITE_S:g} s. Joint states come {RATE:g} times a second meanwhile."
        ),
        rows=rows,
    )


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


def _plain(sentence: str) -> str:
    """Return a sentence of a node without the paths of this machine."""
    return re.sub(r"(\[\w+\] )|(/[^ ]*/)", "", sentence)


def _print(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _written_again(stream: Stream, path: Path) -> float | None:
    """Stream until a checkpoint is written anew; return after how long [s], or None."""
    old, began = _print(path), time.monotonic()
    while time.monotonic() - began < AGAIN_S:
        stream.go_on(0.5)
        if _print(path) not in ("", old):
            return time.monotonic() - began
    return None


def _require_checkpoint(stream: Stream, path: Path) -> None:
    if _written_again(stream, path) is None:
        raise BenchError(f"no checkpoint within {AGAIN_S:g} s")


def _suffers(
    rig: Rig, stream: Stream, node: RunningProcess, path: Path, seconds: float, sentence: str
) -> Iterator[Row]:
    """Watch a learner while it cannot write; its checkpoint is at `path`."""
    old, logged, sent = _print(path), len(node.output()), stream.sent
    before, began = (
        rig.bench.diagnostic_count("policy_optimizer", "lost samples"),
        time.monotonic(),
    )
    lines: list[str] = []
    while time.monotonic() < began + (seconds if lines else AGAIN_S):
        stream.go_on(0.5)
        lines = [line for line in node.output()[logged:].splitlines() if sentence in line]
    unread, whole = stream.unread(), _print(path) == old
    lost = rig.bench.diagnostic_count("policy_optimizer", "lost samples") - before
    yield Row(
        "meanwhile",
        f"{'alive' if node.alive else 'DEAD'}, the last checkpoint is "
        f"{'as it was' if whole else 'CHANGED'}, {unread} of {stream.sent - sent} joint states "
        f'unread, {lost} samples lost; "{_plain(lines[0]) if lines else "nothing logged"}"',
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


def _full_learner(rig: Rig, seconds: float) -> Iterator[Row]:
    node, path = _learner(rig)
    stream, name = Stream(rig, node), "policy_optimizer, full disk"
    _require_checkpoint(stream, path)
    fill(node, True)
    yield from _named(name, _suffers(rig, stream, node, path, seconds, FULL))
    fill(node, False)
    yield from _named(name, iter([_again(stream, node, path)]))


def _no_folder(rig: Rig, seconds: float) -> Iterator[Row]:
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


def _slow_learner(rig: Rig, seconds: float) -> Iterator[Row]:
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


def _recorder(rig: Rig, seconds: float) -> Iterator[Row]:
    slow = rig.start(
        "recorder",
        SLOW_DISK,
        out=rig.folder / "slow",
        topics=["/spoken"],
    )
    stream = Stream(rig, slow, "spoken")
    stream.go_on(seconds)
    unread, lost = stream.unread(), rig.bench.diagnostic_count("recorder", "lost messages")
    waiting = rig.bench.diagnostic("recorder", "waiting")
    rig.stop("recorder")
    yield Row(
        "recorder, slow disk",
        f"{unread} of {stream.sent} messages unread, {lost} lost, {waiting} waited in memory",
        "none unread or lost",
        unread == 0 and lost == 0,
    )
    full = rig.start("recorder", out=rig.folder / "full", topics=["/spoken"])
    stream = Stream(rig, full, "spoken")
    stream.go_on(2.0)
    fill(full, True)
    stream.go_on(seconds)
    reason = rig.bench.diagnostic("recorder", "recording has failed")
    fill(full, False)
    alive = full.alive
    rig.stop("recorder")
    yield Row(
        "recorder, full disk",
        f'{"alive" if alive else "DEAD"}; "{_plain(reason)}"',
        "alive, on /diagnostics",
        alive and bool(reason),
    )


def _meta_learner(rig: Rig, _: float) -> Iterator[Row]:
    name, out = "reacher_ml3_shaped", rig.folder / "meta"
    node = rig.start("meta_learner", out=out, joints=JOINTS)
    rig.bench.request(LoadLearnedLoss, "/meta_learner/load_learned_loss", file=name)
    save = "/meta_learner/save_learned_loss"
    first = rig.bench.request(SaveLearnedLoss, save, name="ml3_shaped", file="kept")
    path = Path(first.path)
    old = _print(path)
    fill(node, True)
    rejected = rig.bench.request(SaveLearnedLoss, save, name="ml3_shaped", file="kept")
    whole = _print(path) == old and not list(path.parent.glob(".*.part"))
    fill(node, False)
    again = rig.bench.request(SaveLearnedLoss, save, name="ml3_shaped", file="kept")
    yield Row(
        "meta_learner, full disk: save_learned_loss",
        f'"{_plain(rejected.message)}"; the older file is '
        f"{'as it was' if whole else 'CHANGED'}; afterwards "
        f"{'saved' if again.success else 'not saved'}",
        "rejected with a sentence, the older file whole, saved afterwards",
        not rejected.success and FULL in rejected.message and whole and again.success,
    )


def _read_only(rig: Rig, _: float) -> Iterator[Row]:
    plan: dict[str, dict[str, object]] = {
        "policy_optimizer": {"loss": "none", "joints": JOINTS},
        "meta_learner": {"joints": JOINTS},
        "recorder": {},
    }
    for name, options in plan.items():
        node = rig.start_inactive(name, out="/sys/ml3_ros_fault_bench", **options)
        logged = until(partial(_has_logged_error, node), START_S)
        lines = [line for line in node.output().splitlines() if "[ERROR]" in line]
        sentence = _plain(lines[0]) if lines else "nothing logged"
        time.sleep(1.0)
        good = logged and node.alive and "Traceback" not in node.output()
        yield Row(
            f"{name}, read-only folder",
            f'{"alive" if node.alive else "DEAD"}; "{sentence}"',
            "alive, logged, without a traceback",
            good,
        )
        rig.stop(name)
    shutil.rmtree(rig.folder, ignore_errors=True)


def _has_logged_error(node: RunningProcess) -> bool:
    return "[ERROR]" in node.output()
