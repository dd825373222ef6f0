"""Disks that are full, slow, or cannot be written."""

from __future__ import annotations

import hashlib
import re
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from sensor_msgs.msg import JointState

from faults.arm_scenes import MovingArm
from faults.result import Finding, Row
from faults.slow_disk import SYNC_S, WRITE_S
from faults.stage import UP_S, NodeProcess, Stage
from ml3_msgs.srv import LoadLearnedLoss, SaveLearnedLoss
from ml3_ros.nodes.kit.qos import RELIABLE_100
from ml3_ros.robots.registry import load_robot

FULL_BYTES = 512  # a file may not grow beyond this while the disk is full
SECONDS, QUICK_SECONDS = 20.0, 8.0
RATE = 20.0  # joint states a second, each 0.01 s of the stream
PERIOD_S = 0.5  # of the stream, between checkpoints
AGAIN_S = 60.0  # within this a checkpoint is written again
FULL = "the disk is full"
JOINTS = "[joint0, joint1]"


def bench(folder: Path, quick: bool) -> Finding:
    """Let disks fail under policy_optimizer, recorder and meta_learner."""
    seconds = QUICK_SECONDS if quick else SECONDS
    rows: list[Row] = []
    for scene in (_full_learner, _no_folder, _slow_learner, _recorder, _meta_learner, _read_only):
        with Stage(folder / scene.__name__.strip("_")) as stage:
            rows += scene(stage, seconds)
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
    """Joint states of a moving arm, sent in real time."""

    def __init__(self, stage: Stage, node: NodeProcess, topic: str = "joint_states") -> None:
        """Wait for a listener."""
        self._stage, self._arm, self.sent = stage, MovingArm(load_robot("reacher")), 0
        self._publisher = stage.publisher(JointState, topic, RELIABLE_100)
        stage.connected(self._publisher)
        self._counter = node.counter(f"/{topic}")

    def go_on(self, seconds: float) -> None:
        """Send for a while."""
        due = time.monotonic()
        end = due + seconds
        while due < end:
            self._publisher.publish(self._arm.message())
            self.sent += 1
            due += 1.0 / RATE
            self._stage.until(lambda at=due: time.monotonic() >= at, 5.0)

    def unread(self) -> int:
        """Return how many joint states the node has not read within a second."""
        self._stage.until(lambda: self._counter.value >= self.sent, 1.0)
        return self.sent - self._counter.value


def fill(node: NodeProcess, full: bool) -> None:
    """Let the disk of a process be full, or not any more."""
    hard = resource.prlimit(node.pid, resource.RLIMIT_FSIZE)[1]
    soft = FULL_BYTES if full else hard
    resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (soft, hard))


def _learner(stage: Stage, runner: str = "faults.counted") -> tuple[NodeProcess, Path]:
    out = stage.folder / "run"
    node = stage.start(
        "policy_optimizer",
        runner=runner,
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


def _written_again(stage: Stage, stream: Stream, path: Path) -> float | None:
    """Stream until a checkpoint is written anew; return after how long [s], or None."""
    old, began = _print(path), time.monotonic()
    while time.monotonic() - began < AGAIN_S:
        stream.go_on(0.5)
        if _print(path) not in ("", old):
            return time.monotonic() - began
    return None


def _suffers(
    stage: Stage, stream: Stream, node: NodeProcess, path: Path, seconds: float, sentence: str
) -> Iterator[Row]:
    """Look at a learner that cannot write, while it cannot; its checkpoint is at `path`."""
    old, told, sent = _print(path), len(node.said()), stream.sent
    before, began = stage.count("policy_optimizer", "lost samples"), time.monotonic()
    said: list[str] = []
    while time.monotonic() < began + (seconds if said else AGAIN_S):
        stream.go_on(0.5)
        said = [line for line in node.said()[told:].splitlines() if sentence in line]
    unread, whole = stream.unread(), _print(path) == old
    lost = stage.count("policy_optimizer", "lost samples") - before
    yield Row(
        "meanwhile",
        f"{'alive' if node.alive else 'DEAD'}, the last checkpoint is "
        f"{'as it was' if whole else 'CHANGED'}, {unread} of {stream.sent - sent} joint states "
        f'unread, {lost} samples lost; "{_plain(said[0]) if said else "nothing told"}"',
        "alive, checkpoint whole, nothing lost, told",
        node.alive and whole and unread == 0 and lost == 0 and bool(said),
    )


def _again(stage: Stage, stream: Stream, node: NodeProcess, path: Path) -> Row:
    seconds = _written_again(stage, stream, path)
    return Row(
        "afterwards",
        "no checkpoint" if seconds is None else f"a checkpoint after {seconds:.1f} s",
        f"within {AGAIN_S:g} s",
        seconds is not None and node.alive,
    )


def _named(name: str, rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        yield Row(f"{name}: {row.what}", row.measured, row.promised, row.holds)


def _full_learner(stage: Stage, seconds: float) -> Iterator[Row]:
    node, path = _learner(stage)
    stream, name = Stream(stage, node), "policy_optimizer, full disk"
    assert _written_again(stage, stream, path) is not None
    fill(node, True)
    yield from _named(name, _suffers(stage, stream, node, path, seconds, FULL))
    fill(node, False)
    yield from _named(name, iter([_again(stage, stream, node, path)]))


def _no_folder(stage: Stage, seconds: float) -> Iterator[Row]:
    node, path = _learner(stage)
    stream, name = Stream(stage, node), "policy_optimizer, folder gone"
    assert _written_again(stage, stream, path) is not None
    aside = path.parent.with_name("aside")
    path.parent.rename(aside)
    path.parent.write_text("a file where the folder was")
    rows = _suffers(stage, stream, node, aside / path.name, seconds, "cannot be written")
    yield from _named(name, rows)
    path.parent.unlink()
    aside.rename(path.parent)
    yield from _named(name, iter([_again(stage, stream, node, path)]))


def _slow_learner(stage: Stage, seconds: float) -> Iterator[Row]:
    node, path = _learner(stage, "faults.slow_disk")
    stream = Stream(stage, node)
    assert _written_again(stage, stream, path) is not None
    stream.go_on(seconds)
    unread, lost = stream.unread(), stage.count("policy_optimizer", "lost samples")
    yield Row(
        "policy_optimizer, slow disk",
        f"{unread} of {stream.sent} joint states unread, {lost} samples lost, "
        f"{stage.of('policy_optimizer', 'samples waiting')} waiting",
        "alive, nothing lost",
        node.alive and unread == 0 and lost == 0,
    )


def _recorder(stage: Stage, seconds: float) -> Iterator[Row]:
    slow = stage.start(
        "recorder",
        runner="faults.slow_disk",
        out=stage.folder / "slow",
        topics="[/spoken]",
    )
    publisher = stage.publisher(JointState, "spoken", RELIABLE_100)
    stage.connected(publisher)
    stage.silence(publisher)
    stream = Stream(stage, slow, "spoken")
    stream.go_on(seconds)
    unread, lost = stream.unread(), stage.count("recorder", "lost messages")
    waiting = stage.of("recorder", "waiting")
    stage.end("recorder")
    yield Row(
        "recorder, slow disk",
        f"{unread} of {stream.sent} messages unread, {lost} lost, {waiting} waited in memory",
        "none unread or lost",
        unread == 0 and lost == 0,
    )
    full = stage.start("recorder", out=stage.folder / "full", topics="[/spoken]")
    stream = Stream(stage, full, "spoken")
    stream.go_on(2.0)
    fill(full, True)
    stream.go_on(seconds)
    told = stage.of("recorder", "recording has failed")
    fill(full, False)
    alive = full.alive
    stage.end("recorder")
    yield Row(
        "recorder, full disk",
        f'{"alive" if alive else "DEAD"}; "{_plain(told)}"',
        "alive, told",
        alive and bool(told),
    )


def _meta_learner(stage: Stage, _: float) -> Iterator[Row]:
    name, out = "reacher_ml3_shaped", stage.folder / "meta"
    node = stage.start("meta_learner", out=out, joints=JOINTS)
    assert stage.call(LoadLearnedLoss, "/meta_learner/load_learned_loss", file=name).success
    save = "/meta_learner/save_learned_loss"
    first = stage.call(SaveLearnedLoss, save, name="ml3_shaped", file="kept")
    path = Path(first.path)
    old = _print(path)
    fill(node, True)
    refused = stage.call(SaveLearnedLoss, save, name="ml3_shaped", file="kept")
    whole = _print(path) == old and not list(path.parent.glob(".*.part"))
    fill(node, False)
    again = stage.call(SaveLearnedLoss, save, name="ml3_shaped", file="kept")
    yield Row(
        "meta_learner, full disk: save_learned_loss",
        f'"{_plain(refused.message)}"; the older file is '
        f"{'as it was' if whole else 'CHANGED'}; afterwards "
        f"{'saved' if again.success else 'not saved'}",
        "refused with a sentence, the older file whole, saved afterwards",
        not refused.success and FULL in refused.message and whole and again.success,
    )


def _read_only(stage: Stage, _: float) -> Iterator[Row]:
    for name, options in {
        "policy_optimizer": {"loss": "none", "joints": JOINTS},
        "meta_learner": {"joints": JOINTS},
        "recorder": {},
    }.items():
        node = stage.start(name, wait=False, out="/sys/ml3_ros_fault_bench", **options)
        said = stage.until(lambda n=node: "[ERROR]" in n.said(), UP_S)
        lines = [line for line in node.said().splitlines() if "[ERROR]" in line]
        sentence = _plain(lines[0]) if lines else "nothing told"
        stage.spin(1.0)
        good = said and node.alive and "Traceback" not in node.said()
        yield Row(
            f"{name}, read-only folder",
            f'{"alive" if node.alive else "DEAD"}; "{sentence}"',
            "alive, told, without a traceback",
            good,
        )
        stage.end(name)
    shutil.rmtree(stage.folder, ignore_errors=True)
