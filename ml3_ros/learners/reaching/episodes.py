# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Episodes on an arm: when to act in one, and what is kept of it. No model, no clock, no ROS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml3_ros.errors import DataError
from ml3_ros.learners.reaching.arm_task import ArmTask, Array

EARLY = 0.02  # share of a period by which a joint state may come before an action is due
NANO = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """What a policy did and saw: T actions at T states, and where the hand was then and after.

    `state` (T, 2 n) [rad, rad/s], `action` (T, n) [N m], `hand` (T + 1, n_goals) [m],
    `goal` (n_goals,), `distance` (T + 1,) [m].
    """

    state: Array
    action: Array
    hand: Array
    goal: Array
    distance: Array


class Recorder:
    """One episode while it goes on."""

    def __init__(self, task: ArmTask, goal: Array, stamp: int, largest_gap: float) -> None:
        """Begin.

        Args:
            task: Sets how long and how often.
            goal: (n_goals,).
            stamp: Of the joint state at the start [ns].
            largest_gap: Between joint states [s]; one that comes later is stale.
        """
        self._task, self._goal = task, goal
        self._start = self._newest = stamp
        self._largest_gap = largest_gap
        self._states: list[Array] = []
        self._actions: list[Array] = []
        self._hands: list[Array] = []

    def due(self, stamp: int) -> bool:
        """Return whether a new action is due at a joint state, or the end.

        Raises:
            DataError: No joint state came for too long before it.
        """
        gap = (stamp - self._newest) / NANO
        if not 0.0 <= gap <= self._largest_gap:
            raise DataError(
                f"no joint state came for {gap:.3f} s of the arm's time amid an episode: it is "
                "broken off; check the rate of joint_states"
            )
        self._newest = stamp
        when = (len(self._actions) - EARLY) * self._task.period
        return (stamp - self._start) / NANO >= when

    def at_end(self) -> bool:
        """Return whether all actions have been taken."""
        return len(self._actions) == self._task.horizon

    def add(self, state: Array, hand: Array, action: Array) -> None:
        """Keep what was done at a state (2 n,) with the hand at (n_goals,)."""
        self._states.append(state)
        self._hands.append(hand)
        self._actions.append(action)

    def finish(self, hand: Array) -> Episode:
        """Return the episode; `hand` is where it ended."""
        hands = np.array([*self._hands, hand])
        return Episode(
            state=np.array(self._states),
            action=np.array(self._actions),
            hand=hands,
            goal=self._goal,
            distance=self._task.distance(hands, self._goal),
        )
