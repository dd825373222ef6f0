"""The world of a policy as an interface: what acts in it, and what a loss sees of it."""

from typing import Protocol

from torch import Tensor

from ml3_ros.core.draws import Source
from ml3_ros.core.losses.spec import InputSpec
from ml3_ros.core.types import Batch


class Steps(Protocol):
    """What can tell the next state: a world, or a model of one."""

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """Return the state (*lead, n_states) one period after `state` under `action`."""


class World(Steps, Protocol):
    """What a policy acts in.

    Attributes:
        n_states: Elements of a state.
        n_actions: Elements of an action.
        n_goals: Elements of a goal, and of the position that shall become it.
        limits: Largest action of each kind (n_actions,).
        period: Seconds between actions.
        horizon: Actions in an episode.
        inputs: Names, units and scales of what `observe` returns.
    """

    n_states: int
    n_actions: int
    n_goals: int
    limits: tuple[float, ...]
    period: float
    horizon: int
    inputs: tuple[InputSpec, ...]

    def position(self, state: Tensor) -> Tensor:
        """Return where the thing that shall reach the goal is (*lead, n_goals) [m]."""

    def start(self, source: Source, *lead: int) -> Tensor:
        """Draw states in which episodes begin (*lead, n_states)."""

    def observe(self, state: Tensor, goal: Tensor) -> Batch:
        """Return what a learned loss sees of a state and a goal, by name, each (*lead, k).

        Only what does not change when arm and goal move together: a loss that learned one half
        of the world then knows the other.
        """
