# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Public recordings of real arms, read at even times with their torque in N m.

None of them is part of this package: `ml3 arms --fetch` downloads most, see docs/arms.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml3_ros.data.bags.reader import read_joint_states
from ml3_ros.data.columns.mapping import mapping_of
from ml3_ros.data.columns.reader import read_mapped
from ml3_ros.data.filters import uneven_acceleration
from ml3_ros.data.recording import JointRecording
from ml3_ros.errors import DataError
from ml3_ros.files import user_path
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot, package_file

Array = NDArray[np.float64]
RATE = 50.0  # of the rows, as of the simulated arms that losses are trained on [Hz]
WINDOW, ORDER = 0.25, 3  # of the acceleration filter [s]
PUSHES = ((1.8, 3.3), (4.5, 6.2), (8.2, 9.8), (11.7, 13.6))
"""When a person pushes the standing arm [s], as currents and positions of all joints show it."""
UR_JOINTS = tuple(
    f"{name}_joint"
    for name in ("shoulder_pan", "shoulder_lift", "elbow", "wrist_1", "wrist_2", "wrist_3")
)
UR10E_CONSTANTS = (14.87, 13.26, 11.13, 10.62, 11.03, 11.47)  # published [N m/A]


@dataclass(frozen=True, kw_only=True, slots=True)
class RealArm:
    """A recording of a real arm and where its description is.

    Attributes:
        title: For figures.
        joints: Of the recording, in its order.
        file: A bag, or the text file with times.
        columns: Mapping of columns but for joints and time, see `data.columns.mapping`; empty for
            a bag.
        urdf: A file beside the recording, or with a folder one of example-robot-data.
        constants: Torque for a unit of the recorded effort; empty where that is N m.
    """

    title: str
    joints: tuple[str, ...]
    file: str
    columns: Mapping[str, Any]
    urdf: str
    constants: tuple[float, ...] = ()

    def read(self, folder: str | Path) -> JointRecording:
        """Return the recording from a file anywhere in `folder`, with torque [N m].

        Raises:
            DataError: It is not there, or cannot be read.
        """
        path = found(folder, self.file)
        if not self.columns:
            return read_joint_states(path, None, self.joints)
        mapping = {"joints": list(self.joints), "time": {"file": self.file, "columns": [1]}}
        return read_mapped(
            mapping_of({**mapping, **self.columns}, path.parent), self.file, self.joints
        )

    def model(self, folder: str | Path) -> PinocchioModel:
        """Return the arm as described, its recorded joints alone.

        Raises:
            DataError: The URDF is not there.
            RobotError: The package that has it is not installed.
        """
        packaged = "/" in self.urdf
        path = package_file(self.urdf) if packaged else found(folder, self.urdf)
        return PinocchioModel(load_robot(path, joints=self.joints, simulated=False))

    def rows(self, folder: str | Path) -> RealRows:
        """Return the recording at even times; raises as `read`."""
        recording = self.read(folder)
        window = max(5, round(WINDOW / recording.dt) // 2 * 2 + 1)
        a, use = uneven_acceleration(recording.t, recording.v, recording.dt, window, ORDER)
        usable = np.flatnonzero(use)
        usable = usable[(usable >= window // 2) & (usable < len(use) - window // 2)]
        t = recording.t[usable]
        grid = np.arange(t[0], t[-1], 1.0 / RATE)
        at = usable[np.searchsorted(t, grid)]
        tau = recording.tau * (np.array(self.constants) if self.constants else 1.0)
        return RealRows(recording.t, recording.q, recording.v, a, tau, at)


@dataclass(frozen=True, slots=True, eq=False)
class RealRows:
    """Samples of a recording: t (T,) [s]; q, v, a, tau (T, n) [rad, rad/s, rad/s^2, N m].

    `even` (R,) are those at RATE whose acceleration is known.
    """

    t: Array
    q: Array
    v: Array
    a: Array
    tau: Array
    even: NDArray[np.intp]


def found(folder: str | Path, name: str) -> Path:
    """Return the file of that name in `folder` or below it.

    Raises:
        DataError: There is none.
    """
    folder = user_path(folder)
    paths = sorted(folder.rglob(name))
    if not paths:
        raise DataError(
            f"{folder} has no {name}: docs/arms.md tells where the recordings are published"
        )
    return paths[0]


def _ur10e(file: str, title: str) -> RealArm:
    signals = {"position": range(2, 8), "velocity": range(8, 14), "effort": range(14, 20)}
    columns: dict[str, Any] = {
        name: {"file": file, "columns": list(numbers)} for name, numbers in signals.items()
    }
    columns["effort"]["unit"] = "A"
    return RealArm(
        title=title,
        joints=UR_JOINTS,
        file=file,
        columns=columns,
        urdf="ur10e.urdf",
        constants=UR10E_CONSTANTS,
    )


ARMS: Mapping[str, RealArm] = {
    "ur10": RealArm(
        title="UR10",
        joints=UR_JOINTS,
        file="ur10_exciting_trajectory.db3",
        columns={},
        urdf="ur_description/urdf/ur10_robot.urdf",
    ),
    "panda": RealArm(
        title="Panda",
        joints=tuple(f"panda_joint{i}" for i in range(1, 8)),
        file="exciting_traj_time.txt",
        columns={
            "position": {"file": "exciting_traj_positions.txt", "columns": "lines"},
            "velocity": {"file": "exciting_traj_velocity.txt", "columns": "lines"},
            "effort": {"file": "exciting_traj_torques.txt", "columns": "lines"},
        },
        urdf="panda_description/urdf/panda.urdf",
    ),
    "ur10e": _ur10e("ur-20_02_19_14harm50sec.csv", "UR10e, 19 February"),
    "ur10e_february_12": _ur10e("ur-20_02_12-50sec_12harm.csv", "UR10e, 12 February"),
}
"""Recordings of arms in motion that nothing touches."""
STANDING = _ur10e("ur-20_01_22-push_pose_1.csv", "UR10e, pushed")
"""A UR10e that holds one pose while a person pushes it."""
