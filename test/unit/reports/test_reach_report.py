# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The report of a run that reached goals: its table, metrics, figure and clip."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ml3_ros.cli.main import main
from ml3_ros.errors import DataError
from ml3_ros.learners.reaching.episodes import Episode
from ml3_ros.learners.reaching.files import EXPERIMENT, ReachFolder
from ml3_ros.learners.reaching.run import Outcome
from ml3_ros.reports.reaching.report import build_reach_report, reach_metrics, reach_table
from ml3_ros.tasks.reaching.arm_recipes import ARMS

METHODS = ("ml3_reach", "random_search")
UPDATES, HORIZON = 2, 4


def a_run(path, arm="reacher", goals=2, last_goal_done=True):
    """Write a run in which ML3 ends 100, 50, 25 mm from a goal, and random search 100 always."""
    task = ARMS[arm]().task
    n = task.n_goals
    folder = ReachFolder.create(path)
    config = {"experiment": EXPERIMENT, "methods": METHODS, "updates": UPDATES, "robot": arm,
              "arm_task": task.to_dict()}  # fmt: skip
    folder.save_config(config)
    outcomes, poses = [], []
    for g in range(goals):
        poses.append(np.array([0.1, 0.01 * g, 0.0, 0.0, 0.0, 0.0, 1.0]))
        for method in METHODS:
            for k in range(UPDATES + 1):
                far = 0.1 / (2**k if method == "ml3_reach" else 1)
                hand = np.tile(poses[-1][:n], (HORIZON + 1, 1))
                hand[:, 0] += np.linspace(0.2, far, HORIZON + 1)
                state = np.zeros((HORIZON, task.n_states))
                episode = Episode(state, state[:, : task.n_actions], hand, poses[-1][:n],
                                  task.distance(hand, poses[-1][:n]))  # fmt: skip
                outcomes.append(Outcome(goal=g, method=method, number=k, episode=episode,
                                        seconds=2.0 * k, value=1.0))  # fmt: skip
    if not last_goal_done:
        del outcomes[-1]
    folder.save_outcomes(outcomes, poses, METHODS)
    return folder


def test_distances_are_reported_by_goal_and_method(tmp_path):
    report = build_reach_report(a_run(tmp_path))
    table = reach_table(report)
    rows = [line.split() for line in table.splitlines() if "ML3  " in line]
    assert [row[-5:-2] for row in rows] == [["100", "50", "25"]] * 3
    assert all(row[-2:] == ["4.0", "s"] for row in rows)
    assert table.count("random search") == 4
    assert "3 episodes of 1.6 s for each goal" in table
    metrics = reach_metrics(report)
    assert metrics["headline"]["ml3_reach_distance_before"] == pytest.approx(0.1)
    assert metrics["headline"]["ml3_reach_distance_after"] == pytest.approx(0.025)
    assert metrics["headline"]["random_search_distance_after"] == pytest.approx(0.1)
    assert metrics["methods"]["ml3_reach"]["x"] == [0, 1, 2]


def test_a_goal_that_was_not_finished_is_left_out(tmp_path):
    report = build_reach_report(a_run(tmp_path / "a", last_goal_done=False))
    assert len(report.goals) == 1
    with pytest.raises(DataError, match="no goal was finished"):
        build_reach_report(a_run(tmp_path / "b", goals=1, last_goal_done=False))


@pytest.mark.parametrize("arm", ["reacher", "sawyer"])
def test_the_command_writes_everything(tmp_path, capsys, arm):
    a_run(tmp_path, arm)
    words = ["--clip"] if arm == "reacher" else []
    assert main(["report", str(tmp_path), *words]) == 0
    printed = capsys.readouterr().out
    assert ("the hand is turned 0 degrees" in printed) == (arm == "sawyer")
    names = ["reach_live.png", "reach_live.svg"] + ["reach_live.gif"] * (arm == "reacher")
    for name in names:
        assert (tmp_path / name).stat().st_size > 1000
    assert json.loads((tmp_path / "metrics.json").read_text())["experiment"] == EXPERIMENT


def test_a_clip_of_another_arm_is_rejected(tmp_path, capsys):
    a_run(tmp_path, "sawyer")
    assert main(["report", str(tmp_path), "--clip"]) != 0
    assert "two-joint arm only" in capsys.readouterr().err


def test_a_damaged_folder_is_rejected_by_name(tmp_path):
    folder = a_run(tmp_path)
    with np.load(tmp_path / "episodes.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "episodes.npz", **{**arrays, "value": arrays["value"][1:]})
    with pytest.raises(DataError, match="one row an episode"):
        build_reach_report(folder)
    folder.save_config({"experiment": EXPERIMENT})
    np.savez(tmp_path / "episodes.npz", **arrays)
    with pytest.raises(DataError, match=r"config\.json is damaged"):
        build_reach_report(folder)
