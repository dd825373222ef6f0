# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""AntGoal: Gymnasium's four-legged robot walks to goals within reach of a short episode."""

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand, randn
from ml3_ros.experiments.model_free.environment import advance, turned
from ml3_ros.robots.gym_models import ParallelSimulation, gym_asset

SPREAD, SPEED = 0.1, 0.1  # of positions [m, rad], half width, and velocities [m/s, rad/s], std
PROGRESS, EFFORT = 10.0, 0.02  # weights of the reward
N_JOINTS = 8


class AntGoal:
    """See `GoalEnvironment`; 40 actions, one every 50 ms, so 2 s.

    Episodes begin as Gymnasium's do, but never end early. The reward of an action is
    10 (distance before - distance after) - 0.02 |action|^2, in metres: up to the effort, the
    return counts how much nearer the torso has come.

    Args:
        threads: Of the simulation; None takes one a core.
    """

    n_actions = N_JOINTS
    n_goals = 2
    n_observations = 29
    horizon = 40

    def __init__(self, threads: int | None = None) -> None:
        self.simulation = ParallelSimulation(gym_asset("ant"), 5, threads)
        self.period = self.simulation.period
        home = torch.from_numpy(self.simulation.home())
        # on its feet: the posture that the file gives as init_qpos, which MuJoCo does not read
        home[8:16] = torch.tensor([0.0, 1.0, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0])
        home[3] = 0.55
        self._home = home

    def start(self, source: Source, *lead: int) -> Tensor:
        """See `GoalEnvironment`."""
        state = self._home.expand(*lead, -1).clone()
        state[..., 1:16] += SPREAD * (2.0 * rand(source, *lead, 15) - 1.0)
        state[..., 4:8] /= state[..., 4:8].norm(dim=-1, keepdim=True)
        state[..., 16:] = SPEED * randn(source, *lead, 14)
        return state

    def turn(self, state: Tensor, angle: Tensor) -> Tensor:
        """See `GoalEnvironment`."""
        state, half = state.clone(), 0.5 * angle.unsqueeze(-1)
        w, x, y, z = state[..., 4:8].split(1, -1)
        c, s = half.cos(), half.sin()
        state[..., 4:8] = torch.cat(
            [c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w], -1
        )
        return state

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """See `GoalEnvironment`."""
        return advance(self.simulation, state, action.clamp(-1.0, 1.0))

    def observe(self, state: Tensor, goal: Tensor) -> Tensor:
        """See `GoalEnvironment`.

        In the frame that shares the torso's heading: direction of the goal, its distance [m] (at
        most 1), the vertical as the torso sees it, height [m], linear velocity [m/s], angular
        velocity [5 rad/s]; joint angles [rad] and velocities [5 rad/s].
        """
        w, x, y, z = state[..., 4:8].unbind(-1)
        heading = torch.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
        way = goal - state[..., 1:3]
        far = way.norm(dim=-1, keepdim=True)
        up = [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)]
        parts = [
            turned(way / far.clamp_min(1e-3), heading),
            far.clamp_max(1.0),
            torch.stack(up, dim=-1),
            state[..., 3:4],
            turned(state[..., 16:18], heading),
            state[..., 18:19],
            state[..., 19:22] / 5.0,
            state[..., 8:16],
            state[..., 22:] / 5.0,
        ]
        return torch.cat(parts, dim=-1).float()

    def distance(self, state: Tensor, goal: Tensor) -> Tensor:
        """See `GoalEnvironment`."""
        return (state[..., 1:3] - goal).norm(dim=-1).float()

    def reward(self, state: Tensor, action: Tensor, after: Tensor, goal: Tensor) -> Tensor:
        """See `GoalEnvironment`."""
        effort = action.clamp(-1.0, 1.0).square().sum(-1)
        nearer = self.distance(state, goal) - self.distance(after, goal)
        return PROGRESS * nearer - EFFORT * effort
