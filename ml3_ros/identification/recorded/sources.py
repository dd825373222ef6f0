# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recording and model of an arm, read for one another: joints that are recorded move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from ml3_ros.data.read_recording import joints_recorded
from ml3_ros.data.read_recording import read_recording as read_any_recording
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import DataError
from ml3_ros.identification.recorded.signals import Gravity, SignalConfig, in_model_terms
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot, movable_joints


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedConfig(SignalConfig):
    """A recording of an arm, its URDF, and how the one is in terms of the other."""

    bag: str
    urdf: str
    topic: str | None = None


def load_arm(
    urdf: str, gravity: Gravity = "included", recorded: Sequence[str] | None = None
) -> PinocchioModel:
    """Return the model of an arm by name or file.

    Args:
        urdf: Name or file.
        gravity: "robot": the model is without gravity, as the robot takes it off the efforts.
        recorded: Joints of it that a recording carries; the others are held. Default: all.
    """
    description = load_robot(urdf, recorded=recorded, simulated=False)
    if gravity == "robot":
        description = replace(description, gravity=np.zeros(3))
    return PinocchioModel(description)


def recorded_arm(config: RecordedConfig) -> PinocchioModel:
    """Return the model of an arm with the joints that its recording carries.

    Raises:
        DataError: It carries none of them, or cannot be read.
    """
    with _naming_the_urdf():
        names = joints_recorded(
            config.bag, movable_joints(config.urdf), config.topic, config.rename
        )
    return load_arm(config.urdf, config.gravity, names)


def read_recording(config: RecordedConfig, names: tuple[str, ...]) -> JointRecording:
    """Read the joints of the model from the bag, or from the columns that its file maps.

    Units, signs and zeros are those of the model then, as far as they are configured.

    Raises:
        DataError: It cannot be used; see `ml3_ros.data.read_recording`.
    """
    with _naming_the_urdf():
        recording = read_any_recording(config.bag, config.topic, names, config.rename)
    return in_model_terms(recording, config)


@contextmanager
def _naming_the_urdf() -> Iterator[None]:
    """Add to an error about joints that the URDF may be that of another arm."""
    try:
        yield
    except DataError as error:
        if "has no joint " in str(error):
            raise DataError(f"{error}, or give the URDF of the arm that was recorded") from error
        raise
