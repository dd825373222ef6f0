# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Reaching, batched over goals; a `core.outer.family.TaskFamily`."""

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, randint
from ml3_ros.core.learner import Predictor
from ml3_ros.core.losses.meta_losses import MetaLoss
from ml3_ros.core.networks import BoundModel
from ml3_ros.core.outer.objective import TaskLosses
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.errors import ConfigError
from ml3_ros.learners.reaching.policy import Policy
from ml3_ros.learners.reaching.world import Steps, World
from ml3_ros.tasks.reaching.dynamics import Dynamics
from ml3_ros.tasks.reaching.greedy import GreedyPolicy

LAST, MEAN, SPEED = 10.0, 1.0, 1e-4  # weights of the task loss: end, way, and velocity


def distance(world: World, states: Tensor, goal: Tensor) -> Tensor:
    """Return how far the thing is from its goal at every time (*lead, T) [m].

    Args:
        world: Where the policy acts.
        states: (*lead, T, n_states).
        goal: (*lead, n_goals).
    """
    return (world.position(states) - goal.unsqueeze(-2)).norm(dim=-1)


class ReachingFamily:
    """Goals for a policy, one policy for each.

    Attributes:
        model: Parameters of the dynamics that the task loss looks through at meta-training;
            whoever learns them puts them here.

    Args:
        policy: The network to be trained, in the world that it really acts in.
        goals: The tasks (N, n_goals) [m].
        offsets: From where the world starts to where each task does (N, n_states); None is zero.
        n_episodes: Episodes that an inner step observes, each from another start.
        dynamics: Structure of the learned dynamics; None lets the task loss see the true ones.
    """

    def __init__(
        self,
        policy: Policy,
        goals: Tensor,
        *,
        offsets: Tensor | None = None,
        n_episodes: int = 4,
        dynamics: Dynamics | None = None,
    ) -> None:
        self.optimizee, self.goals, self.n_episodes = policy, goals, n_episodes
        shape = (len(goals), policy.world.n_states)
        self.offsets = torch.zeros(shape) if offsets is None else offsets
        self.dynamics = dynamics
        self.model: Params = {}

    def sample(self, n: int, generator: Source) -> Tensor:
        """Draw n goals (n,)."""
        return randint(generator, 0, len(self.goals), n)

    def init(self, tasks: Tensor, generator: Source) -> Params:
        """Return a fresh policy for each goal."""
        return self.optimizee.init(generator, (len(tasks),))

    def support(self, tasks: Tensor, ages: Tensor, generator: Source) -> Batch:
        """Return where episodes start and end, each (n, n_episodes, k)."""
        goal = self.goals[tasks].unsqueeze(1).expand(-1, self.n_episodes, -1)
        start = self.optimizee.world.start(generator, len(tasks), self.n_episodes)
        start = start + self.offsets[tasks].unsqueeze(1)
        return {"start": start, "goal": goal}

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        """Return other starts; the extra information is the model that the task loss uses."""
        model = {k: p.expand(len(tasks), *p.shape) for k, p in self.model.items()}
        return self.support(tasks, ages, generator), model

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return the task loss (*lead,) as "task": distances at the end and on the way [m]."""
        return self._losses(self.optimizee, theta, batch, extra)

    def fixed_point_losses(self, network: MetaLoss) -> TaskLosses:
        """Return the task losses of acting on the loss's target actions."""
        greedy = GreedyPolicy(self.optimizee.world, network)
        return lambda phi, batch, extra: self._losses(greedy, phi, batch, extra)

    def _losses(
        self, policy: Policy | GreedyPolicy, theta: Params, batch: Batch, extra: Extra
    ) -> dict[str, Tensor]:
        model: Steps = self.dynamics.bound(extra) if self.dynamics else policy.world
        states, _ = policy.rollout(theta, batch["start"], batch["goal"], model)
        far = distance(policy.world, states, batch["goal"])
        speed = states[..., policy.world.n_states // 2 :].norm(dim=-1)
        loss = LAST * far[..., -1] + MEAN * far.mean(-1) + SPEED * speed.mean(-1)
        return {"task": loss.mean(-1)}

    def evaluate(self, phi: Params, model: Predictor, batch: Batch, count: Tensor) -> Tensor:
        """Return the task loss of a policy; so the family is a `Loss`, the model-based rival.

        Its phi is the model of the world, and its batch is that of an `ImaginingPolicy`.

        Raises:
            ConfigError: The model is not a policy with its parameters.
        """
        if not isinstance(model, BoundModel):
            raise ConfigError("the task loss of an episode needs a policy, not its actions alone")
        return self.task_losses(model.theta, batch, phi)["task"]
