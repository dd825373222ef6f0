# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""DREAM (Liu et al. 2021): exploration and execution are learned apart, so that neither waits.

A policy executes what an encoding of the task says, and that encoding keeps no more of the task
than it has to. Another policy explores: it is paid for what its episode tells about the encoding.
At meta-test the encoding is told from that episode, and the task is never seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ml3_ros.metarl.learning.ppo import PpoConfig, improve
from ml3_ros.metarl.learning.trials import Agent, PolicyAgent, Trials, drawn, run_trials
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.policies.memory import GruMemory, State
from ml3_ros.metarl.policies.policy import Policy, Seen
from ml3_ros.metarl.worlds.world import World

CODE = 8  # elements of an encoding
NOISE = 0.3  # of an encoding, so that what does not pay is not kept
GAIN = 1.0  # reward of exploring for a whole encoding


@dataclass(frozen=True, kw_only=True, slots=True)
class Dream:
    """See `Method`; half of the steps explore, half execute."""

    told: bool = False

    def __call__(self, world: World, budget: Budget) -> Agent:
        """See `Method`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(budget.seed)
            executing, exploring = Executing(world), Policy(world, "gru")
            decoder = TaskDecoder(world)
        source = torch.Generator().manual_seed(budget.seed)
        ppo = replace(budget.ppo, across=False)
        groups = (executing, exploring, decoder)
        optimizers = [torch.optim.Adam(m.parameters(), lr=ppo.lr, eps=1e-5) for m in groups]
        executions = range(1, world.episodes)
        per_update = ppo.n_trials * world.horizon * world.episodes
        n_updates = max(1, budget.steps // per_update)
        for update in range(n_updates):
            for optimizer in optimizers:
                optimizer.param_groups[0]["lr"] = ppo.lr * (1.0 - update / n_updates)
            tasks = world.draw(ppo.n_trials, source)
            noise = NOISE * torch.randn(len(tasks), CODE, generator=source)
            told = torch.cat([tasks, noise], -1)
            acting = PolicyAgent(executing, source)
            done = run_trials(world, acting, tasks, source, told=told, episodes=executions)
            improve(executing, optimizers[0], done, done.rewards, len(executions), ppo, source)
            explorer = PolicyAgent(exploring, source)
            looked = run_trials(world, explorer, tasks, source, episodes=(0,))
            paid = decoder.learn(looked, executing.code(tasks).detach(), optimizers[2], ppo)
            improve(exploring, optimizers[1], looked, GAIN * paid, 1, ppo, source)
            budget.progress((update + 1) * per_update, float(done.rewards.mean()))
        return DreamAgent(executing, exploring, decoder, budget.source())


class Executing(Policy):
    """A policy that is told an encoding of the task, which it learns too."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "none", CODE)
        self.encoder = nn.Sequential(
            nn.Linear(world.n_task, 32), nn.Tanh(), nn.Linear(32, CODE), nn.Tanh()
        )

    def code(self, tasks: Tensor) -> Tensor:
        """Return the encodings (…, CODE) of tasks (…, n_task)."""
        code: Tensor = self.encoder(tasks)
        return code

    def inputs(self, seen: Seen) -> Tensor:
        """See `Policy`; `Seen.task` is the task, and the noise of its encoding."""
        task, noise = seen.task[..., :-CODE], seen.task[..., -CODE:]
        return torch.cat([seen.observation, self.code(task) + noise], -1)

    def act(self, observation: Tensor, code: Tensor, source: torch.Generator) -> Tensor:
        """Return actions (n, n_actions) at observations (n, k), by encodings that were told."""
        out, _, _ = self(torch.cat([observation, code], -1).unsqueeze(0), [])
        return drawn(self.distribution(out), source)[0]


class TaskDecoder(nn.Module):
    """Recurrent decoder of the task: its encoding, from what an episode has shown so far."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.memory = GruMemory(world.n_observations + world.n_actions + 2)
        self.out = nn.Linear(self.memory.width, CODE)

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Return encodings (T, n, CODE) after inputs (T, n, k), and the state of its memory."""
        features, state = self.memory(inputs, state)
        return self.out(features), state

    def learn(
        self, trials: Trials, code: Tensor, optimizer: torch.optim.Optimizer, ppo: PpoConfig
    ) -> Tensor:
        """Learn from episodes (T, n) of tasks with `code` (n, CODE).

        Returns:
            What each step told (T, n): by how much the square error fell.
        """
        inputs = trials.seen.all()
        with torch.no_grad():
            told = (self(inputs, [])[0] - code).square().sum(-1)
        for _ in range(ppo.n_epochs):
            error = (self(inputs, [])[0] - code).square().sum(-1).mean()
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
        # an action is paid for what is seen after it
        return torch.cat([told[:-1] - told[1:], torch.zeros_like(told[:1])])


class DreamAgent:
    """Explores for one episode, then executes what it was told; see `Agent`.

    Args:
        executing: Acts from the second episode on.
        exploring: Acts in the first one.
        decoder: Of the encoding.
        source: Of actions.
    """

    def __init__(
        self,
        executing: Executing,
        exploring: Policy,
        decoder: TaskDecoder,
        source: torch.Generator,
    ) -> None:
        self.executing, self.decoder, self.source = executing, decoder, source
        self._explorer = PolicyAgent(exploring, source)
        self._memory: State = []
        self._code = torch.zeros(0, CODE)
        self._episode = -1

    def begin(self, tasks: Tensor) -> None:
        """See `Agent`."""
        self._explorer.begin(tasks)
        self._memory = []
        self._code = torch.zeros(len(tasks), CODE)
        self._episode = -1

    def act(self, seen: Seen) -> Tensor:
        """See `Agent`."""
        self._episode += int(seen.first[0])
        if self._episode:
            return self.executing.act(seen.observation, self._code, self.source)
        told, self._memory = self.decoder(seen.all().unsqueeze(0), self._memory)
        self._code = told[0]
        return self._explorer.act(seen)
