# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 up reacher_reach` for real: random policies learn to reach goals, and no model is near."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml3_ros.learners.reaching.files import ReachFolder

pytestmark = pytest.mark.system

MODELS = ("mujoco", "pinocchio")


def libraries(pid):
    """Return the names of the files that a process has mapped."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return " ".join({line.rpartition("/")[2] for line in lines if "/" in line})


def test_random_policies_learn_to_reach_new_goals_without_a_model(up, gone, tmp_path):
    words = ("goals:=2", "updates:=5", "speed:=5.0", f"out:={tmp_path / 'out'}")
    run = up("reacher_reach", *words)
    run.expect("after 1 updates")
    pids = run.nodes()
    assert set(pids) == {"sim_arm", "reach_optimizer", "conductor"}
    acting = libraries(pids["reach_optimizer"])
    assert "libtorch" in acting
    assert "mujoco" in libraries(pids["sim_arm"])
    assert not [model for model in MODELS if model in acting]
    assert run.end() == 0, run.output
    assert "Distance of the hand from its goal when an episode ends" in run.output
    gone(list(pids.values()))
    folder = ReachFolder(tmp_path / "out")
    episodes = folder.load_episodes()
    assert episodes.number.tolist() == [0, 1, 2, 3, 4, 5] * 2
    ends = episodes.distance[:, -1].reshape(2, 6)
    assert (ends[:, -2:].mean(1) < 0.4 * ends[:, 0]).all()
    assert (ends[:, -2:].mean(1) < 0.04).all()
    seconds = episodes.seconds.reshape(2, 6)  # more where a busy machine broke an episode off
    assert (np.diff(seconds, axis=1) > 1.6).all()
    assert seconds[1, 0] < seconds[0, 1], "they are counted anew for every goal"
    metrics = folder.load_metrics()
    assert metrics["headline"]["ml3_reach_distance_after"] == pytest.approx(ends[:, -1].mean())
    assert (folder.path / "reach_live.png").stat().st_size > 1000


@pytest.mark.slow  # the same nodes as above; only the arm is another
def test_sawyers_hand_takes_a_pose_by_torques_on_top_of_gravity(up, gone, tmp_path):
    words = ("goals:=1", "updates:=4", "speed:=5.0", f"out:={tmp_path / 'out'}")
    run = up("reacher_reach", "robot:=sawyer_sim", *words)
    run.expect("after 0 updates")
    pids = run.nodes()
    assert not [model for model in MODELS if model in libraries(pids["reach_optimizer"])]
    assert run.end() == 0, run.output
    assert "the hand is turned" in run.output
    gone(list(pids.values()))
    episodes = ReachFolder(tmp_path / "out").load_episodes()
    assert episodes.state.shape[-1] == 14
    assert (episodes.distance[-2:, -1] < 0.4 * episodes.distance[0, -1]).all()


@pytest.mark.slow  # the sentence is tested with the task, a system that cannot start with test_up
def test_a_loss_of_another_kind_is_one_sentence_and_rc_1(up, gone, tmp_path):
    run = up("reacher_reach", "loss:=reacher_ml3_shaped", f"out:={tmp_path / 'out'}")
    assert run.end() == 1
    assert "the loss is not one for reaching with an arm" in run.output
    assert "Traceback" not in run.output
