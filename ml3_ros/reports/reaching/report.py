# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Report of a run that reached goals: a table for the terminal, and metrics.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from ml3_ros.errors import DataError
from ml3_ros.learners.reaching.arm_task import Array
from ml3_ros.learners.reaching.files import EXPERIMENT, Episodes, ReachFolder
from ml3_ros.reports.styles import method_style
from ml3_ros.reports.tables import RULE, number, text_table

POSE = 7  # numbers of a pose: position and quaternion
FEW = (0, 1, 2, 3, 5)  # updates that the table shows, beside the last


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReachReport:
    """A run, by method.

    Attributes:
        config: Of the run.
        goals: Of the G goals that were finished, (G, 7) [m, -].
        distance: Of every method, at the end of the episode after 0 to K updates (G, K + 1) [m].
        hand: Of every method, the ways of the hand (G, K + 1, T + 1, n) [m, -].
        state: Of every method, the ways of the joints (G, K + 1, T, 2 n) [rad, rad/s].
        seconds: Of every method, the arm's time that a goal took, resets included (G,) [s].
    """

    config: dict[str, Any]
    goals: Array
    distance: dict[str, Array]
    hand: dict[str, Array]
    state: dict[str, Array]
    seconds: dict[str, Array]

    @property
    def n_episodes(self) -> int:
        """Episodes of a method for a goal."""
        return int(self.config["updates"]) + 1


def build_reach_report(folder: ReachFolder) -> ReachReport:
    """Read the folder of a run.

    Raises:
        DataError: It is damaged, or not one goal was finished.
    """
    config = folder.load_config()
    episodes = folder.load_episodes()
    try:
        methods, last = list(config["methods"]), int(config["updates"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{folder.path / 'config.json'} is damaged: run it again") from error
    ended = (episodes.number == last) & (episodes.method == len(methods) - 1)
    finished = episodes.goal[ended].astype(int)
    if not len(finished):
        raise DataError(f"in {folder.path} no goal was finished: let the run go on for longer")
    tables = {name: _of(episodes, i, finished, last) for i, name in enumerate(methods)}
    return ReachReport(
        config=config,
        goals=episodes.goals[finished],
        distance={name: episodes.distance[rows, -1] for name, rows in tables.items()},
        hand={name: episodes.hand[rows] for name, rows in tables.items()},
        state={name: episodes.state[rows] for name, rows in tables.items()},
        seconds={name: episodes.seconds[rows[:, -1]] for name, rows in tables.items()},
    )


def _of(episodes: Episodes, method: int, goals: Array, last: int) -> Array:
    """Return the rows of a method's episodes, (G, last + 1)."""
    rows = np.full((len(goals), last + 1), -1)
    place = {int(goal): i for i, goal in enumerate(goals)}
    for row in np.flatnonzero(episodes.method == method):
        if int(episodes.goal[row]) in place:
            rows[place[int(episodes.goal[row])], int(episodes.number[row])] = row
    if (rows < 0).any():
        raise DataError("episodes.npz lacks episodes of finished goals: run it again")
    return rows


def reach_table(report: ReachReport) -> str:
    """Return distances at the end of episodes [mm] for every goal and method, and their means."""
    last = report.n_episodes - 1
    columns = [k for k in FEW if k < last] + [last]
    rows: list[Sequence[str]] = []
    for i, goal in enumerate(report.goals):
        place = ", ".join(f"{x:.3f}" for x in goal[:3])
        for name, distance in report.distance.items():
            rows.append(_row(place, name, distance[i, columns], report.seconds[name][i]))
            place = ""
    rows.append(RULE)
    for name, distance in report.distance.items():
        seconds = report.seconds[name].mean()
        rows.append(_row("mean", name, distance[:, columns].mean(axis=0), seconds))
    header = ["goal [m]", "method", *(f"@{k}" for k in columns), "robot time"]
    title = "Distance of the hand from its goal when an episode ends, after so many updates [mm]"
    table = text_table(header, rows, n_texts=2)
    return "\n".join([title, table, "", *_explanations(report)])


def _explanations(report: ReachReport) -> list[str]:
    """Return what to know when reading the table: episodes, turns of the hand, methods."""
    task = report.config["arm_task"]
    seconds = task["horizon"] * task["period"]
    lines = [
        f"{report.n_episodes} episodes of {seconds:.1f} s for each goal: the policy is random "
        "in the first, learns from all but the last, and is tested in the last"
    ]
    lines += _turns(report)
    return lines + [f"{method_style(n).label}: {method_style(n).meaning}" for n in report.distance]


def _turns(report: ReachReport) -> list[str]:
    """Return how far hands are turned from their goals before and after, where goals are poses."""
    lines = []
    for name, hand in report.hand.items():
        if hand.shape[-1] < POSE:
            continue
        ends = hand[:, [0, -1], -1, 3:]
        angles = [
            (Rotation.from_quat(report.goals[:, 3:]) * Rotation.from_quat(ends[:, i]).inv())
            for i in (0, 1)
        ]
        before, after = (np.degrees(a.magnitude()).mean() for a in angles)
        label = method_style(name).label
        lines.append(f"{label}: the hand is turned {before:.0f} degrees before, {after:.0f} after")
    return lines


def _row(place: str, name: str, distances: Array, seconds: float) -> Sequence[str]:
    """Return a line of the table, distances in millimetres."""
    cells = [number(1e3 * distance) for distance in distances]
    return [place, method_style(name).label, *cells, f"{seconds:.1f} s"]


def reach_metrics(report: ReachReport) -> dict[str, Any]:
    """Return the content of metrics.json; x counts updates, one an episode."""
    methods, headline = {}, {}
    for name, distance in report.distance.items():
        methods[name] = {
            "x": list(range(report.n_episodes)),
            "per_seed": distance.tolist(),
            "seconds": report.seconds[name].tolist(),
        }
        headline[f"{name}_distance_before"] = float(distance[:, 0].mean())
        headline[f"{name}_distance_after"] = float(distance[:, -1].mean())
        headline[f"{name}_robot_seconds"] = float(report.seconds[name].mean())
    return {
        "experiment": EXPERIMENT,
        "config": {**report.config, "x": "updates", "rows": "goals, distances in m"},
        "methods": methods,
        "headline": headline,
    }
