# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""MAML (Finn et al. 2017) for policies, with ProMP's clipped objective (Rothfuss et al. 2019).

Meta-learned are a start and a step size for each parameter (Li et al. 2017): after one gradient
step on one episode of a task the policy shall do well in the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.types import Params
from ml3_ros.metarl.learning.ppo import PpoConfig, advantages
from ml3_ros.metarl.learning.task_policies import (
    AdaptingAgent,
    TaskPolicies,
    policy_gradient,
    spread,
    stepped,
)
from ml3_ros.metarl.learning.trials import Agent, Trials, run_trials
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.policies.policy import Policy
from ml3_ros.metarl.worlds.world import World

RATE = 1.0  # where nothing else is said


@dataclass(frozen=True, kw_only=True, slots=True)
class Maml:
    """See `Method`.

    Attributes:
        rate: Step size that learning begins with.
    """

    told: bool = False
    rate: float = RATE

    def __call__(self, world: World, budget: Budget) -> Agent:
        """See `Method`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(budget.seed)
            policy = Policy(world)
        return meta_trained(world, MetaParameters(policy, budget.ppo, self.rate), budget)


def meta_trained(world: World, learned: MetaParameters, budget: Budget) -> Agent:
    """Learn what trials begin with and how they step; return who acts with it."""
    ppo, source = budget.ppo, torch.Generator().manual_seed(budget.seed)
    optimizer = torch.optim.Adam(learned.parameters(), lr=ppo.lr, eps=1e-5)
    per_update = ppo.n_trials * world.horizon * world.episodes
    n_updates = max(1, budget.steps // per_update)
    for update in range(n_updates):
        optimizer.param_groups[0]["lr"] = ppo.lr * (1.0 - update / n_updates)
        agent = learned.agent(world.horizon, source)
        trials = run_trials(world, agent, world.draw(ppo.n_trials, source), source)
        _improve(learned, optimizer, trials, world.episodes)
        budget.progress(
            (update + 1) * per_update, float(trials.returns(world.episodes)[-1].mean())
        )
    return learned.agent(world.horizon, budget.source())


class MetaParameters(torch.nn.Module):
    """A start and step sizes.

    Args:
        policy: The start's structure, and its first values.
        ppo: Discount and trace of gradients, and how the start and steps are learned.
        rate: Step size that learning begins with.
    """

    def __init__(self, policy: Policy, ppo: PpoConfig, rate: float = RATE) -> None:
        super().__init__()
        self.policy, self.ppo = policy, ppo
        self.policies = TaskPolicies(policy)
        self.rates = torch.nn.ParameterDict(
            {
                k.replace(".", "/"): torch.nn.Parameter(torch.full_like(p, rate))
                for k, p in policy.named_parameters()
                if not k.startswith("critic")
            }
        )

    @property
    def start(self) -> Params:
        """Parameters of the start (*shape)."""
        return dict(self.policy.named_parameters())

    @property
    def steps(self) -> Params:
        """Step sizes (*shape) by parameter."""
        return {k.replace("/", "."): p for k, p in self.rates.items()}

    def step(
        self,
        theta: Params,
        trials: Trials,
        *,
        before: Tensor | None = None,
        create_graph: bool = False,
    ) -> Params:
        """Return parameters (n, *shape) after a step on an episode; see `policy_gradient`."""
        grads = policy_gradient(
            self.policies, theta, trials, self.ppo, before=before, create_graph=create_graph
        )
        return stepped(theta, grads, self.steps)

    def agent(self, horizon: int, source: torch.Generator) -> AdaptingAgent:
        """Return who acts with what is learned, as it is while it acts."""
        return AdaptingAgent(self.policy, self.start, self.step, horizon, source)


def episodes_of(trials: Trials, episodes: int) -> list[Trials]:
    """Return trials of one episode each."""
    parts = [torch.chunk(x, episodes) for x in (trials.actions, trials.rewards)]
    names = ("observation", "action", "reward", "first", "task")
    seen = [torch.chunk(getattr(trials.seen, name), episodes) for name in names]
    return [
        Trials(type(trials.seen)(*(x[i] for x in seen)), parts[0][i], parts[1][i])
        for i in range(episodes)
    ]


def _improve(
    learned: MetaParameters,
    optimizer: torch.optim.Optimizer,
    trials: Trials,
    episodes: int,
) -> None:
    """Make one update on what acted before and after each step."""
    policies, ppo, parts = learned.policies, learned.ppo, episodes_of(trials, episodes)
    n = trials.rewards.shape[1]

    before: list[Tensor] = []  # likelihoods under who acted; so are advantages
    gains: list[tuple[Tensor, Tensor]] = []
    scale = max(1.0 - ppo.discount, 1.0 / len(parts[0].rewards))
    for epoch in range(ppo.n_epochs):
        theta, loss = spread(learned.start, n), torch.zeros(())
        for i, part in enumerate(parts):
            chances, values = policies.look(theta, part.seen)
            likelihood = chances.log_prob(part.actions)
            if epoch == 0:
                before.append(likelihood.detach())
                found, returns = advantages(scale * part.rewards, values.detach(), ppo, 1)
                gains.append(((found - found.mean()) / (found.std() + 1e-6), returns))
            gain, returns = gains[i]
            ratio = (likelihood - before[i]).exp()
            limited = ratio.clamp(1.0 - ppo.clip, 1.0 + ppo.clip)
            loss = loss - torch.minimum(ratio * gain, limited * gain).mean()
            loss = loss + 0.5 * (values - returns).square().mean()
            if i + 1 < episodes:
                theta = learned.step(theta, part, before=before[i], create_graph=True)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned.parameters(), 1.0)
        optimizer.step()
