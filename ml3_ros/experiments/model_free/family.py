# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Task family of goals for stochastic policies, whose task loss is a score-function estimate."""

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand, randint, randn
from ml3_ros.core.losses.meta_losses import MetaLoss
from ml3_ros.core.outer.objective import TaskLosses
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.experiments.model_free.policy import (
    Episodes,
    Gaussian,
    GaussianPolicy,
    GreedyPolicy,
    act,
    log_likelihoods,
)
from ml3_ros.experiments.model_free.surrogate import advantages, clipped_surrogate, surrogate

LIMIT = "limit."  # prefix within a query of what the limit's episodes begin with


class GoalFamily:
    """One policy for each goal. Whoever acts, acts in the environment: there is no model.

    Args:
        policy: The network to be trained, in its environment.
        goals: The tasks (N, n_goals) [m].
        turns: By how much the robot is turned where the episodes of each task begin (N,) [rad];
            None is not at all.
        n_episodes: Episodes that an inner step observes.
        n_evaluated: Episodes of the updated policy that the task loss sees.
        n_limit: Episodes at the fixed point of descent, see `core.outer.fixed_point`, in each of
            as many tasks drawn anew; None takes starts, goals and noise of the task loss's.
        discount: Of the rewards in the task loss.
    """

    def __init__(
        self,
        policy: GaussianPolicy,
        goals: Tensor,
        *,
        turns: Tensor | None = None,
        n_episodes: int = 1,
        n_evaluated: int = 8,
        n_limit: int | None = None,
        discount: float = 0.95,
    ) -> None:
        self.optimizee, self.goals = policy, goals
        self.turns = torch.zeros(len(goals)) if turns is None else turns
        self.n_episodes, self.n_evaluated, self.discount = n_episodes, n_evaluated, discount
        self.n_limit = n_limit

    @property
    def steps_per_update(self) -> int:
        """Environment steps that an inner step takes."""
        return self.n_episodes * self.optimizee.environment.horizon

    def sample(self, n: int, generator: Source) -> Tensor:
        """Draw n goals (n,)."""
        return randint(generator, 0, len(self.goals), n)

    def init(self, tasks: Tensor, generator: Source) -> Params:
        """Return a fresh policy for each goal."""
        return self.optimizee.init(generator, (len(tasks),))

    def support(self, tasks: Tensor, ages: Tensor, generator: Source) -> Batch:
        """Return how the episodes of an inner step begin, their noise, and their order."""
        batch = self._episodes(tasks, self.n_episodes, generator)
        batch["order"] = rand(generator, len(tasks), self.steps_per_update).argsort(-1)
        return batch

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        """Return the same of fresh episodes; there is no extra information."""
        batch = self._episodes(tasks, self.n_evaluated, generator)
        if self.n_limit:
            # other tasks every time: those of the models stay for many outer steps
            others = self.sample(len(tasks), generator)
            limit = self._episodes(others, self.n_limit, generator)
            batch |= {f"{LIMIT}{k}": x for k, x in limit.items()}
        return batch, {}

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return "task" (*lead,): minus the mean return, with the gradient of eq. (8)."""
        return self._losses(self.optimizee, theta, batch)

    def fixed_point_losses(self, network: MetaLoss) -> TaskLosses:
        """Return minus the mean return of acting on the loss's target actions.

        Of rows of `fixed_point_episodes`: PPO's objective.
        """
        greedy = self._greedy(network)

        def losses(phi: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
            if "advantage" not in batch:
                return self._losses(greedy, phi, self._limit_query(batch))
            today = log_likelihoods(greedy, phi, batch["observation"], batch["action"])
            before, weights = (batch[k].squeeze(-1) for k in ("log_likelihood", "advantage"))
            return {"task": clipped_surrogate(today, before, weights)}

        return losses

    def fixed_point_episodes(self, network: MetaLoss, phi: Params, query: Batch) -> Batch:
        """Return "observation", "action", "advantage" and "log_likelihood" at the fixed point."""
        with torch.no_grad():
            episodes, weights, likelihoods = self._acted(
                self._greedy(network), phi, self._limit_query(query)
            )
        return {
            "observation": episodes.observations.flatten(-3, -2),
            "action": episodes.actions.flatten(-3, -2),
            "advantage": weights.flatten(-2).unsqueeze(-1),
            "log_likelihood": likelihoods.flatten(-2).unsqueeze(-1),
        }

    def _greedy(self, network: MetaLoss) -> GreedyPolicy:
        return GreedyPolicy(self.optimizee.environment, network, self.optimizee.log_std)

    def _limit_query(self, query: Batch) -> Batch:
        """Return how the episodes of the limit begin."""
        own = LIMIT if self.n_limit else ""
        return {k: query[f"{own}{k}"] for k in ("start", "goal", "noise")}

    def _losses(self, policy: Gaussian, params: Params, batch: Batch) -> dict[str, Tensor]:
        episodes, weights, likelihoods = self._acted(policy, params, batch)
        value = surrogate(likelihoods, weights)
        cost = -episodes.rewards.sum(-1).mean(-1)
        return {"task": cost + (value - value.detach()) / episodes.rewards.shape[-1]}

    def _acted(
        self, policy: Gaussian, params: Params, batch: Batch
    ) -> tuple[Episodes, Tensor, Tensor]:
        """Return episodes, and of every action its advantage and log-likelihood (*lead, E, T)."""
        episodes = act(policy, params, batch["start"], batch["goal"], batch["noise"])
        weights = advantages(episodes.rewards, episodes.observations, self.discount)
        seen, done = episodes.observations.flatten(-3, -2), episodes.actions.flatten(-3, -2)
        return episodes, weights, log_likelihoods(policy, params, seen, done).view(weights.shape)

    def _episodes(self, tasks: Tensor, n: int, generator: Source) -> Batch:
        """Return start, goal and noise of n episodes for every task, each (tasks, n, ...)."""
        world = self.optimizee.environment
        noise = randn(generator, len(tasks), n, world.horizon, world.n_actions)
        start = world.start(generator, len(tasks), n)
        return {
            "start": world.turn(start, self.turns[tasks].unsqueeze(1)),
            "goal": self.goals[tasks].unsqueeze(1).expand(-1, n, -1),
            "noise": noise,
        }


def mean_return(policy: Gaussian, theta: Params, start: Tensor, goals: Tensor) -> Tensor:
    """Return the mean return (n,) of policies that act by their mean.

    Args:
        policy: Their structure.
        theta: Parameters, each (n, *shape).
        start: States (n, E, n_states) in which episodes begin.
        goals: (n, n_goals).
    """
    goal = goals.unsqueeze(1).expand(-1, start.shape[1], -1)
    return act(policy, theta, start, goal, None).rewards.sum(-1).mean(-1)
