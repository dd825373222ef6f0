# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The greedy policy of a learned loss: it acts on target actions, where descent converges."""

import torch
from torch import Tensor

from ml3_ros.core.losses.meta_losses import MetaLoss
from ml3_ros.core.losses.trajectory import minimum_of
from ml3_ros.core.types import Batch, Params
from ml3_ros.learners.reaching.policy import episodes
from ml3_ros.learners.reaching.world import Steps, World
from ml3_ros.tasks.reaching.worlds import bounded


class GreedyPolicy:
    """A policy that takes the loss's target actions, within the limits; its parameters are phi.

    Args:
        world: Where it acts, and what the loss sees there.
        network: Of the loss.

    Raises:
        ConfigError: The minimum of such a loss is not known.
    """

    def __init__(self, world: World, network: MetaLoss) -> None:
        self.world, self.network = world, minimum_of(network)
        self._gains = {i.name: 1.0 / torch.tensor(i.scale) for i in world.inputs}
        self._limits = torch.tensor(world.limits)

    def call(self, phi: Params, batch: Batch) -> Tensor:
        """Return the actions (*lead, B, n_actions) at "state" and "goal", each (*lead, B, k)."""
        seen = self.world.observe(batch["state"], batch["goal"])
        x = torch.cat([seen[name] * gain for name, gain in self._gains.items()], dim=-1)
        return self._limits * bounded(self.network.desired(phi, x), -1.0, 1.0)

    def rollout(
        self, phi: Params, start: Tensor, goal: Tensor, world: Steps | None = None
    ) -> tuple[Tensor, Tensor]:
        """Act for an episode; see `Policy.rollout`."""
        return episodes(self, phi, start, goal, world)
