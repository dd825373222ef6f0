# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Messages of trajectories to points and back, and the action that follows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from ml3_ros.errors import MessageError
from ml3_ros.nodes.messages.joint_states import NANO, listed, time_msg
from ml3_ros.nodes.messages.ros2_control import check_fields, found
from ml3_ros.robots.base import Array
from ml3_ros.robots.ros2_control.trajectory import Points

END_VELOCITY = 1e-3  # [rad/s] that the last point may have
MOST_POINTS = 10_000


def follow_type(package: str) -> Any:
    """Return the action type FollowJointTrajectory of `package` (control_msgs).

    Raises:
        ConfigError: The package, the action or a field is missing.
    """
    kind = found(package, "action", "FollowJointTrajectory")
    check_fields(f"{package}/FollowJointTrajectory", kind.Goal, ("trajectory",))
    check_fields(f"{package}/FollowJointTrajectory", kind.Result, ("error_code", "error_string"))
    return kind


def points_to_msg(
    points: Points, names: Sequence[str], stamp: int, *, efforts: bool
) -> JointTrajectory:
    """Return a trajectory that begins at `stamp` [ns]; 0: when it arrives."""
    msg = JointTrajectory(joint_names=list(names))
    msg.header.stamp = time_msg(stamp)
    for t, q, v, a, effort in zip(
        points.t, points.q, points.v, points.a, points.effort, strict=True
    ):
        point = JointTrajectoryPoint(
            positions=q.tolist(), velocities=v.tolist(), accelerations=a.tolist()
        )
        if efforts:
            point.effort = effort.tolist()
        time = round(float(t) * NANO)
        point.time_from_start.sec, point.time_from_start.nanosec = divmod(time, NANO)
        msg.points.append(point)
    return msg


def points_from_msg(msg: JointTrajectory, names: Sequence[str]) -> Points:
    """Read a trajectory of all joints; what is left out of velocity and so on is zero.

    Raises:
        MessageError: It is for other joints, or no arm could follow it.
    """
    if sorted(msg.joint_names) != sorted(names):
        raise MessageError(
            f"a trajectory is for {listed(msg.joint_names) or 'no joints'}: it is rejected; send "
            f"one for {', '.join(names)}"
        )
    if not 0 < len(msg.points) <= MOST_POINTS:
        raise MessageError(
            f"a trajectory has {len(msg.points)} points: it is rejected; send 1 to {MOST_POINTS}"
        )
    index = [list(msg.joint_names).index(name) for name in names]
    t = np.array([p.time_from_start.sec + p.time_from_start.nanosec / NANO for p in msg.points])
    if t[0] < 0.0 or (np.diff(t) <= 0.0).any():
        raise MessageError(
            "the times of a trajectory do not rise: it is rejected; order its points by "
            "time_from_start"
        )

    def column(field: str) -> Array:
        rows = [getattr(point, field) for point in msg.points]
        if field != "positions":
            rows = [row if len(row) else [0.0] * len(names) for row in rows]
        if any(len(row) != len(names) for row in rows):
            raise MessageError(
                f"{field} of a trajectory has not one number a joint: it is rejected; fill "
                f"{field} at every point"
            )
        values = np.array(rows, dtype=np.float64)[:, index]
        if not np.isfinite(values).all():
            raise MessageError(
                f"{field} of a trajectory holds NaN or infinity: it is rejected; check its sender"
            )
        return values

    points = Points(
        t=t,
        q=column("positions"),
        v=column("velocities"),
        a=column("accelerations"),
        effort=column("effort"),
    )
    if np.abs(points.v[-1]).max() > END_VELOCITY:
        raise MessageError(
            "a trajectory ends with a velocity: it is rejected; let its last point rest"
        )
    return points
