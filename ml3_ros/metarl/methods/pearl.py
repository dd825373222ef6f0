# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""PEARL (Rakelly et al. 2019): acts as if a guess of the task were true, and guesses anew.

An encoder makes of each transition a Gaussian over a latent task; their product, with the prior,
is what is believed of the task. Soft actor-critic learns for latent tasks drawn from it, and the
encoder learns from its critics. At meta-test a trial begins with a draw from the prior.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml3_ros.errors import ConfigError
from ml3_ros.metarl.learning.sac import SoftActorCritic, perceptron
from ml3_ros.metarl.learning.trials import Agent, run_trials, transitions
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.policies.policy import Seen
from ml3_ros.metarl.worlds.world import World

LATENT = 5  # elements of a latent task
INFORMATION = 0.004  # weight of the divergence from the prior: .1 for rewards 5 times as large
STEPS_PER_UPDATE = 10  # environment steps for each gradient step
TASKS, CONTEXT, BATCH = 16, 32, 32  # of a gradient step: trials, and transitions of each
KEPT = 1024  # trials; older ones show how another policy explored


@dataclass(frozen=True, kw_only=True, slots=True)
class Pearl:
    """See `Method`; of `Budget.ppo` it takes trials between updates, step size and discount.

    Attributes:
        refresh: Actions after which the task is guessed anew within an episode; None is never, as
            published.
    """

    told: bool = False
    refresh: int | None = None

    def __call__(self, world: World, budget: Budget) -> Agent:
        """See `Method`.

        Raises:
            ConfigError: Actions of the world are discrete.
        """
        if world.discrete:
            raise ConfigError("PEARL acts continuously: take another method in this world")
        ppo, source = budget.ppo, torch.Generator().manual_seed(budget.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(budget.seed)
            learner = PearlLearner(world, ppo.lr, ppo.discount, source)
        agent = PearlAgent(learner, source, self.refresh)
        per_update = ppo.n_trials * world.horizon * world.episodes
        for update in range(max(1, budget.steps // per_update)):
            trials = run_trials(world, agent, world.draw(ppo.n_trials, source), source)
            learner.keep(transitions(trials, world.episodes))
            for _ in range(max(1, per_update // STEPS_PER_UPDATE)):
                learner.improve()
            scored = trials.returns(world.episodes)[world.scored :]
            budget.progress((update + 1) * per_update, float(scored.mean()))
        return PearlAgent(learner, budget.source(), self.refresh)


class Belief(nn.Module):
    """Probabilistic encoder of a task: a product of Gaussians, one a transition, and the prior.

    Args:
        n_inputs: Elements of a transition.
    """

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.net = perceptron(n_inputs, 2 * LATENT)

    def forward(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance (n, LATENT) after transitions (n, m, k), m >= 0."""
        mean, raw = self.net(context).chunk(2, -1)
        precision = 1.0 / (nn.functional.softplus(raw) + 1e-4)
        variance = 1.0 / (1.0 + precision.sum(1))
        return variance * (precision * mean).sum(1), variance


class PearlLearner:
    """Belief, actor and critics, and the trials that they learn from.

    Args:
        world: Where.
        lr: Step size of Adam.
        discount: Of rewards.
        source: Of all draws.
    """

    def __init__(self, world: World, lr: float, discount: float, source: torch.Generator) -> None:
        self.source = source
        self.sizes = [world.n_observations, world.n_actions, 1, world.n_observations]
        self.belief = Belief(sum(self.sizes))
        n_states = world.n_observations + LATENT
        self.sac = SoftActorCritic(n_states, world.n_actions, lr, discount, source)
        learned = [*self.belief.parameters(), *self.sac.critics.parameters()]
        self._optimizer = torch.optim.Adam(learned, lr=lr, fused=True)
        self._kept = torch.zeros(0, 0, sum(self.sizes))
        # what a first episode showed is what a second one can know
        self._first = world.horizon - 1

    def keep(self, new: Tensor) -> None:
        """Keep transitions (n, m, k) of n more trials."""
        old = self._kept if len(self._kept) else new[:0]
        self._kept = torch.cat([old, new])[-KEPT:]

    def guess(self, context: Tensor, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return latent tasks (n, LATENT) drawn after transitions (n, m, k), and nats learned."""
        mean, variance = self.belief(context)
        noise = torch.randn(mean.shape, generator=source)
        nats = 0.5 * (mean.square() + variance - variance.log() - 1.0).sum(-1)
        return mean + variance.sqrt() * noise, nats

    def improve(self) -> None:
        """Make one gradient step on transitions of some trials that were kept."""
        tasks = torch.randint(len(self._kept), (TASKS, 1), generator=self.source)
        context = self._drawn(tasks, CONTEXT, self._first)
        latent, nats = self.guess(context, self.source)
        batch = self._drawn(tasks, BATCH, self._kept.shape[1])
        now, action, reward, after = batch.split(self.sizes, -1)
        z = latent.unsqueeze(1).expand(-1, BATCH, -1)
        state = torch.cat([now, z], -1)
        following = torch.cat([after, z.detach()], -1)
        loss = self.sac.critic_loss(state, action, reward.squeeze(-1), following)
        self._optimizer.zero_grad()
        (loss + INFORMATION * nats.mean()).backward()
        self._optimizer.step()
        self.sac.improve_actor(state.detach())

    def _drawn(self, tasks: Tensor, n: int, until: int) -> Tensor:
        """Return n transitions (TASKS, n, k) of each of some trials, from their first `until`."""
        steps = torch.randint(until, (len(tasks), n), generator=self.source)
        return self._kept[tasks, steps]


class PearlAgent:
    """Acts for a guess of the task, which it draws at the begin of each episode; see `Agent`.

    Args:
        learner: Whose actor and belief.
        source: Of guesses and actions.
        refresh: Actions after which it guesses anew within an episode; None is never.
    """

    def __init__(
        self, learner: PearlLearner, source: torch.Generator, refresh: int | None = None
    ) -> None:
        self.learner, self.source, self.refresh = learner, source, refresh
        self._latent = torch.zeros(0, LATENT)
        self._context: list[Tensor] = []
        self._last: tuple[Tensor, Tensor] | None = None
        self._time = 0

    def begin(self, tasks: Tensor) -> None:
        """See `Agent`."""
        self._context = []
        self._last = None

    @torch.no_grad()
    def act(self, seen: Seen) -> Tensor:
        """See `Agent`."""
        now, first = seen.observation, bool(seen.first[0])
        if self._last is not None and not first:
            self._context.append(torch.cat([*self._last, seen.reward, now], -1))
        self._time = 0 if first else self._time + 1
        if first or (self.refresh and self._time % self.refresh == 0):
            none = now.new_zeros(len(now), 0, sum(self.learner.sizes))
            known = torch.stack(self._context, 1) if self._context else none
            self._latent, _ = self.learner.guess(known, self.source)
        state = torch.cat([now, self._latent], -1)
        action, _ = self.learner.sac.act(state, self.source)
        self._last = (now, action)
        return action
