# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""ReacherGoal: Gymnasium's two links bring their fingertip to a goal in the plane."""

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand
from ml3_ros.experiments.model_free.environment import advance, turned
from ml3_ros.robots.gym_models import ParallelSimulation, gym_asset

LENGTHS = (0.1, 0.11)  # from joint to joint, and to the fingertip [m]
SPREAD = 0.1  # half width of the range of angles in which episodes begin [rad]
STRENGTH = 0.2  # share of the motors' range that an action of 1 commands
DISTANCE, EFFORT = 10.0, 0.1  # weights of the reward


class ReacherGoal:
    """See `GoalEnvironment`; 50 actions, one every 20 ms, as in Gymnasium.

    Episodes begin at rest with both angles within 0.1 rad of 0. The reward of an action is
    -10 |fingertip - goal| - 0.1 |action|^2, the distance in metres after the action.
    An action of 1 is a fifth of the motors' range: the full one turns the arm once in a quarter of
    a second.

    Args:
        threads: Of the simulation; None takes one a core.
    """

    n_actions = 2
    n_goals = 2
    n_observations = 6
    horizon = 50

    def __init__(self, threads: int | None = None) -> None:
        self.simulation = ParallelSimulation(gym_asset("reacher"), 2, threads)
        self.period = self.simulation.period
        self._home = torch.from_numpy(self.simulation.home())

    def start(self, source: Source, *lead: int) -> Tensor:
        """See `GoalEnvironment`."""
        state = self._home.expand(*lead, -1).clone()
        state[..., 1:3] = SPREAD * (2.0 * rand(source, *lead, 2) - 1.0)
        return state

    def turn(self, state: Tensor, angle: Tensor) -> Tensor:
        """See `GoalEnvironment`."""
        state = state.clone()
        state[..., 1] += angle
        return state

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """See `GoalEnvironment`."""
        return advance(self.simulation, state, STRENGTH * action.clamp(-1.0, 1.0))

    def fingertip(self, state: Tensor) -> Tensor:
        """Return where the fingertip is (*lead, 2) [m]."""
        first, both = state[..., 1], state[..., 1] + state[..., 2]
        a, b = LENGTHS
        x = a * first.cos() + b * both.cos()
        return torch.stack([x, a * first.sin() + b * both.sin()], dim=-1)

    def observe(self, state: Tensor, goal: Tensor) -> Tensor:
        """See `GoalEnvironment`.

        The way that is left in the frame of the first link [dm], cosine and sine of the elbow,
        and both velocities [10 rad/s].
        """
        way = 10.0 * turned(goal - self.fingertip(state), state[..., 1])
        elbow, velocity = state[..., 2:3], state[..., 5:7] / 10.0
        return torch.cat([way, elbow.cos(), elbow.sin(), velocity], dim=-1).float()

    def distance(self, state: Tensor, goal: Tensor) -> Tensor:
        """See `GoalEnvironment`."""
        return (self.fingertip(state) - goal).norm(dim=-1).float()

    def reward(self, state: Tensor, action: Tensor, after: Tensor, goal: Tensor) -> Tensor:
        """See `GoalEnvironment`."""
        effort = action.clamp(-1.0, 1.0).square().sum(-1)
        return -DISTANCE * self.distance(after, goal) - EFFORT * effort
