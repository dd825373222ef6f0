# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Joint states of rosbag2 recordings as arrays by joint name, with the data checked.

Reads a bag folder with `metadata.yaml` (also split into several files), a folder that lost it, a
bare `.db3` and a bare `.mcap`; what a killed recorder leaves lacks metadata.yaml, and an MCAP file
its end. Messages are decoded from raw CDR with the standard definition of sensor_msgs/JointState;
the definitions that a bag carries are not used, because a decoder generated from them would run
what a stranger wrote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_typestore

from ml3_ros.data.bags.files import (
    JOINT_STATE,
    Opened,
    damaged,
    joint_state_messages,
    storages,
)
from ml3_ros.data.filters import LARGEST
from ml3_ros.data.stamps import sampling_period
from ml3_ros.errors import DataError
from ml3_ros.files import user_path

MAX_STEP_BACK = 1.0  # [s] older than this is no late message: the clock was set back
_STORE = get_typestore(Stores.ROS2_KILTED)
_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingChecks:
    """What was found, and left out, while a recording was read (counts of messages)."""

    messages: int = 0  # on the topic, in all
    partial: int = 0  # lacked one of the joints: left out
    malformed: int = 0  # name, position, velocity and effort differ in length: left out
    not_finite: int = 0  # NaN, infinity or beyond LARGEST in a joint that is used: left out
    reordered: int = 0  # older than the message before them: sorted in
    duplicates: int = 0  # stamp equal to another one's: left out
    stamped_by: str = "header"  # or "log": no header stamps, so times of reception
    notes: tuple[str, ...] = ()  # on files that were never closed: what of them is left out

    def __str__(self) -> str:
        left_out = {
            "partial": self.partial,
            "malformed": self.malformed,
            "not finite": self.not_finite,
            "duplicate": self.duplicates,
        }
        words = [f"{n} {what} left out" for what, n in left_out.items() if n]
        words += [f"{self.reordered} sorted into order"] if self.reordered else []
        words += ["stamped on reception"] if self.stamped_by == "log" else []
        words += self.notes
        return f"{self.messages} messages" + "".join(f", {word}" for word in words)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JointRecording:
    """Joint states of a recording; rows in time order, columns in the order of `names`.

    `t` [s] (T,) counts from `start_ns`, the stamp of the first row [ns since the epoch];
    `q` [rad], `v` [rad/s] and `tau` [N m, or the unit of the recorded effort] are (T, n).
    """

    names: tuple[str, ...]
    t: NDArray[np.float64]
    q: NDArray[np.float64]
    v: NDArray[np.float64]
    tau: NDArray[np.float64]
    start_ns: int
    topic: str
    checks: RecordingChecks = field(default_factory=RecordingChecks)

    @property
    def dt(self) -> float:
        """Time between samples, whatever their jitter and losses [s]."""
        return sampling_period(self.t)


def joint_state_topics(path: str | Path) -> dict[str, int]:
    """Return {topic: messages} of every JointState topic in the bag at `path`."""
    counts: Counter[str] = Counter()
    for file in storages(user_path(path)):
        with Opened(file) as reader:
            for connection in reader.connections:
                if connection.msgtype == JOINT_STATE:
                    counts[connection.topic] += connection.msgcount
    return dict(counts)


def read_joint_states(
    path: str | Path, topic: str | None = None, joints: Sequence[str] | None = None
) -> JointRecording:
    """Read the joint states of a recording.

    Args:
        path: Bag folder, `.db3` or `.mcap`.
        topic: Topic to read; may be left out where only one carries joint states.
        joints: Joints to read, in the order of the arrays; without it, those of the most frequent
            message layout, in its order.

    Raises:
        DataError: No such bag, topic or joints; unreadable or damaged file; no velocity or effort;
            a clock that was set back; fewer than two usable samples.
    """
    path = user_path(path)
    topic = _choose_topic(path, topic)
    stamps: list[tuple[int, int]] = []
    messages = []
    notes: list[str] = []
    for connection, log_ns, raw in joint_state_messages(path, topic, notes):
        message: Any = _decode(raw, connection, path)
        stamp = message.header.stamp
        stamps.append((stamp.sec * _NS + stamp.nanosec, log_ns))
        messages.append(message)
    if not messages:
        raise DataError(f"topic {topic} of {path} holds no message: record it again")
    names = _choose_joints(path, topic, messages, joints)
    rows, kept, checks = _rows(messages, names)
    checks = replace(checks, notes=tuple(notes))
    _require_fields(path, topic, names, messages, rows)
    header_ns, log_ns = np.array(stamps, dtype=np.int64).T
    if np.ptp(header_ns) == 0:
        header_ns, checks = log_ns, replace(checks, stamped_by="log")
    stamps_ns, rows, checks = _in_time_order(path, header_ns[kept], rows, checks)
    if len(rows) < 2:
        raise DataError(
            f"{path} holds {len(rows)} usable sample(s) of {', '.join(names)} ({checks}): "
            "at least 2 are needed"
        )
    if not np.any(np.ptp(rows[:, 2], axis=0) > 0.0):
        raise DataError(
            f"the effort in {path} never changes: the driver did not measure it; record it with "
            "a driver that publishes joint torques or motor currents"
        )
    q, v, tau = (np.ascontiguousarray(rows[:, i]) for i in range(3))
    return JointRecording(
        names=names,
        t=(stamps_ns - stamps_ns[0]) / _NS,
        q=q,
        v=v,
        tau=tau,
        start_ns=int(stamps_ns[0]),
        topic=topic,
        checks=checks,
    )


def _decode(raw: bytes, connection: Connection, path: Path) -> Any:
    encoding = getattr(connection.ext, "serialization_format", "cdr")
    if encoding != "cdr":
        raise DataError(f"{path} is encoded as {encoding}: record it with CDR, ROS 2's own")
    try:
        return _STORE.deserialize_cdr(raw, JOINT_STATE)
    except Exception as error:  # a message cut short can raise nearly anything
        raise damaged(path, error) from error


def _choose_topic(path: Path, topic: str | None) -> str:
    topics = joint_state_topics(path)
    listed = ", ".join(f"{name} ({count} messages)" for name, count in topics.items())
    if not topics:
        raise DataError(f"{path} holds no {JOINT_STATE} topic: record joint_states")
    if topic is None:
        if len(topics) > 1:
            raise DataError(f"{path} holds several joint-state topics: choose one of {listed}")
        return next(iter(topics))
    for name in topics:  # "joint_states" and "/joint_states" are the same in the root namespace
        if name.strip("/") == topic.strip("/"):
            return name
    raise DataError(f"{path} has no joint-state topic {topic}: it holds {listed}")


def _choose_joints(
    path: Path, topic: str, messages: list[Any], joints: Sequence[str] | None
) -> tuple[str, ...]:
    layouts = Counter(tuple(message.name) for message in messages)
    if joints is None:
        names = layouts.most_common(1)[0][0]
        if not names:
            raise DataError(f"the messages on {topic} of {path} name no joints: fix the driver")
    else:
        names = tuple(joints)
        known = {name for layout in layouts for name in layout}
        missing = [name for name in names if name not in known]
        if missing or not names:
            raise DataError(
                f"{path} has no joint {', '.join(missing) or '(none given)'}: "
                f"{topic} carries {', '.join(sorted(known))}"
            )
    if len(set(names)) != len(names):
        raise DataError(f"joint names must differ, got {', '.join(names)}: fix the list")
    return names


def _rows(
    messages: list[Any], names: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], RecordingChecks]:
    """Return (kept, 3, n) positions, velocities, efforts, and which messages they came from."""
    columns: dict[tuple[str, ...], list[int] | None] = {}
    rows = np.full((len(messages), 3, len(names)), np.nan)
    fate: list[str] = []
    for row, message in zip(rows, messages, strict=True):
        layout = tuple(message.name)
        if layout not in columns:
            complete = set(names) <= set(layout)
            columns[layout] = [layout.index(name) for name in names] if complete else None
        pick = columns[layout]
        arrays = (message.position, message.velocity, message.effort)
        if pick is None:
            fate.append("partial")
        elif any(len(array) not in (0, len(layout)) for array in arrays):
            fate.append("malformed")
        else:
            for target, array in zip(row, arrays, strict=True):
                if len(array):
                    target[:] = array[pick]
            fate.append("kept" if (np.abs(row) <= LARGEST).all() else "not_finite")
    count = Counter(fate)
    kept = np.array([word == "kept" for word in fate], dtype=bool)
    checks = RecordingChecks(
        messages=len(messages),
        partial=count["partial"],
        malformed=count["malformed"],
        not_finite=count["not_finite"],
    )
    return rows[kept], kept, checks


def _require_fields(
    path: Path,
    topic: str,
    names: tuple[str, ...],
    messages: list[Any],
    rows: NDArray[np.float64],
) -> None:
    """Raise an error that names the missing field where nothing is left because of it."""
    if len(rows):
        return
    for name in ("position", "velocity", "effort"):
        if not any(len(getattr(message, name)) for message in messages):
            raise DataError(
                f"{topic} of {path} carries no {name}: record it with a driver that fills it "
                "(position, velocity and effort are all needed)"
            )
    if not any(set(names) <= set(message.name) for message in messages):
        raise DataError(
            f"no message on {topic} of {path} carries all of {', '.join(names)}: choose joints "
            "that are published together"
        )


def _in_time_order(
    path: Path, stamps_ns: NDArray[np.int64], rows: NDArray[np.float64], checks: RecordingChecks
) -> tuple[NDArray[np.int64], NDArray[np.float64], RecordingChecks]:
    """Sort rows by stamp and keep the first of equal stamps."""
    if not len(stamps_ns):
        return stamps_ns, rows, checks
    newest = np.maximum.accumulate(stamps_ns)
    back = (newest - stamps_ns) / _NS
    if back.max() > MAX_STEP_BACK:
        at = int(np.argmax(back > MAX_STEP_BACK))
        raise DataError(
            f"time goes back by {back[at]:.1f} s at sample {at} of {path}: the clock was set back "
            "or two recordings were joined; cut the bag there and read the parts one by one"
        )
    order = np.argsort(stamps_ns, kind="stable")
    first = np.concatenate(([True], np.diff(stamps_ns[order]) > 0))
    checks = replace(checks, reordered=int((back > 0.0).sum()), duplicates=int((~first).sum()))
    return stamps_ns[order][first], rows[order][first], checks
