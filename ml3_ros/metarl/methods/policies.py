# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies that PPO trains on all tasks at once: without memory, with one, or told the task.

Without memory this is domain randomisation; with a GRU it is RL squared (Duan et al. 2016), with
convolutions and attention SNAIL (Mishra et al. 2018); told the task, a contextual policy that
bounds what any of them can reach.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ml3_ros.metarl.learning.ppo import train
from ml3_ros.metarl.learning.trials import Agent, PolicyAgent
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.policies.memory import MemoryName
from ml3_ros.metarl.policies.policy import Policy
from ml3_ros.metarl.worlds.world import World


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyMethod:
    """See `Method`.

    Attributes:
        memory: What the policy remembers of a trial.
        told: Whether it is told the task.
    """

    memory: MemoryName = "none"
    told: bool = False

    def __call__(self, world: World, budget: Budget) -> Agent:
        """See `Method`."""
        return PolicyAgent(self.trained(world, budget), budget.source())

    def trained(self, world: World, budget: Budget) -> Policy:
        """Return the policy after meta-training."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(budget.seed)
            policy = Policy(world, self.memory, world.n_task if self.told else 0)
        # without memory an episode cannot be of use in the next one
        ppo = replace(budget.ppo, across=self.memory != "none")
        for steps, trials in train(world, policy, budget.steps, budget.seed, ppo):
            scored = trials.returns(world.episodes)[world.scored :]
            budget.progress(steps, float(scored.mean()))
        return policy


RANDOMISED = PolicyMethod()
CONTEXTUAL = PolicyMethod(told=True)
RL2 = PolicyMethod(memory="gru")
SNAIL = PolicyMethod(memory="snail")
