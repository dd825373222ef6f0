# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""World of meta-training: an arm with its dynamics, whose hand has to reach a pose."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand
from ml3_ros.core.losses.spec import InputSpec
from ml3_ros.core.quaternions import difference
from ml3_ros.core.types import Batch, Extra, Params
from ml3_ros.learners.reaching.observations import posed
from ml3_ros.robots.torch_arm import TorchArm
from ml3_ros.tasks.reaching.family import LAST, MEAN, ReachingFamily

TURN = 0.1  # metres that a radian of a wrong orientation counts as
SMALL = 1e-4  # rounds off the corner of a distance at zero [m]


@dataclass(frozen=True, kw_only=True)
class ArmWorld:
    """n joints moved by torques on top of gravity: state (q, v) [rad, rad/s]; see `World`.

    Args:
        arm: Dynamics and kinematics; its step is the period.
        limits: Largest torques (n,) [N m].
        home: Angles around which it starts (n,) [rad].
        spread: Half width of their range [rad].
        horizon: Actions in an episode.
    """

    arm: TorchArm
    limits: tuple[float, ...]
    home: tuple[float, ...]
    spread: float
    horizon: int
    n_goals: int = 7
    period: float = field(init=False)
    n_states: int = field(init=False)
    n_actions: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "period", self.arm.h)
        object.__setattr__(self, "n_states", 2 * self.arm.nv)
        object.__setattr__(self, "n_actions", self.arm.nv)

    @property
    def inputs(self) -> tuple[InputSpec, ...]:
        """See `World`."""
        n = self.n_actions
        return (
            InputSpec(name="error", unit="m", scale=(0.2,) * 3),
            InputSpec(name="turn", unit="rad", scale=(0.5,) * 3),
            InputSpec(name="posture", unit="", scale=(1.0,) * (2 * n - 2)),
            InputSpec(name="velocity", unit="rad/s", scale=(1.0,) * n),
        )

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """See `World`."""
        q, v = state.chunk(2, -1)
        return torch.cat(self.arm.step(q, v, action), dim=-1)

    def position(self, state: Tensor) -> Tensor:
        """See `World`: the pose of the hand, position [m] and quaternion."""
        return self.arm.tool(state[..., : self.n_actions])

    def start(self, source: Source, *lead: int) -> Tensor:
        """See `World`."""
        q = torch.tensor(self.home) + self.spread * (
            2.0 * rand(source, *lead, self.n_actions) - 1.0
        )
        return torch.cat([q, torch.zeros_like(q)], dim=-1)

    def observe(self, state: Tensor, goal: Tensor) -> Batch:
        """See `World`."""
        return posed(state, self.position(state), goal)


class PoseFamily(ReachingFamily):
    """Reaching where a goal is a pose; the task loss sees the true dynamics."""

    def task_losses(self, theta: Params, batch: Batch, extra: Extra) -> dict[str, Tensor]:
        """Return the task loss (*lead,) as "task": distances at the end and on the way [m]."""
        policy, goal = self.optimizee, batch["goal"].unsqueeze(-2)
        states, _ = policy.rollout(theta, batch["start"], batch["goal"])
        hand = policy.world.position(states)
        way = hand[..., :3] - goal[..., :3]
        turn = difference(*torch.broadcast_tensors(goal[..., 3:], hand[..., 3:]))
        far = _length(way) + TURN * _length(turn)
        return {"task": (LAST * far[..., -1] + MEAN * far.mean(-1)).mean(-1)}


def _length(x: Tensor) -> Tensor:
    return (x.square().sum(-1) + SMALL**2).sqrt()
