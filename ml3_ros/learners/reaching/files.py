# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The output folder of a run that reaches goals.

    OUT/config.json     resolved parameters, the arm's task, the methods
    OUT/episodes.npz    one row an episode, see `Episodes`
    OUT/metrics.json    numbers of the report

Every file is written beside its place and renamed into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ml3_ros.data.run_files import RunFolder
from ml3_ros.errors import DataError
from ml3_ros.learners.reaching.arm_task import Array
from ml3_ros.learners.reaching.run import Outcome

EXPERIMENT = "reach_live"  # in config.json


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Episodes:
    """E episodes for G goals.

    `goals` (G, 7) are poses [m, -]; of every episode `goal` (E,) is the number of its goal,
    `method` (E,) that of its method, `number` (E,) the updates before it, `seconds` (E,) [s] the
    arm's time since the policy was fresh, `value` (E,) what the update minimised, `distance`
    (E, T + 1) [m] and `hand` (E, T + 1, k) [m, -] the way of the hand, `state` (E, T, 2 n) [rad,
    rad/s] that of the joints.
    """

    goals: Array
    goal: Array
    method: Array
    number: Array
    seconds: Array
    value: Array
    distance: Array
    hand: Array
    state: Array

    def __post_init__(self) -> None:
        rows = {len(getattr(self, f.name)) for f in fields(self) if f.name != "goals"}
        if len(rows) != 1 or self.distance.ndim != 2 or self.hand.ndim != 3:
            raise DataError("episodes: every array must have one row an episode; run it again")


class ReachFolder(RunFolder):
    """Read and write the files of one run; every failure is a DataError."""

    def save_outcomes(
        self, outcomes: Sequence[Outcome], goals: Sequence[Array], methods: Sequence[str]
    ) -> None:
        """Write episodes.npz."""
        columns = {
            "goal": [o.goal for o in outcomes],
            "method": [methods.index(o.method) for o in outcomes],
            "number": [o.number for o in outcomes],
            "seconds": [o.seconds for o in outcomes],
            "value": [o.value for o in outcomes],
            "distance": [o.episode.distance for o in outcomes],
            "hand": [o.episode.hand for o in outcomes],
            "state": [o.episode.state for o in outcomes],
            "goals": list(goals),
        }
        self._save_arrays("episodes.npz", {k: np.array(v) for k, v in columns.items()})

    def load_episodes(self) -> Episodes:
        """Read episodes.npz and check it."""
        names = tuple(f.name for f in fields(Episodes))
        return Episodes(**self._load_arrays("episodes.npz", names))
