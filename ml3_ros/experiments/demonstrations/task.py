# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Task family of demonstrations (section IV-B.4): meta-training sees expert motions alone."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, randint
from ml3_ros.core.learner import Predictor
from ml3_ros.core.losses.meta_losses import MetaLoss
from ml3_ros.core.outer.objective import TaskLosses
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.errors import DataError
from ml3_ros.learners.reaching.policy import Actor, Policy
from ml3_ros.tasks.reaching.family import ReachingFamily
from ml3_ros.tasks.reaching.greedy import GreedyPolicy


@dataclass(frozen=True, slots=True)
class Demonstrations:
    """What an expert did on the way to each of N targets, B steps each.

    Raises:
        DataError: The sizes do not fit together, or a number is not finite.
    """

    goals: Tensor  # (N, n_goals) [m]
    states: Tensor  # (N, B, n_states)
    actions: Tensor  # (N, B, n_actions)

    def __post_init__(self) -> None:
        shapes = [tuple(x.shape) for x in (self.goals, self.states, self.actions)]
        if self.states.shape[:2] != self.actions.shape[:2] or len(self.goals) != len(self.states):
            raise DataError(
                f"demonstrations of shapes {shapes}: goals (N, k), states and actions (N, B, k) "
                "must be of the same N and B"
            )
        if not all(bool(x.isfinite().all()) for x in (self.goals, self.states, self.actions)):
            raise DataError("demonstrations have NaN or Inf in them: leave those episodes out")


class DemonstrationFamily(ReachingFamily):
    """Targets that an expert has shown; the task loss is that of behavioural cloning.

    A policy is evaluated by what it would do where the expert was; what it sees, and what the
    learned loss sees, are its own episodes. The demonstrations are extra information.

    Args:
        policy: The network to be trained, in the world that it acts in.
        shown: The demonstrations.
        n_episodes: Episodes that an inner step observes.
    """

    def __init__(self, policy: Policy, shown: Demonstrations, *, n_episodes: int = 4) -> None:
        super().__init__(policy, shown.goals, n_episodes=n_episodes)
        self.shown = shown

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        """Return the targets (n, B, k); the extra information is what the expert did there."""
        states, actions = self.shown.states[tasks], self.shown.actions[tasks]
        goal = self.goals[tasks].unsqueeze(1).expand(-1, states.shape[1], -1)
        return {"goal": goal}, {"state": states, "action": actions}

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return "task" (*lead,): squared errors of actions, in units of their limits."""
        return {"task": cloning_loss(self.optimizee, theta, batch["goal"], extra)}

    def fixed_point_losses(self, network: MetaLoss) -> TaskLosses:
        """Return how far the loss's target actions are from what the expert did."""
        greedy = GreedyPolicy(self.optimizee.world, network)
        return lambda phi, batch, extra: {"task": cloning_loss(greedy, phi, batch["goal"], extra)}


class ImitationFamily(DemonstrationFamily):
    """The same targets for a policy that sees a demonstration at each step, and may imitate it.

    It is also the loss of doing so, without parameters: what rivals descend on that a learned loss
    needs no demonstration of a new target for.
    """

    def support(self, tasks: Tensor, ages: Tensor, generator: Source) -> Batch:
        """Return one demonstration of each target: "state", "action" and "goal" (n, T, k)."""
        horizon = self.optimizee.world.horizon
        which = randint(generator, 0, self.shown.states.shape[1] // horizon, len(tasks))
        at = which.unsqueeze(-1) * horizon + torch.arange(horizon)
        rows = tasks.unsqueeze(-1)
        goal = self.goals[tasks].unsqueeze(1).expand(-1, horizon, -1)
        return {
            "state": self.shown.states[rows, at],
            "action": self.shown.actions[rows, at],
            "goal": goal,
        }

    def evaluate(self, phi: Params, model: Predictor, batch: Batch, count: Tensor) -> Tensor:
        """Return the error of the policy's actions (*lead,) where the expert was."""
        error = (model(batch) - batch["action"]) / torch.tensor(self.optimizee.world.limits)
        return error.square().sum(-1).mean(-1)


def cloning_loss(policy: Actor, theta: Params, goal: Tensor, shown: Extra) -> Tensor:
    """Return the mean squared error of actions (*lead,), in units of their limits.

    Args:
        policy: Acts.
        theta: Its parameters, each (*lead, *shape).
        goal: (*lead, B, n_goals).
        shown: "state" and "action" of the expert, each (*lead, B, k).
    """
    action = policy.call(theta, {"state": shown["state"], "goal": goal})
    error = (action - shown["action"]) / torch.tensor(policy.world.limits)
    return error.square().sum(-1).mean(-1)
