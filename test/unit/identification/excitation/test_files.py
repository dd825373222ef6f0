# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The table holds the motion; the goal becomes a message that splines to the same motion."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from ml3_ros.identification.excitation.files import LEAD, motion_goal, save_motion
from ml3_ros.identification.excitation.search import Motion
from ml3_ros.identification.excitation.series import FourierSeries


@pytest.fixture(scope="module")
def saved(motion, model, tmp_path_factory):
    path = tmp_path_factory.mktemp("excite") / "new" / "motion.csv"
    return save_motion(path, model.names, motion)


def test_the_table_holds_the_motion(saved, motion):
    table, _ = saved
    lines = table.read_text().splitlines()
    assert lines[0] == "t,q_shoulder,q_elbow,v_shoulder,v_elbow,a_shoulder,a_elbow"
    numbers = np.loadtxt(table, delimiter=",", skiprows=1)
    assert numbers.shape == (1001, 7)
    np.testing.assert_allclose(numbers[:, 0], np.arange(1001) / 100.0, atol=1e-9)
    np.testing.assert_allclose(numbers[:, 1:], np.hstack(motion.at(numbers[:, 0])), atol=1e-6)


def message_of(content):
    """Fill the real message as `ros2 action send_goal` does; wrong names or types raise."""
    messages = pytest.importorskip("trajectory_msgs.msg")
    trajectory = messages.JointTrajectory()
    assert set(content) == {"trajectory"} and set(content["trajectory"]) == {
        "joint_names",
        "points",
    }
    trajectory.joint_names = content["trajectory"]["joint_names"]
    for one in content["trajectory"]["points"]:
        point = messages.JointTrajectoryPoint()
        for name, value in one.items():
            if name != "time_from_start":
                setattr(point, name, value)
        for name, value in one["time_from_start"].items():
            setattr(point.time_from_start, name, value)
        trajectory.points.append(point)
    return trajectory


def test_the_goal_fills_a_joint_trajectory(saved, motion, model):
    trajectory = message_of(yaml.safe_load(saved[1].read_text()))
    assert tuple(trajectory.joint_names) == model.names
    points = trajectory.points
    times = [p.time_from_start.sec + 1e-9 * p.time_from_start.nanosec for p in points]
    assert times[0] == LEAD and times[-1] == pytest.approx(LEAD + 10.0)
    assert (np.diff(times) > 0.0).all()
    q, v, a = motion.at(np.array(times) - LEAD)
    for part, name in ((q, "positions"), (v, "velocities"), (a, "accelerations")):
        found = [list(getattr(point, name)) for point in points]
        np.testing.assert_allclose(found, part, atol=2e-6)


def test_quintic_splines_between_the_points_are_the_motion(saved, motion):
    """As joint_trajectory_controller interpolates positions, velocities and accelerations."""
    points = yaml.safe_load(saved[1].read_text())["trajectory"]["points"]
    times = np.array(
        [p["time_from_start"]["sec"] + 1e-9 * p["time_from_start"]["nanosec"] for p in points]
    )
    rows = np.array([[p["positions"], p["velocities"], p["accelerations"]] for p in points])
    worst = 0.0
    for k in range(len(times) - 1):
        h = times[k + 1] - times[k]
        ends = np.vander([0.0, h], 6, increasing=True)
        first = np.array([[i * s ** max(i - 1, 0) for i in range(6)] for s in (0.0, h)])
        second = np.array([[i * (i - 1) * s ** max(i - 2, 0) for i in range(6)] for s in (0.0, h)])
        weights = np.linalg.solve(
            np.vstack([ends, first, second]),
            np.vstack([rows[k : k + 2, 0], rows[k : k + 2, 1], rows[k : k + 2, 2]]),
        )
        middle = np.vander([0.5 * h], 6, increasing=True) @ weights
        q = motion.at(np.array([times[k] + 0.5 * h - LEAD]))[0]
        worst = max(worst, np.abs(middle - q).max())
    assert worst < 1e-4


def test_names_are_escaped(motion):
    names = ('a: "b"', "{c}")
    assert tuple(yaml.safe_load(motion_goal(names, motion))["trajectory"]["joint_names"]) == names


def test_the_goal_of_a_minute_of_seven_joints_fits_a_shell_argument():
    series = FourierSeries(start=np.zeros(7), seconds=60.0, highest=0.8)
    x = np.random.default_rng(0).normal(size=(7, 2 * series.harmonics - 2))
    long = Motion(series=series, coefficients=x, information=0.0)
    assert len(motion_goal([f"right_j{j}" for j in range(7)], long).encode()) < 128 * 1024
