# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Environment protocol of stochastic policies: a simulated robot, a goal, and a reward."""

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand
from ml3_ros.robots.gym_models import ParallelSimulation


class GoalEnvironment(Protocol):
    """A robot with goals. Tensors carry leading dimensions (*lead, k): many at once.

    States are MuJoCo's and float64; everything else is float32.

    Attributes:
        n_actions: Elements of an action; each counts from -1 to 1, beyond it is clipped.
        n_goals: Elements of a goal.
        n_observations: Elements of an observation.
        horizon: Actions in an episode.
        period: Time between them [s].
    """

    n_actions: int
    n_goals: int
    n_observations: int
    horizon: int
    period: float

    def start(self, source: Source, *lead: int) -> Tensor:
        """Draw states in which episodes begin (*lead, n_states)."""

    def turn(self, state: Tensor, angle: Tensor) -> Tensor:
        """Return states at rest (*lead, n_states), turned by angles (*lead,) [rad]."""

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """Return the states (*lead, n_states) one period later."""

    def observe(self, state: Tensor, goal: Tensor) -> Tensor:
        """Return what policies and losses see (*lead, n_observations), each element around 1.

        It does not change when robot and goal are turned together.
        """

    def distance(self, state: Tensor, goal: Tensor) -> Tensor:
        """Return how far the robot is from its goal (*lead,) [m]."""

    def reward(self, state: Tensor, action: Tensor, after: Tensor, goal: Tensor) -> Tensor:
        """Return the reward (*lead,) of an action that led from `state` to `after`."""


def advance(simulation: ParallelSimulation, state: Tensor, control: Tensor) -> Tensor:
    """Return the states (*lead, n_states) after one period under controls (*lead, nu)."""
    flat = state.reshape(-1, state.shape[-1]).numpy()
    controls = control.reshape(len(flat), -1).double().numpy()
    return torch.from_numpy(np.ascontiguousarray(simulation.step(flat, controls))).view_as(state)


def sector(
    n: int, generator: torch.Generator, radii: tuple[float, float], middle: float
) -> Tensor:
    """Draw goals (n, 2) [m] in the half ring around the direction `middle` [rad]."""
    angle = middle + math.pi * (rand(generator, n) - 0.5)
    low, high = radii
    radius = low + (high - low) * rand(generator, n)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=-1)


def turned(vector: Tensor, angle: Tensor) -> Tensor:
    """Return vectors (*lead, 2) in a frame that is turned by angles (*lead,) [rad]."""
    x, y = vector.unbind(-1)
    c, s = angle.cos(), angle.sin()
    return torch.stack([c * x + s * y, c * y - s * x], dim=-1)
