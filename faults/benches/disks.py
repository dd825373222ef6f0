# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Disks that are full, slow, or cannot be written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from faults.rig.processes import RunningProcess
from faults.rig.result import Finding, Row
from faults.rig.rig import SLOW_DISK, START_S, Rig
from faults.rig.slow_disk import SYNC_S, WRITE_S
from faults.rig.waiting import until
from faults.scenes.failing_disk import (
    FULL,
    FULL_BYTES,
    JOINTS,
    RATE,
    Stream,
    fill,
    fingerprint,
    full_learner,
    no_folder,
    plain,
    slow_learner,
)
from ml3_msgs.srv import LoadLearnedLoss, SaveLearnedLoss

SECONDS, QUICK_SECONDS = 20.0, 8.0
END_S = 1.0  # within this a node that gives up has ended, or printed a traceback


def bench(folder: Path, quick: bool) -> Finding:
    """Let disks fail under policy_optimizer, recorder and meta_learner."""
    seconds = QUICK_SECONDS if quick else SECONDS
    rows: list[Row] = []
    for scene in (full_learner, no_folder, slow_learner, _recorder, _meta_learner, _read_only):
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
        f'{"alive" if alive else "DEAD"}; "{plain(reason)}"',
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
    old = fingerprint(path)
    fill(node, True)
    rejected = rig.bench.request(SaveLearnedLoss, save, name="ml3_shaped", file="kept")
    whole = fingerprint(path) == old and not list(path.parent.glob(".*.part"))
    fill(node, False)
    again = rig.bench.request(SaveLearnedLoss, save, name="ml3_shaped", file="kept")
    yield Row(
        "meta_learner, full disk: save_learned_loss",
        f'"{plain(rejected.message)}"; the older file is '
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
        sentence = plain(lines[0]) if lines else "nothing logged"
        until(partial(_has_ended, node), END_S)
        good = logged and node.alive and "Traceback" not in node.output()
        yield Row(
            f"{name}, read-only folder",
            f'{"alive" if node.alive else "DEAD"}; "{sentence}"',
            "alive, logged, without a traceback",
            good,
        )
        rig.stop(name)
    shutil.rmtree(rig.folder, ignore_errors=True)


def _has_ended(node: RunningProcess) -> bool:
    return not node.alive


def _has_logged_error(node: RunningProcess) -> bool:
    return "[ERROR]" in node.output()
