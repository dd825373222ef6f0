# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ML3 (Bechtle et al. 2021): a learned loss in the place of the gradient of rewards.

Meta-learned are the loss, and as for MAML a start and step sizes: after descent on the loss of one
episode the policy shall do well in the next one. In the paper each policy starts afresh, and its
loss sees no rewards; here it begins where all trials begin, so that one episode may be enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Categorical

from ml3_ros.core.losses.architectures import make_meta_loss
from ml3_ros.core.losses.loss_input import LossInput
from ml3_ros.core.types import Params
from ml3_ros.metarl.learning.ppo import PpoConfig
from ml3_ros.metarl.learning.task_policies import gains, stepped
from ml3_ros.metarl.learning.trials import Agent, Trials, one_hot
from ml3_ros.metarl.methods.maml import MetaParameters, meta_trained
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.policies.policy import Policy
from ml3_ros.metarl.worlds.world import World


@dataclass(frozen=True, kw_only=True, slots=True)
class Ml3:
    """See `Method`.

    Attributes:
        architecture: Of the loss, see `ARCHITECTURES`.
        rewards: Whether the loss sees advantages, which tell rewards; the paper's does not.
        n_steps: Of descent on an episode.
    """

    told: bool = False
    architecture: str = "likelihood"
    rewards: bool = True
    n_steps: int = 1

    def __call__(self, world: World, budget: Budget) -> Agent:
        """See `Method`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(budget.seed)
            policy = Policy(world)
        generator = torch.Generator().manual_seed(budget.seed)
        return meta_trained(
            world, LossParameters(self, world, policy, budget.ppo, generator), budget
        )


class LossParameters(MetaParameters):
    """A start, step sizes, and the loss that steps descend on.

    Args:
        method: Architecture, inputs and steps.
        world: Where.
        policy: The start.
        ppo: As of `MetaParameters`.
        generator: Of the loss's first parameters.
    """

    def __init__(
        self,
        method: Ml3,
        world: World,
        policy: Policy,
        ppo: PpoConfig,
        generator: torch.Generator,
    ) -> None:
        super().__init__(policy, ppo)
        self.method = method
        sizes = {"observation": world.n_observations}
        if method.rewards:
            sizes["advantage"] = 1
        self.loss = make_meta_loss(method.architecture, world.n_actions, sizes)
        self.loss.requires_grad_(requires_grad=False)  # it lends its structure alone
        fresh = self.loss.init(generator)
        self.phi = torch.nn.ParameterDict({k.replace(".", "/"): p for k, p in fresh.items()})

    def step(
        self,
        theta: Params,
        trials: Trials,
        *,
        before: Tensor | None = None,
        create_graph: bool = False,
    ) -> Params:
        """Return parameters (n, *shape) after descent on the loss of an episode.

        The loss does not ask who acted: `before` does not count.
        """
        for _ in range(self.method.n_steps):
            value = self.value(theta, trials).sum()
            moved = {k: p for k, p in theta.items() if not k.startswith("critic")}
            grads = torch.autograd.grad(
                value, tuple(moved.values()), create_graph=create_graph, allow_unused=True
            )
            named = zip(moved, grads, strict=True)
            theta = stepped(theta, {k: g for k, g in named if g is not None}, self.steps)
        return theta

    def value(self, theta: Params, trials: Trials) -> Tensor:
        """Return the loss (n,) of what policies would do in an episode; see `LossInput`."""
        chances, values = self.policies.look(theta, trials.seen)
        if isinstance(chances, Categorical):
            likely = chances.probs
            done = one_hot(trials.actions, likely.shape[-1])
        else:
            likely, done = chances.mean, trials.actions
        context = {"observation": trials.seen.observation}
        if self.method.rewards:
            context["advantage"] = gains(values, trials, self.ppo).unsqueeze(-1)
        inputs = LossInput(
            model=lambda batch: likely.transpose(0, 1),
            prediction=likely.transpose(0, 1),
            target=done.transpose(0, 1),
            context={k: x.transpose(0, 1) for k, x in context.items()},
            count=torch.zeros(likely.shape[1]),
        )
        phi = {k.replace("/", "."): p for k, p in self.phi.items()}
        return self.loss.evaluate(phi, inputs)
