# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ReBAL (Nagabandi et al. 2019): plans in a model that a recurrent network adapts at every action.

What the network made of the last transitions is an input of the model, and stays while it plans.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml3_ros.core.networks import Mlp
from ml3_ros.metarl.learning.online_models import Adapted, OnlineModel
from ml3_ros.metarl.learning.trials import Agent
from ml3_ros.metarl.methods.grbal import HIDDEN, meta_trained
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.worlds.world import World

MEMORY = 32  # elements of what the network makes of the last transitions


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebal:
    """See `Method`; of `Budget.ppo` it takes trials between updates, step size and discount."""

    told: bool = False

    def __call__(self, world: World, budget: Budget) -> Agent:
        """See `Method`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(budget.seed)
            model = RecurrentModel(world, torch.Generator().manual_seed(budget.seed))
        return meta_trained(world, model, budget)


class RecurrentModel(OnlineModel):
    """A GRU over the last transitions, and a perceptron that is told its state.

    Args:
        world: Whose observations and rewards it predicts.
        source: Of the perceptron's first parameters.
    """

    def __init__(self, world: World, source: torch.Generator) -> None:
        super().__init__(world)
        n = world.n_observations
        self._gru = nn.GRU(sum(self.sizes), MEMORY, batch_first=True)
        self._net = Mlp((n + world.n_actions + MEMORY, *HIDDEN, n + 1))
        self._net.load_state_dict(self._net.init(source))

    def adapted(self, past: Tensor, *, create_graph: bool = False) -> Adapted:
        """Return the memory (n, 1, MEMORY) of the last transitions, zeros where there are none."""
        if not past.shape[1]:
            return {"memory": past.new_zeros(len(past), 1, MEMORY)}
        before, action, reward, after = past.split(self.sizes, -1)
        # changes are small beside observations, and tell more
        change = (torch.cat([after - before, reward], -1) - self.offset) / self.scale
        seen = torch.cat([before, action, change], -1)
        return {"memory": self._gru(seen)[1].transpose(0, 1)}

    def outputs(self, adapted: Adapted, inputs: Tensor) -> Tensor:
        """See `OnlineModel`."""
        memory = adapted["memory"].expand(-1, inputs.shape[1], -1)
        out: Tensor = self._net(torch.cat([inputs, memory], -1))
        return out
