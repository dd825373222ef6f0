# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The world of a policy as an interface: what acts in it, and what a loss sees of it."""

from typing import Protocol

from torch import Tensor

from ml3_ros.core.draws import Source
from ml3_ros.core.losses.spec import InputSpec
from ml3_ros.core.types import Batch


class Steps(Protocol):
    """Anything that predicts the next state: a world, or a model of one."""

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """Return the state (*lead, n_states) one period after `state` under `action`."""


class World(Steps, Protocol):
    """What a policy acts in."""

    @property
    def n_states(self) -> int:
        """Elements of a state."""

    @property
    def n_actions(self) -> int:
        """Elements of an action."""

    @property
    def n_goals(self) -> int:
        """Elements of a goal, and of the position that shall become it."""

    @property
    def limits(self) -> tuple[float, ...]:
        """Largest action of each kind (n_actions,)."""

    @property
    def period(self) -> float:
        """Seconds between actions."""

    @property
    def horizon(self) -> int:
        """Actions in an episode."""

    @property
    def inputs(self) -> tuple[InputSpec, ...]:
        """Names, units and scales of what `observe` returns."""

    def position(self, state: Tensor) -> Tensor:
        """Return where the thing that shall reach the goal is (*lead, n_goals) [m]."""

    def start(self, source: Source, *lead: int) -> Tensor:
        """Draw states in which episodes begin (*lead, n_states)."""

    def observe(self, state: Tensor, goal: Tensor) -> Batch:
        """Return what a learned loss sees of a state and a goal, by name, each (*lead, k).

        Only what does not change when arm and goal move together: a loss that learned one half
        of the world then knows the other.
        """
