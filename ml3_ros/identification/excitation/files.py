# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Files of a motion: a table of samples (CSV), and the goal of a FollowJointTrajectory action.

The goal is YAML as `ros2 action send_goal` takes it; its `trajectory` is a
trajectory_msgs/JointTrajectory.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from ml3_ros.files import user_path, write_atomically
from ml3_ros.identification.excitation.search import Motion

Array = NDArray[np.float64]
RATE = 100.0  # of the table [Hz]
POINTS_A_PERIOD = 6.0  # of the fastest harmonic; quintic splines between them are off by 1e-5 rad
LEAD = 2.0  # given to the arm to get to the start, from near it [s]
_DIGITS = 6  # of a number of the goal: a shell passes 128 kB at most
_NS = 1_000_000_000


def motion_csv(names: Sequence[str], motion: Motion) -> str:
    """Return a table: t [s], then q_, v_ and a_NAME of every joint [rad, rad/s, rad/s^2]."""
    seconds = motion.series.seconds
    t = np.linspace(0.0, seconds, round(seconds * RATE) + 1)
    header = ["t", *(f"{kind}_{name}" for kind in "qva" for name in names)]
    table = np.column_stack([t, *motion.at(t)])
    lines = [",".join(header), *(",".join(f"{x:.9g}" for x in row) for row in table)]
    return "\n".join(lines) + "\n"


def motion_goal(names: Sequence[str], motion: Motion) -> str:
    """Return the goal as YAML; its first point is the start, LEAD after the goal is taken."""
    series = motion.series
    count = int(np.ceil(POINTS_A_PERIOD * series.highest * series.seconds))
    t = np.linspace(0.0, series.seconds, count + 1)
    q, v, a = motion.at(t)
    points = [
        {
            "positions": _short(q[i]),
            "velocities": _short(v[i]),
            "accelerations": _short(a[i]),
            "time_from_start": _duration(float(t[i]) + LEAD),
        }
        for i in range(len(t))
    ]
    goal = {"trajectory": {"joint_names": [str(name) for name in names], "points": points}}
    return str(yaml.safe_dump(goal, sort_keys=False, default_flow_style=None, width=10**6))


def save_motion(path: str | Path, names: Sequence[str], motion: Motion) -> tuple[Path, Path]:
    """Write the table to `path` and the goal beside it as .yaml; return both paths.

    Raises:
        DataError: A file cannot be written.
    """
    path = user_path(path)
    goal = path.with_suffix(".yaml")
    write_atomically(path, motion_csv(names, motion).encode())
    write_atomically(goal, motion_goal(names, motion).encode())
    return path, goal


def _short(values: Array) -> list[float]:
    return [round(float(x), _DIGITS) + 0.0 for x in values]  # no minus before a zero


def _duration(seconds: float) -> dict[str, int]:
    whole, rest = divmod(round(seconds * _NS), _NS)
    return {"sec": whole, "nanosec": rest}
