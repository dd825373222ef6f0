# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The plan of a run: which policy acts next, for which goal, and what came out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml3_ros.errors import ConfigError, reason_of
from ml3_ros.learners.reaching.arm_task import ArmTask, Array
from ml3_ros.learners.reaching.episodes import Episode
from ml3_ros.learners.reaching.policy_learner import PolicyLearner


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outcome:
    """One episode of a run.

    Attributes:
        goal: Number of the goal, from 0.
        method: Who learned.
        number: Updates that the policy had made before.
        episode: What happened.
        seconds: Time of the arm since the goal's work by this method began [s].
        value: What was minimised, before the update; NaN where nothing was learned.
        ended: Why the policy learns no more from this episode on, or "".
    """

    goal: int
    method: str
    number: int
    episode: Episode
    seconds: float
    value: float
    ended: str = ""


class ReachRun:
    """For every goal and method: a fresh policy, `updates` episodes to learn from, one to test.

    A policy whose update fails acts on as it was; the next goal gets a fresh one.

    Attributes:
        outcomes: All episodes so far.
        ended: Why policies learn no more, by number of the goal and method.
    """

    def __init__(
        self,
        task: ArmTask,
        learners: Mapping[str, PolicyLearner],
        *,
        updates: int,
        n_goals: int,
        seed: int,
    ) -> None:
        """Plan.

        Args:
            task: Of the arm.
            learners: By method.
            updates: Of every policy.
            n_goals: After so many goals the run is done; 0: never.
            seed: Of the policies; every goal has its own, and all methods the same.
        """
        if not learners:
            raise ConfigError("there is no method to learn with")
        self.task, self.learners, self.updates, self.seed = task, dict(learners), updates, seed
        self.n_goals = n_goals
        self.outcomes: list[Outcome] = []
        self.ended: dict[tuple[int, str], str] = {}
        self.goals: list[Array] = []  # begun so far, poses (7,)
        self._waiting: deque[Array] = deque()
        self._methods: deque[str] = deque()  # still to come for the present goal
        self._method: str | None = None
        self._number = 0

    def add_goal(self, pose: Array) -> None:
        """Queue a goal, position and quaternion (7,).

        Raises:
            DataError: It is out of reach.
        """
        self.task.check_goal(pose)
        self._waiting.append(pose)

    @property
    def done(self) -> bool:
        """Whether all goals have been worked on."""
        idle = self._method is None and not self._methods
        return bool(self.n_goals) and idle and len(self.goals) >= self.n_goals

    @property
    def all_ended(self) -> bool:
        """Whether there were goals, and no policy of any was learning to the end."""
        return 0 < len(self.goals) * len(self.learners) == len(self.ended)

    @property
    def goal(self) -> Array:
        """The present goal, as much of it as the task is about, (n_goals,)."""
        return self.goals[-1][: self.task.n_goals]

    @property
    def learner(self) -> PolicyLearner:
        """Who acts."""
        assert self._method is not None
        return self.learners[self._method]

    @property
    def fresh(self) -> bool:
        """Whether the next episode is the first one of its policy."""
        return self._number == 0

    def prepare(self) -> bool:
        """Make ready for the next episode; return False if there is no goal for one."""
        if self.done:
            return False
        if self._method is None:
            if not self._methods:
                if not self._waiting:
                    return False
                self.goals.append(self._waiting.popleft())
                self._methods.extend(self.learners)
            self._method, self._number = self._methods.popleft(), 0
            self.learner.begin(self.seed + len(self.goals))
        return True

    def finish(self, episode: Episode, seconds: float) -> Outcome:
        """Learn from an episode and go on; this takes milliseconds."""
        assert self._method is not None
        policy = len(self.goals) - 1, self._method
        value = np.nan
        if self._number < self.updates and policy not in self.ended:
            try:
                value = self.learner.update(episode)
            except Exception as error:  # losses come from anywhere
                self.ended[policy] = reason_of(error)
        if self._number == self.updates - 1:
            self.learner.settle()
        outcome = Outcome(
            goal=policy[0],
            method=self._method,
            number=self._number,
            episode=episode,
            seconds=seconds,
            value=value,
            ended=self.ended.get(policy, ""),
        )
        self.outcomes.append(outcome)
        self._number += 1
        if self._number > self.updates:
            self._method = None
        return outcome
