# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuned multi-task policy: PPO on all tasks, then gradient steps on a new one."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ml3_ros.core.types import Params
from ml3_ros.metarl.learning.task_policies import (
    AdaptingAgent,
    TaskPolicies,
    policy_gradient,
    stepped,
)
from ml3_ros.metarl.learning.trials import Agent, Trials, run_trials
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.methods.policies import PolicyMethod
from ml3_ros.metarl.worlds.world import World

RATES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Step sizes that are tried on tasks of meta-training; 0 is not to adapt."""
VALIDATION = 32  # tasks


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiTask:
    """See `Method`; its step size is the best of `RATES` on tasks of meta-training."""

    told: bool = False

    def __call__(self, world: World, budget: Budget) -> Agent:
        """See `Method`."""
        policy = PolicyMethod().trained(world, budget)
        start = {k: p.detach() for k, p in policy.named_parameters()}
        policies = TaskPolicies(policy)

        def agent(rate: float) -> AdaptingAgent:
            rates: Params = {k: torch.tensor(rate) for k in start}

            def adapt(theta: Params, trials: Trials) -> Params:
                grads = policy_gradient(policies, theta, trials, budget.ppo)
                return stepped(theta, grads, rates)

            return AdaptingAgent(policy, start, adapt, world.horizon, budget.source())

        def worth(rate: float) -> float:
            source = torch.Generator().manual_seed(2_000_003 + budget.seed)
            tasks = world.draw(VALIDATION, source)
            trials = run_trials(world, agent(rate), tasks, source)
            return float(trials.returns(world.episodes)[-1].mean())

        return agent(max(RATES, key=worth))
