# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joint states of rosbag2 recordings as arrays by joint name, with the data checked.

Reads a bag folder with `metadata.yaml` (also split into several files), a folder that lost it or
whose metadata do not fit, a bare `.db3` and a bare `.mcap`, compressed or not; what a killed
recorder leaves lacks metadata.yaml, and an MCAP file its end. Messages are decoded from raw CDR
with the standard definition of sensor_msgs/JointState; the definitions that a bag carries are not
used, because a decoder generated from them would run what a stranger wrote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.bags.files import joint_state_messages
from ml3_ros.data.bags.rows import MessageRows, rows_of
from ml3_ros.data.bags.topics import choose_topic, decode
from ml3_ros.data.bags.topics import joint_state_topics as joint_state_topics
from ml3_ros.data.recording import JointRecording, RecordingChecks, in_time_order
from ml3_ros.data.repair.angles import continuous
from ml3_ros.data.repair.clock import sample_times
from ml3_ros.data.repair.names import rename_all
from ml3_ros.data.repair.publishers import measuring_publisher
from ml3_ros.data.repair.velocities import from_positions, listed, never_filled
from ml3_ros.errors import DataError
from ml3_ros.files import user_path

Array = NDArray[np.float64]
_NS = 1_000_000_000


def read_joint_states(
    path: str | Path,
    topic: str | None = None,
    joints: Sequence[str] | None = None,
    rename: str | Sequence[str] = (),
) -> JointRecording:
    """Read the joint states of a recording.

    Args:
        path: Bag folder, `.db3` or `.mcap`.
        topic: Topic to read; without it, the only one that carries all the joints.
        joints: Joints to read, in the order of the arrays; without it, those of the most frequent
            message layout, in its order.
        rename: Names of the recording in terms of those of `joints`, see `repair.names`.

    Raises:
        DataError: No such bag, topic or joints; unreadable or damaged file; no position or
            effort, or never a number that an arm has; a clock that was set back; two publishers
            that both measure; fewer than two usable samples.
    """
    path = user_path(path)
    choice = choose_topic(path, topic, joints, rename)
    notes: list[str] = []
    messages, header_ns, log_ns = _messages(path, choice.topic, notes)
    names = tuple(joints) if joints is not None else _most_frequent(path, choice.topic, messages)
    if len(set(names)) != len(names):
        raise DataError(f"joint names must differ, got {', '.join(names)}: fix the list")
    found = choice.names
    if joints is None:  # rules turn round: they say what recorded names are called
        found = rename_all(names, rename)
        names = tuple(found.recorded)
    recorded = [found.recorded[name] for name in names]
    where = f"{choice.topic} of {path}"
    rows = rows_of(messages, recorded, log_ns, where)
    said = tuple(filter(None, (*notes, choice.sentence, found.sentence)))
    values, stamps_ns, checks = _in_time(path, rows, header_ns, log_ns, names, where)
    checks = replace(checks, notes=(*said, *checks.notes))
    _require_samples(path, names, values, checks)
    t = (stamps_ns - stamps_ns[0]) / _NS
    values, checks = continuous(t, values, names, checks)
    t, values, checks = _with_velocities(path, t, values, rows.no_velocity, names, checks)
    q, v, tau = (np.ascontiguousarray(values[:, i]) for i in range(3))
    return JointRecording(
        names=names,
        t=t - t[0],
        q=q,
        v=v,
        tau=tau,
        start_ns=int(stamps_ns[0] + round(t[0] * _NS)),
        topic=choice.topic,
        checks=checks,
    )


def _messages(
    path: Path, topic: str, notes: list[str]
) -> tuple[list[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Return messages, their stamps and their times of reception [ns]."""
    stamps: list[tuple[int, int]] = []
    messages = []
    for connection, log_ns, raw in joint_state_messages(path, topic, notes):
        message: Any = decode(raw, connection, path)
        stamp = message.header.stamp
        stamps.append((stamp.sec * _NS + stamp.nanosec, log_ns))
        messages.append(message)
    if not messages:
        raise DataError(f"topic {topic} of {path} holds no message: record it again")
    header_ns, log_ns = np.array(stamps, dtype=np.int64).T
    return messages, header_ns, log_ns


def _most_frequent(path: Path, topic: str, messages: Sequence[Any]) -> tuple[str, ...]:
    names = Counter(tuple(message.name) for message in messages).most_common(1)[0][0]
    if not names:
        raise DataError(f"the messages on {topic} of {path} name no joints: fix the driver")
    return names


def _in_time(
    path: Path,
    rows: MessageRows,
    header_ns: NDArray[np.int64],
    log_ns: NDArray[np.int64],
    names: Sequence[str],
    where: str,
) -> tuple[Array, NDArray[np.int64], RecordingChecks]:
    """Return rows (T, 3, n) of one publisher in order of time, their times [ns], and checks."""
    publisher = measuring_publisher(rows.values, names, where)
    kept = publisher.kept
    values, header_ns, log_ns = rows.values[kept], header_ns[rows.kept][kept], log_ns[rows.kept]
    log_ns = log_ns[kept]
    same = (np.diff(values, axis=0) == 0.0).all(axis=(1, 2))
    times = sample_times(header_ns, log_ns, np.concatenate(([True], ~same)))
    checks = replace(
        rows.checks,
        stamped_by=times.stamped_by,
        unstamped=int((~times.usable).sum()),
        foreign=int((~kept).sum()),
        notes=(*rows.checks.notes, *filter(None, [publisher.sentence]), *times.notes),
        problems=(*rows.checks.notes, *filter(None, [publisher.sentence]), *times.notes),
    )
    stamps_ns, values, checks = in_time_order(
        path, times.ns[times.usable], values[times.usable], checks
    )
    return values, stamps_ns, checks


def _require_samples(
    path: Path, names: Sequence[str], values: Array, checks: RecordingChecks
) -> None:
    """Raise an error where too little is left, or nothing was measured."""
    if len(values) < 2:
        raise DataError(
            f"{path} holds {len(values)} usable sample(s) of {', '.join(names)} ({checks}): "
            "at least 2 are needed"
        )
    if not np.any(np.ptp(values[:, 2], axis=0) > 0.0):
        raise DataError(
            f"the effort in {path} never changes: the driver did not measure it; record it with "
            "a driver that publishes joint torques or motor currents"
        )


def _with_velocities(
    path: Path,
    t: Array,
    values: Array,
    unknown: NDArray[np.bool_],
    names: Sequence[str],
    checks: RecordingChecks,
) -> tuple[Array, Array, RecordingChecks]:
    """Return times and rows with velocities from positions where the driver fills none."""
    zero = never_filled(values[:, 0], values[:, 1]) & ~unknown
    fill = unknown | zero
    if not fill.any():
        return t, values, checks
    sentences = [
        f"velocity of {listed(some, names)} is {what} in every message, so it is taken from "
        "positions: let the driver fill it"
        for some, what in ((unknown, "missing"), (zero, "the same, though it moves,"))
        if some.any()
    ]
    v, usable = from_positions(str(path), t, values[:, 0])
    values = values.copy()
    values[:, 1, fill] = v[:, fill]
    checks = replace(
        checks,
        differentiated=True,
        notes=(*checks.notes, *sentences),
        problems=(*checks.problems, *sentences),
    )
    return t[usable], values[usable], checks
