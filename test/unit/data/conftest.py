# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Small bags to read: joint states of two joints, written with the rosbags library."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_KILTED)
JOINT_STATE = "sensor_msgs/msg/JointState"
PLUGINS = {"sqlite3": StoragePlugin.SQLITE3, "mcap": StoragePlugin.MCAP}


def _joint_state(t, names=("a", "b"), q=(0.1, 0.2), v=(1.0, 2.0), tau=None):
    """Return the CDR bytes of a JointState stamped `t` [s]; tau defaults to (t, -t)."""
    types = STORE.types
    tau = (t, -t) if tau is None else tau
    stamp = types["builtin_interfaces/msg/Time"](int(t), round((t - int(t)) * 1e9))
    message = types[JOINT_STATE](
        types["std_msgs/msg/Header"](stamp, "base"),
        list(names),
        *(np.array(x, dtype=float) for x in (q, v, tau)),
    )
    return bytes(STORE.serialize_cdr(message, JOINT_STATE))


def _save(
    path: Path, topics: dict[str, Iterable[bytes | tuple[int, bytes]]], storage: str = "sqlite3"
) -> Path:
    """Write {topic: messages} to a bag folder, received 10 ms apart; returns the folder.

    A message is CDR bytes, or a pair of its time of reception [ns] and these.
    """
    with Writer(path, version=9, storage_plugin=PLUGINS[storage]) as writer:
        for topic, messages in topics.items():
            connection = writer.add_connection(topic, JOINT_STATE, typestore=STORE)
            for i, raw in enumerate(messages):
                at, content = (
                    raw if isinstance(raw, tuple) else (1_000_000_000 + 10_000_000 * i, raw)
                )
                writer.write(connection, at, content)
    return path


@pytest.fixture
def joint_state():
    """Make the CDR bytes of a JointState: (t, names, q, v, tau) -> bytes."""
    return _joint_state


@pytest.fixture
def save():
    """Write a bag folder with the rosbags library: (path, {topic: messages}, storage) -> path."""
    return _save
