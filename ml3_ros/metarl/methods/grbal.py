# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""GrBAL (Nagabandi et al. 2019): plans in a model that makes a gradient step at every action.

Meta-learned are the model's start and the sizes of that step, through the step (MAML on a model).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml3_ros.core.networks import Mlp
from ml3_ros.errors import ConfigError
from ml3_ros.metarl.learning.mppi import Mppi
from ml3_ros.metarl.learning.online_models import Adapted, OnlineModel, PlanningAgent, improve
from ml3_ros.metarl.learning.task_policies import spread, stepped
from ml3_ros.metarl.learning.trials import Agent, run_trials, transitions
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.worlds.world import World

HIDDEN = (64, 64)
RATE = 0.05  # step size that learning begins with
STEPS_PER_UPDATE = 10  # environment steps for each gradient step
KEPT = 2048  # trials


@dataclass(frozen=True, kw_only=True, slots=True)
class Grbal:
    """See `Method`; of `Budget.ppo` it takes trials between updates, step size and discount."""

    told: bool = False

    def __call__(self, world: World, budget: Budget) -> Agent:
        """See `Method`."""
        source = torch.Generator().manual_seed(budget.seed)
        return meta_trained(world, GradientModel(world, source), budget)


def meta_trained(world: World, model: OnlineModel, budget: Budget) -> Agent:
    """Let a model plan, and learn to adapt from what happened, in turn; return who plans with it.

    Raises:
        ConfigError: Actions of the world are discrete.
    """
    if world.discrete:
        raise ConfigError("plans are of continuous actions: take another method in this world")
    ppo, source = budget.ppo, torch.Generator().manual_seed(budget.seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=ppo.lr)
    agent = PlanningAgent(model, Mppi(world.n_actions, source, discount=ppo.discount))
    per_update = ppo.n_trials * world.horizon * world.episodes
    kept = torch.zeros(0)
    for update in range(max(1, budget.steps // per_update)):
        trials = run_trials(world, agent, world.draw(ppo.n_trials, source), source)
        new = transitions(trials, world.episodes)
        kept = torch.cat([kept, new])[-KEPT:] if update else new
        model.fit_scales(kept)
        for _ in range(max(1, per_update // STEPS_PER_UPDATE)):
            improve(model, optimizer, kept, source)
        scored = trials.returns(world.episodes)[world.scored :]
        budget.progress((update + 1) * per_update, float(scored.mean()))
    return PlanningAgent(model, Mppi(world.n_actions, budget.source(), discount=ppo.discount))


class GradientModel(OnlineModel):
    """A perceptron, and the size of a gradient step of each of its parameters.

    Args:
        world: Whose observations and rewards it predicts.
        source: Of its first parameters.
    """

    def __init__(self, world: World, source: torch.Generator) -> None:
        super().__init__(world)
        n = world.n_observations
        self._net = Mlp((n + world.n_actions, *HIDDEN, n + 1))
        self.start = nn.ParameterDict(self._net.init(source))
        self.rates = nn.ParameterDict({k: torch.full_like(p, RATE) for k, p in self.start.items()})
        self._net.requires_grad_(requires_grad=False)  # it lends its structure alone

    def adapted(self, past: Tensor, *, create_graph: bool = False) -> Adapted:
        """Return parameters (n, *shape) after one gradient step on the last transitions."""
        theta = spread(dict(self.start), len(past))
        if not past.shape[1]:
            return theta
        with torch.enable_grad():
            if not create_graph:
                theta = {k: p.detach().requires_grad_() for k, p in theta.items()}
            error = self.errors(theta, past).sum()
            grads = torch.autograd.grad(error, tuple(theta.values()), create_graph=create_graph)
        return stepped(theta, dict(zip(theta, grads, strict=True)), dict(self.rates))

    def outputs(self, adapted: Adapted, inputs: Tensor) -> Tensor:
        """See `OnlineModel`."""
        return self._net.call(adapted, inputs)
