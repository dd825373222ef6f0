# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reader of a recording of joint states: a ROS bag, or columns of text with a mapping file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ml3_ros.data.bags.reader import read_joint_states
from ml3_ros.data.bags.topics import recorded_joints
from ml3_ros.data.columns.mapping import read_mapping
from ml3_ros.data.columns.reader import read_columns
from ml3_ros.data.recording import JointRecording
from ml3_ros.data.repair.spikes import without_spikes
from ml3_ros.errors import DataError
from ml3_ros.files import user_path

METADATA = "metadata.yaml"  # of a bag: its folder is meant


def read_recording(
    path: str | Path,
    topic: str | None = None,
    joints: Sequence[str] | None = None,
    rename: str | Sequence[str] = (),
) -> JointRecording:
    """Read a bag, or the text files that a mapping file (.yaml) describes, without spikes.

    Args:
        path: Bag folder, `.db3`, `.mcap`, or mapping file.
        topic: Of a bag; may be left out where only one carries the joints.
        joints: Joints to read, in the order of the arrays.
        rename: Of a bag: its names in terms of `joints`, see `repair.names`.

    Raises:
        DataError: It cannot be read; see `read_joint_states` and `read_columns`.
    """
    path = user_path(path)
    if path.suffix not in (".yaml", ".yml"):
        return without_spikes(read_joint_states(path, topic, joints, rename))
    if path.name == METADATA:
        return without_spikes(read_joint_states(path.parent, topic, joints, rename))
    if topic is not None:
        raise DataError(f"{path} maps columns of text, which have no topic: leave out topic")
    if rename:
        raise DataError(f"{path} names the joints itself: change the names there, not by rename")
    return without_spikes(read_columns(path, joints))


def joints_recorded(
    path: str | Path,
    known: Sequence[str],
    topic: str | None = None,
    rename: str | Sequence[str] = (),
) -> tuple[str, ...]:
    """Return those of the joints `known` that a recording carries, in their order.

    Args:
        path: As for `read_recording`, and so the others.
        known: Joints of an arm.
        topic: Of a bag; without it, that with most of the joints.
        rename: Of a bag.

    Raises:
        DataError: It cannot be read, or carries none of them.
    """
    path = user_path(path)
    if path.suffix in (".yaml", ".yml") and path.name != METADATA:
        mapped = read_mapping(path).joints
        return tuple(name for name in known if name in mapped) or tuple(known)
    folder = path.parent if path.name == METADATA else path
    return recorded_joints(folder, topic, known, rename)
