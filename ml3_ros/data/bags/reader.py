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
from dataclasses import replace
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
from ml3_ros.data.recording import JointRecording, RecordingChecks, in_time_order
from ml3_ros.errors import DataError
from ml3_ros.files import user_path

_STORE = get_typestore(Stores.ROS2_KILTED)
_NS = 1_000_000_000


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
    stamps_ns, rows, checks = in_time_order(path, header_ns[kept], rows, checks)
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
