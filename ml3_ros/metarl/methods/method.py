# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Method protocol of meta-reinforcement learning, and what all methods are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch

from ml3_ros.metarl.learning.ppo import PpoConfig
from ml3_ros.metarl.learning.trials import Agent
from ml3_ros.metarl.worlds.world import World

Progress = Callable[[int, float], None]
"""Called with environment steps so far, and the mean reward of the newest scored episodes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What every method may use.

    Attributes:
        steps: Environment steps of meta-training.
        seed: Of all that is random.
        ppo: How policies learn, for methods that learn by PPO.
        progress: Called on the way.
    """

    steps: int
    seed: int
    ppo: PpoConfig = field(default_factory=PpoConfig)
    progress: Progress = lambda steps, reward: None

    def source(self) -> torch.Generator:
        """Return a generator of actions at meta-test, which meta-training does not use."""
        return torch.Generator().manual_seed(1_000_003 + self.seed)


class Method(Protocol):
    """Meta-trains on a world's tasks, and returns an agent for new ones."""

    @property
    def told(self) -> bool:
        """Whether its agent is told the task: then it is a bound, not a rival."""

    def __call__(self, world: World, budget: Budget) -> Agent:
        """Meta-train within the budget; an agent uses no more than trials show it."""
