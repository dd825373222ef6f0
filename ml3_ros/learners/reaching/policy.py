# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Policies that move a mass or a hand to a goal, and what they observe on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from ml3_ros.core.networks import Mlp, PerceptronModel
from ml3_ros.core.types import Batch, Params

if TYPE_CHECKING:  # who trains a policy on an arm needs no dynamics, and loads none
    from ml3_ros.learners.reaching.world import Steps, World


class Actor(Protocol):
    """A policy of any kind, in the world that it acts in."""

    @property
    def world(self) -> World:
        """Where it acts."""

    def call(self, params: Params, batch: Batch, /) -> Tensor:
        """Return the actions (*lead, B, n_actions) at "state" and "goal", each (*lead, B, k)."""


class PolicyNetwork(PerceptronModel):
    """u = limits * tanh(Mlp(x)): a policy as an optimizee, which needs no world to act in.

    Args:
        limits: Largest action of each kind (n_actions,).
        hidden: Widths of the hidden layers.
        divisors: Scales of the inputs x (n_inputs,): states and then goals.
        output_scale: Of the initial weights of the output; small ones start with small actions.
    """

    def __init__(
        self,
        limits: Sequence[float],
        hidden: tuple[int, ...],
        divisors: Sequence[float],
        output_scale: float = 0.3,
    ) -> None:
        super().__init__()
        self._gain = 1.0 / torch.tensor(divisors)
        sizes = (len(self._gain), *hidden, len(limits))
        self.net = Mlp(sizes, activation="tanh", output_scale=output_scale)
        self._limits = torch.tensor(limits)

    def call(self, params: Params, *inputs: Any) -> Tensor:
        """Return the actions (*lead, B, n_actions) at "state" and "goal", each (*lead, B, k)."""
        (batch,) = inputs
        x = torch.cat(tuple(self.inputs(batch)), dim=-1) * self._gain
        return self._limits * torch.tanh(self.mapped(params, x))

    def inputs(self, batch: Batch) -> Sequence[Tensor]:
        """Return the parts of x, each (*lead, B, k), in their units."""
        return batch["state"], batch["goal"]


class Policy(PolicyNetwork):
    """A policy in a world: it makes episodes of its own to learn from.

    x is state and goal, divided by their scales, or what a learned loss sees of them.

    Args:
        world: Where it acts: the true one, or a learned model of it.
        hidden: Widths of the hidden layers.
        scales: By what states and goals are divided, (n_states,) and (n_goals,).
        output_scale: Of the initial weights of the output; small ones start with small actions.
        observant: Whether x is what `world.observe` returns.
    """

    def __init__(
        self,
        world: World,
        hidden: tuple[int, ...] = (64, 64),
        *,
        scales: tuple[tuple[float, ...], tuple[float, ...]],
        output_scale: float = 0.3,
        observant: bool = False,
    ) -> None:
        divisors = [*scales[0], *scales[1]]
        if observant:
            divisors = [x for spec in world.inputs for x in spec.scale]
        super().__init__(world.limits, hidden, divisors, output_scale)
        self.world, self.observant = world, observant

    def inputs(self, batch: Batch) -> Sequence[Tensor]:
        """Return the parts of x, each (*lead, B, k), in their units."""
        if not self.observant:
            return super().inputs(batch)
        seen = self.world.observe(batch["state"], batch["goal"])
        return [seen[spec.name] for spec in self.world.inputs]

    def rollout(
        self, params: Params, start: Tensor, goal: Tensor, world: Steps | None = None
    ) -> tuple[Tensor, Tensor]:
        """Act for an episode.

        Args:
            params: Parameters, each (*lead, *shape).
            start: First states (*lead, B, n_states), one episode each.
            goal: Goals (*lead, B, n_goals).
            world: Another one to act in, such as a learned model.

        Returns:
            States (*lead, B, T + 1, n_states) and actions (*lead, B, T, n_actions); autograd sees
            through both.
        """
        return episodes(self, params, start, goal, world)

    def experience(self, params: Params, batch: Batch) -> Batch:
        """Return what the policy sees when it acts from "start" (*lead, B, n) towards "goal".

        Returns:
            "state", "goal" and "action" (*lead, B T, k). A batch that already holds an episode,
            such as one of a real arm, stays.
        """
        if "state" in batch:
            return batch
        states, actions = self.rollout(params, batch["start"], batch["goal"])
        goals = batch["goal"].unsqueeze(-2).expand(*actions.shape[:-1], -1)
        seen = states[..., :-1, :]
        episode = {"state": seen, "goal": goals, "action": actions}
        episode |= self.world.observe(seen, goals)
        return {k: x.flatten(-3, -2) for k, x in episode.items()}


def episodes(
    actor: Actor, params: Params, start: Tensor, goal: Tensor, world: Steps | None = None
) -> tuple[Tensor, Tensor]:
    """Let whoever acts do so for an episode; see `Policy.rollout`."""
    step = (world or actor.world).step
    state, states, actions = start, [start], []
    for _ in range(actor.world.horizon):
        action = actor.call(params, {"state": state, "goal": goal})
        state = step(state, action)
        actions.append(action)
        states.append(state)
    return torch.stack(states, dim=-2), torch.stack(actions, dim=-2)


class ImaginingPolicy(Policy):
    """A policy that is trained on episodes in its model's imagination: it need not act."""

    def experience(self, params: Params, batch: Batch) -> Batch:
        """Return starts and goals as they are."""
        return batch
