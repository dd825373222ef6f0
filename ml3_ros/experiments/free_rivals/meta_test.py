# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-test of MAML and RL squared on new goals: costs of policies after episodes of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml3_ros.core.types import Batch, Params
from ml3_ros.experiments.free_rivals.goal_world import GoalWorld
from ml3_ros.experiments.model_free.copies import Goals
from ml3_ros.experiments.model_free.environment import GoalEnvironment
from ml3_ros.experiments.model_free.run import Evaluator
from ml3_ros.metarl.learning.task_policies import AdaptingAgent, TaskPolicies
from ml3_ros.metarl.learning.trials import drawn, run_trials
from ml3_ros.metarl.policies.policy import Policy, Seen

Array = NDArray[np.float64]


class MeanPolicy:
    """A policy without memory as a `Gaussian` of the model-free experiment, by its mean.

    Args:
        policies: Its structure.
        environment: Where it acts.
    """

    log_std = 0.0  # nothing is drawn from it

    def __init__(self, policies: TaskPolicies, environment: GoalEnvironment) -> None:
        self.policies, self.environment = policies, environment

    def call(self, params: Params, batch: Batch) -> Tensor:
        """Return means (n, E, n_actions) at "observation" (n, E, k), parameters (n, *shape)."""
        observation = batch["observation"].transpose(0, 1)
        nothing = observation[..., :0]
        seen = Seen(observation, nothing, nothing, nothing, nothing)
        return self.policies.look(params, seen)[0].mean.transpose(0, 1)


def adapted_costs(
    agent: AdaptingAgent, evaluator: Evaluator, episodes: Sequence[int], seed: int
) -> Array:
    """Return costs (goals, len(episodes)) of policies that adapted after so many episodes.

    Args:
        agent: After meta-training.
        evaluator: The new goals, and where the agent acts.
        episodes: On each goal, in increasing order.
        seed: Of where these begin and of their actions; those of fewer are the first of more.
    """
    world = _world(evaluator, max(episodes) + 1)
    measure = evaluator.cost(MeanPolicy(agent.policies, evaluator.environment))
    columns = []
    for n in episodes:
        source = torch.Generator().manual_seed(seed)
        agent.source = torch.Generator().manual_seed(seed + 1)
        # an agent learns from an episode when the next one begins
        run_trials(world, agent, world.tasks, source, episodes=range(n + 1))
        columns.append(measure(agent.theta).double().numpy())
    return np.stack(columns, axis=-1)


def remembering_costs(
    policy: Policy, evaluator: Evaluator, episodes: Sequence[int], seed: int
) -> Array:
    """Return costs (goals, len(episodes)) of a policy that remembers so many episodes.

    It explores in trials of their own for every start of the evaluation, and acts by its mean from
    these starts; what it does there it forgets again.

    Args:
        policy: With a memory, after meta-training.
        evaluator: The new goals and starts.
        episodes: On each goal, in increasing order.
        seed: Of where trials begin and of their actions.
    """
    world = _world(evaluator, max(episodes) + 1)
    starts = evaluator.starts()
    n_starts = starts.shape[1]
    goal = evaluator.goals.repeat_interleave(n_starts, 0)
    tasks = world.tasks.repeat_interleave(n_starts, 0)
    source, actions = (torch.Generator().manual_seed(seed + i) for i in (0, 1))
    memory = _Memory(policy, len(tasks))
    columns = []
    for episode in range(max(episodes) + 1):
        if episode in episodes:
            returns = memory.copy().act(world, world.place(starts.flatten(0, 1), goal), None)
            columns.append(-returns.view(-1, n_starts).mean(-1))
        memory.act(world, world.begin(tasks, source, episode), actions)
    return torch.stack(columns, -1).double().numpy()


class _Memory:
    """What a policy remembers in n trials."""

    def __init__(self, policy: Policy, n: int) -> None:
        self.policy = policy
        self.state: list[Tensor] = []
        self.action, self.reward = torch.zeros(n, policy.n_actions), torch.zeros(n, 1)

    def copy(self) -> _Memory:
        """Return the same memory, which goes on by itself."""
        other = _Memory(self.policy, len(self.action))
        other.state, other.action, other.reward = list(self.state), self.action, self.reward
        return other

    @torch.no_grad()
    def act(self, world: GoalWorld, seen: Tensor, source: torch.Generator | None) -> Tensor:
        """Act for an episode from observations (n, k); return its return (n,)."""
        total = torch.zeros(len(seen))
        for step in range(world.horizon):
            first = torch.full((len(seen), 1), float(step == 0))
            now = Seen(seen, self.action, self.reward, first, torch.zeros(len(seen), 0))
            one = Seen(*(getattr(now, f.name).unsqueeze(0) for f in fields(Seen)))
            chances, _, self.state = self.policy.look(one, self.state)
            chosen = drawn(chances, source)[0]
            seen, paid = world.step(chosen)
            self.action, self.reward = chosen.clamp(-1.0, 1.0), paid.unsqueeze(-1)
            total += paid
        return total


def _world(evaluator: Evaluator, episodes: int) -> GoalWorld:
    """Return the new goals as tasks; the robot is not turned."""
    goals = Goals(evaluator.goals, torch.zeros(len(evaluator.goals)))
    return GoalWorld(evaluator.environment, goals, episodes)
