# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies that learn from episodes on an arm: by a learned loss, or by random search.

Neither knows a model of the arm: this module imports no simulator and no dynamics.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ml3_ros.core.inner_loop import inner_step
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.core.ready_to_train import ready_to_train
from ml3_ros.core.types import Batch, Params
from ml3_ros.errors import DataError
from ml3_ros.learners.reaching.arm_task import ArmTask, Array
from ml3_ros.learners.reaching.episodes import Episode
from ml3_ros.learners.reaching.observations import OBSERVATIONS

# Size of a step of random search, relative to fresh parameters: the best of 0.1, 0.3, 0.6, 1 and 2
# after ten steps on 20 goals of the two-joint arm.
SIGMA = 1.0
LAST, MEAN = 10.0, 1.0  # of its cost: the distance at the end, and on the way


class PolicyLearner(Protocol):
    """Acts with a policy, and improves it after every episode; `theta` are its parameters."""

    theta: Params

    def begin(self, seed: int) -> None:
        """Start with a fresh random policy; equal seeds give equal ones."""

    def act(self, state: Array, goal: Array) -> Array:
        """Return the torques (n,) [N m] at a state (2 n,) for a goal (n_goals,)."""

    def update(self, episode: Episode) -> float:
        """Learn from an episode; return the value of what was minimised."""

    def settle(self) -> None:
        """Hold on to the best policy: nothing is tried any more."""


class _Acting:
    """What all learners share: a policy and its parameters."""

    def __init__(self, task: ArmTask) -> None:
        self.task, self.policy = task, task.policy()
        self.theta: Params = {}
        self.generator = torch.Generator()

    def begin(self, seed: int) -> None:
        """Start with a fresh random policy."""
        self.generator.manual_seed(seed)
        self.theta = self.policy.init(self.generator)

    def act(self, state: Array, goal: Array) -> Array:
        """Return the torques (n,) [N m], within the task's limits.

        Raises:
            DataError: They are not finite.
        """
        batch = {"state": _tensor(state[None]), "goal": _tensor(goal[None])}
        with torch.no_grad():
            action = self.policy.call(self.theta, batch)[0].double().numpy()
        if not np.isfinite(action).all():
            raise DataError("the policy's torques are not finite: no torque is sent")
        return action


class LossLearner(_Acting):
    """Descends on a learned loss of the newest episode: one step an episode.

    Args:
        task: Of the arm.
        loss: Trained for it.
        method: What errors call it.

    Raises:
        LossFileError: The loss cannot train the policy.
    """

    def __init__(self, task: ArmTask, loss: LearnedLoss, method: str = "ml3_reach") -> None:
        super().__init__(task)
        self._loss = loss
        self._learner = ready_to_train(method, loss, self.policy, self._typical_batch())
        self._state: Params = {}  # of the inner optimizer

    def begin(self, seed: int) -> None:
        """See `PolicyLearner`."""
        super().begin(seed)
        self._state = self._learner.inner_optimizer.init(self.theta)

    def update(self, episode: Episode) -> float:
        """See `PolicyLearner`.

        Raises:
            DataError: The update is not finite; the policy stays as it was.
        """
        state, action, hand = map(_tensor, (episode.state, episode.action, episode.hand[:-1]))
        batch = self._batch(state, action, hand, _tensor(episode.goal).expand(len(state), -1))
        result = inner_step(self._learner, self.theta, self._loss.phi, batch, self._state)
        if not all(p.isfinite().all() for p in result.theta.values()):
            raise DataError("the learned loss gives an update that is not finite: train it again")
        self.theta, self._state = result.theta, result.state
        return float(result.meta_loss_value)

    def settle(self) -> None:
        """See `PolicyLearner`: the newest policy is the best."""

    def _batch(self, state: Tensor, action: Tensor, hand: Tensor, goal: Tensor) -> Batch:
        """Return what a step observes of an episode, each (T, k) by name."""
        seen = OBSERVATIONS[self.task.observation][1](state, hand, goal)
        return {"state": state, "goal": goal, "action": action, **seen}

    def _typical_batch(self) -> Batch:
        """Return the batch of a random episode, of typical size."""
        states, goals = self.task.scales
        generator = torch.Generator().manual_seed(0)
        state, action, hand, goal = (
            torch.tensor(x) * torch.randn(self.task.horizon, len(x), generator=generator)
            for x in (states, self.task.limits, goals, goals)
        )
        return self._batch(state, action, hand, goal)


class RandomSearch(_Acting):
    """Tries a random change of the best policy in every episode, and keeps what is better.

    What a user without a model, and without a learned loss, can do with as many episodes.
    """

    def __init__(self, task: ArmTask) -> None:
        super().__init__(task)
        self._best, self._cost = self.theta, float("inf")

    def begin(self, seed: int) -> None:
        """See `PolicyLearner`."""
        super().begin(seed)
        self._best, self._cost = self.theta, float("inf")

    def update(self, episode: Episode) -> float:
        """See `PolicyLearner`."""
        cost = LAST * float(episode.distance[-1]) + MEAN * float(episode.distance.mean())
        if cost < self._cost:
            self._best, self._cost = self.theta, cost
        fresh = self.policy.init(self.generator)  # its size is that of a parameter
        self.theta = {k: p + SIGMA * fresh[k] for k, p in self._best.items()}
        return cost

    def settle(self) -> None:
        """See `PolicyLearner`."""
        self.theta = self._best


def _tensor(array: Array) -> Tensor:
    return torch.as_tensor(array, dtype=torch.float32)
