# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A mountain car as the released code has it: a rollout that autograd differentiates."""

from typing import Any

import torch
from torch import Tensor, nn

from ml3_ros.core.draws import Source
from ml3_ros.core.networks import FunctionalModule, Mlp
from ml3_ros.core.types import Batch, Extra, Params

HORIZON = 35  # steps of 0.1 s
FIRST = 15  # states that shall be near the intermediate goal
START, GOAL, INTERMEDIATE = (-0.55, 0.0), (0.5, 1.0375), (-0.947, -0.0055)  # position, velocity


def drive(x: Tensor, v: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Return position and velocity 0.1 s after (x, v) under the action u."""
    a = -9.8 * 0.2 * (3.0 * x).cos() + u.clamp(-0.25, 0.25) / 0.2 - 0.3 * v
    v = (v + 0.1 * a).clamp(-1.5, 1.5)
    return (x + 0.1 * v).clamp(-1.2, 0.5), v


class Driver(FunctionalModule):
    """Predicts the states (*lead, T, 2) that its policy, two linear layers, drives through."""

    def __init__(self, horizon: int = HORIZON) -> None:
        super().__init__()
        self.horizon = horizon
        self.layers = Mlp((2, 200), output_bias=False), Mlp((200, 1), output_bias=False)

    def init(self, generator: Source, lead: tuple[int, ...] = ()) -> Params:
        """Return a fresh policy."""
        weights = [layer.init(generator, lead)["weight_0"] for layer in self.layers]
        return {f"weight_{i}": weight for i, weight in enumerate(weights)}

    def call(self, params: Params, *inputs: Any) -> Tensor:
        """Drive from batch["start"] (*lead, 1, 2)."""
        (batch,) = inputs
        gain = params["weight_0"] @ params["weight_1"]  # once, not in every step of the rollout
        of_x, of_v = gain[..., :1, :], gain[..., 1:, :]
        x, v = batch["start"].split(1, -1)
        states = []
        for _ in range(self.horizon):
            x, v = drive(x, v, of_x * x + of_v * v)
            states += [x, v]
        whole = torch.cat(states, -1)
        return whole.view(*whole.shape[:-1], self.horizon, 2).squeeze(-3)


class PlainDriver(nn.Module):
    """The same for one policy, as one would write it."""

    def __init__(self, horizon: int = HORIZON) -> None:
        super().__init__()
        self.horizon = horizon
        self.policy = nn.Sequential(nn.Linear(2, 200, bias=False), nn.Linear(200, 1, bias=False))

    def forward(self, batch: Batch) -> Tensor:
        """Drive from batch["start"] (1, 2); return states (T, 2)."""
        state, states = batch["start"][0], []
        for _ in range(self.horizon):
            state = torch.stack(drive(state[0], state[1], self.policy(state).squeeze()))
            states.append(state)
        return torch.stack(states)


def distance(states: Tensor) -> Tensor:
    """Return the shaped task loss (*lead,) of states (*lead, T, 2)."""
    to_first = states[..., :FIRST, :] - torch.tensor(INTERMEDIATE)
    to_goal = states[..., FIRST:, :] - torch.tensor(GOAL)
    return sum((d.square().sum((-2, -1)).sqrt() for d in (to_first, to_goal)), torch.zeros(()))


class CarFamily:
    """One start, one goal; a `core.outer.family.TaskFamily`."""

    def __init__(self, horizon: int = HORIZON) -> None:
        self.optimizee = Driver(horizon)

    def sample(self, n: int, generator: Source) -> Tensor:
        """Return the one task there is, n times."""
        return torch.zeros(n, dtype=torch.int64)

    def init(self, tasks: Tensor, generator: Source) -> Params:
        """Return fresh policies."""
        return self.optimizee.init(generator, (len(tasks),))

    def support(self, tasks: Tensor, ages: Tensor, generator: Source) -> Batch:
        """Return start and goal; the loss compares every state to the goal."""
        goal = torch.tensor(GOAL).expand(len(tasks), self.optimizee.horizon, 2)
        return {"start": torch.tensor(START).expand(len(tasks), 1, 2), "goal": goal}

    def query(self, tasks: Tensor, ages: Tensor, generator: Source) -> tuple[Batch, Extra]:
        """Return the same."""
        return self.support(tasks, ages, generator), {}

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return the shaped distance."""
        return {"task": distance(self.optimizee.call(theta, batch))}
