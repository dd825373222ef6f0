# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reader of a recording of joint states: a ROS bag, or columns of text with a mapping file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ml3_ros.data.bags.reader import read_joint_states
from ml3_ros.data.columns.reader import read_columns
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import DataError
from ml3_ros.files import user_path

METADATA = "metadata.yaml"  # of a bag: its folder is meant


def read_recording(
    path: str | Path, topic: str | None = None, joints: Sequence[str] | None = None
) -> JointRecording:
    """Read a bag, or the text files that a mapping file (.yaml) describes.

    Args:
        path: Bag folder, `.db3`, `.mcap`, or mapping file.
        topic: Of a bag; may be left out where only one carries joint states.
        joints: Joints to read, in the order of the arrays.

    Raises:
        DataError: It cannot be read; see `read_joint_states` and `read_columns`.
    """
    path = user_path(path)
    if path.suffix not in (".yaml", ".yml"):
        return read_joint_states(path, topic, joints)
    if path.name == METADATA:
        return read_joint_states(path.parent, topic, joints)
    if topic is not None:
        raise DataError(f"{path} maps columns of text, which have no topic: leave out topic")
    return read_columns(path, joints)
