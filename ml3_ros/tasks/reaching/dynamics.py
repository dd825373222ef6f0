# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Dynamics model of a world, learned from what policies do in it; used in meta-training only."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand, randint
from ml3_ros.core.networks import FunctionalModule, Mlp
from ml3_ros.core.outer import adam as outer_adam
from ml3_ros.core.types import Batch, Params, scoped
from ml3_ros.learners.reaching.policy import Policy
from ml3_ros.learners.reaching.world import World


class Dynamics(FunctionalModule):
    """The change of velocity in a period, as the mean of an ensemble of networks.

    States are positions and velocities, half of each; the position follows from the velocity.

    Args:
        world: What is modelled; only its sizes, period and limits are used.
        scales: By what states are divided (n_states,).
        hidden: Widths of the hidden layers.
        n_members: Networks in the ensemble.
    """

    def __init__(
        self,
        world: World,
        scales: tuple[float, ...],
        hidden: tuple[int, ...] = (64, 64),
        n_members: int = 3,
    ) -> None:
        super().__init__()
        self.world, self.n_members = world, n_members
        self.n_velocities = world.n_states // 2
        sizes = (world.n_states + world.n_actions, *hidden, self.n_velocities)
        self.net = Mlp(sizes, activation="elu", output_scale=0.1)
        self._gain = 1.0 / torch.tensor([*scales, *world.limits])
        self.speed = torch.tensor(scales[self.n_velocities :])

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return fresh networks, each (*lead, n_members, *shape)."""
        fresh = self.net.init(generator, (*lead, self.n_members))
        return {f"net.{k}": p for k, p in fresh.items()}

    def call(self, params: Params, *inputs: Tensor) -> Tensor:
        """Return every member's change of velocity (*lead, n_members, B, half), over the scale.

        Args:
            params: The ensemble.
            *inputs: States (*lead, B, n_states) and actions (*lead, B, n_actions).
        """
        x = (torch.cat(inputs, dim=-1) * self._gain).unsqueeze(-3)
        x = x.expand(*x.shape[:-3], self.n_members, *x.shape[-2:])
        return self.net.call(scoped(params, "net"), x)

    def bound(self, params: Params) -> "LearnedWorld":
        """Return the world that the ensemble believes in."""
        return LearnedWorld(self, params)


@dataclass(frozen=True)
class LearnedWorld:
    """A world by a learned model of its dynamics; see `worlds.Steps`."""

    dynamics: Dynamics
    params: Params

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """Return the state (*lead, B, n_states) one period later."""
        model = self.dynamics
        change = model.call(self.params, state, action).mean(-3)
        position, velocity = state.split(model.n_velocities, -1)
        velocity = velocity + model.speed * change
        return torch.cat([position + model.world.period * velocity, velocity], dim=-1)


class DynamicsTrainer:
    """Fits an ensemble to the newest transitions.

    Args:
        dynamics: Its structure.
        generator: Of its start, its batches, and the noise of practice.
        capacity: Transitions that are remembered.
        lr: First step size of Adam; it is half of it after `half_life` steps, a third after two.
        half_life: See `lr`.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        generator: torch.Generator,
        *,
        capacity: int = 20_000,
        lr: float = 3e-3,
        half_life: float = 500.0,
    ) -> None:
        self.dynamics, self.generator, self.lr, self.capacity = dynamics, generator, lr, capacity
        self.params = dynamics.init(generator)
        self._n_steps, self._half_life = 0, half_life
        self._state = outer_adam.init(self.params)
        n, m = dynamics.world.n_states, dynamics.world.n_actions
        self._memory = torch.empty(0, n + m + n)

    def practise(self, policy: Policy, theta: Params, batch: Batch, noise: float = 0.3) -> None:
        """Remember episodes of each policy in its own world, with noise on its actions.

        Args:
            policy: Acts.
            theta: Its parameters, each (n, *shape).
            batch: "start" and "goal" of the episodes, each (n, B, k).
            noise: Largest noise, as a share of the limits.
        """
        world, state = policy.world, batch["start"]
        limits = torch.tensor(world.limits)
        rows = []
        with torch.no_grad():
            for _ in range(world.horizon):
                action = policy.call(theta, {"state": state, "goal": batch["goal"]})
                action = action + noise * limits * (2.0 * rand(self.generator, *action.shape) - 1)
                after = world.step(state, action)
                rows.append(torch.cat([state, action, after], dim=-1).flatten(0, -2))
                state = after
        self._memory = torch.cat([self._memory, *rows])[-self.capacity :]

    def fit(self, n_steps: int, batch_size: int = 512) -> float:
        """Make steps of Adam; return the error of the last one relative to the mean change."""
        model, n = self.dynamics, self.dynamics.world.n_states
        loss, scale = torch.zeros(()), torch.ones(())
        for _ in range(n_steps):
            lr = self.lr / (1.0 + self._n_steps / self._half_life)
            rows = self._memory[randint(self.generator, 0, len(self._memory), batch_size)]
            state, action, after = rows.split([n, model.world.n_actions, n], -1)
            target = (after - state)[..., model.n_velocities :] / model.speed
            params = {k: p.requires_grad_() for k, p in self.params.items()}
            loss = (model.call(params, state, action) - target).square().mean()
            grads = torch.autograd.grad(loss, tuple(params.values()))
            self.params = {k: p.detach() for k, p in params.items()}
            named = dict(zip(self.params, grads, strict=True))
            outer_adam.step(self.params, named, self._state, tuple(named), lr)
            scale = target.square().mean()
            self._n_steps += 1
        return float(loss.detach() / scale)
