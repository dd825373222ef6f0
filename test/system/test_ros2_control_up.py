# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 up` with arms behind ros2_control, emulated: each by one command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml3_ros.data.run_files import RunFolder
from ml3_ros.robots.registry import load_robot, package_file

ARMS = Path(__file__).parents[1] / "arms"
# arm: (preset, its file)
KINDS = {
    "ur5e": ("ur", ARMS / "ur5e.urdf"),
    "gen3": ("generic", ARMS / "gen3.urdf"),
    "panda": ("franka", package_file("panda_description/urdf/panda.urdf")),
    "xarm7": ("gazebo", package_file("xarm_description/urdf/xarm7.urdf")),
}
SHORT = ("loss:=none", "duration:=3", "hold_out:=1.5")

pytestmark = pytest.mark.system


def run_of(up, arm, folder, system="sawyer_invdyn", words=SHORT):
    preset, file = KINDS[arm]
    robot = ("robot:=ros2_control_emulated", f"preset:={preset}", f"urdf:={file}")
    run = up(system, *robot, *words, f"out:={folder}")
    assert run.end() == 0
    return run


def test_a_ur5e_is_excited_and_learned_through_its_controller_of_efforts(up, tmp_path):
    run = run_of(up, "ur5e", tmp_path / "out")
    samples = RunFolder(tmp_path / "out").load_samples()
    assert samples.joint_names == load_robot(KINDS["ur5e"][1]).names
    # what is light for its friction begins late
    assert (np.ptp(samples.q, axis=0) > 1e-3).sum() >= 4
    # the shoulder bears the arm by some 50 N m, which no current in amperes would show
    assert np.abs(samples.tau[:, 1]).max() > 20.0
    assert "Held-out NMSE" in run.output


def test_a_ur5e_is_moved_by_its_own_controller_of_trajectories(up, tmp_path):
    run_of(up, "ur5e", tmp_path / "out", "arm_motion")
    samples = RunFolder(tmp_path / "out").load_samples()
    assert samples.joint_names == load_robot(KINDS["ur5e"][1]).names
    assert (np.ptp(samples.q, axis=0) > 1e-3).sum() >= 4
    assert np.abs(samples.tau).max() < 20.0  # the driver's own efforts, which are currents


@pytest.mark.slow
@pytest.mark.parametrize(
    ("system", "arm"),
    [
        ("sawyer_invdyn", "panda"),
        ("arm_motion", "panda"),
        ("arm_motion", "gen3"),
        ("arm_motion", "xarm7"),
    ],
)
def test_other_arms_are_moved_and_learned_too(up, tmp_path, system, arm):
    run_of(up, arm, tmp_path / "out", system)
    samples = RunFolder(tmp_path / "out").load_samples()
    assert (np.ptp(samples.q, axis=0) > 1e-3).sum() >= 4


@pytest.mark.slow
def test_a_panda_tracks_by_what_is_learned(up, tmp_path):
    words = ("duration:=15", "hold_out:=15", "lap:=5")
    run = run_of(up, "panda", tmp_path / "out", "sawyer_track", words)
    assert "ml3_shaped" in run.output
