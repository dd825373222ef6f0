# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 up` with arms behind ros2_control, emulated: each by one command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ml3_ros.data.laps_file import load_laps
from ml3_ros.data.run_files import RunFolder
from ml3_ros.robots.registry import load_robot, package_file
from test.system.conftest import ROOT

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


def begun(up, arm, folder, system, words):
    preset, file = KINDS[arm]
    robot = ("robot:=ros2_control_emulated", f"preset:={preset}", f"urdf:={file}")
    return up(system, *robot, *words, f"out:={folder}")


def run_of(up, arm, folder, system="sawyer_invdyn", words=SHORT):
    run = begun(up, arm, folder, system, words)
    assert run.end() == 0, run.output
    return run


def headline(folder):
    return json.loads((folder / "metrics.json").read_text())["headline"]


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
@pytest.mark.parametrize("arm", KINDS)
def test_every_arm_is_excited_by_torques(up, tmp_path, arm):
    out = tmp_path / "out"
    run = run_of(up, arm, out, words=("loss:=none", "duration:=25", "hold_out:=10"))
    assert "the safety stage has stopped" not in run.output
    samples = RunFolder(out).load_samples()
    assert (np.ptp(samples.q, axis=0) > 0.05).all()
    print(arm, "torques", headline(out))


@pytest.mark.slow
@pytest.mark.parametrize("arm", KINDS)
def test_every_arm_is_moved_observed_and_identified(up, tmp_path, arm):
    """By trajectories; another listens meanwhile; what was recorded is identified afterwards."""
    out, watched = tmp_path / "out", tmp_path / "watched"
    words = ("duration:=50", "hold_out:=10", "loss:=none", "record:=true")
    moves = begun(up, arm, out, "arm_motion", words)
    moves.expect("moving")
    observes = up(
        "observe",
        "namespace:=watch",
        "topic:=/joint_states",
        "urdf:=topic:/robot_description",
        "duration:=20",
        "hold_out:=8",
        f"out:={watched}",
    )
    for run in (observes, moves):
        assert run.end() == 0, run.output
    for folder in (out, watched):
        samples = RunFolder(folder).load_samples()
        assert samples.joint_names == load_robot(KINDS[arm][1]).names  # no gripper
        assert (np.ptp(samples.q, axis=0) > 0.05).all()
    print(arm, "trajectories", headline(out))
    print(arm, "observe", headline(watched))
    command = ["identify", "--bag", str(out / "bag"), "--urdf", str(KINDS[arm][1])]
    subprocess.run(
        [sys.executable, "-m", "ml3_ros.cli.main", *command, "--out", str(tmp_path / "found")],
        check=True,
        cwd=ROOT,
    )
    found = headline(tmp_path / "found")
    print(arm, "identify", found)
    assert found["physical_heldout_nmse"] < 0.1
    assert found["physical_heldout_nmse"] < 0.3 * found["rigid_body_heldout_nmse"]


@pytest.mark.slow
@pytest.mark.parametrize("arm", KINDS)
def test_every_arm_tracks_better_by_what_is_learned(up, tmp_path, arm):
    out = tmp_path / "out"
    run = run_of(up, arm, out, "sawyer_track", ("duration:=24", "hold_out:=24", "lap:=4"))
    assert "the safety stage has stopped" not in run.output
    laps = load_laps(out)[1]
    errors = {
        name: [float(np.mean(lap.rms)) for lap in laps if lap.feedforward == name]
        for name in ("rigid_body", "ml3_shaped")
    }
    print(arm, "tracking", errors)
    assert errors["ml3_shaped"][-1] < 0.5 * errors["rigid_body"][-1]
