# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""What engineering does without learning from other tasks: one estimator for each world of arms.

They are told the arm as described, and what the world is about; meta-learned methods have to find
both in meta-training.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ml3_ros.errors import ConfigError
from ml3_ros.metarl.learning.trials import Agent
from ml3_ros.metarl.methods.method import Budget
from ml3_ros.metarl.policies.policy import Seen
from ml3_ros.metarl.worlds.arms import Arms
from ml3_ros.metarl.worlds.calibration import OFFSET, CalibrationWorld
from ml3_ros.metarl.worlds.dynamics import FRICTION, GAIN, DynamicsWorld
from ml3_ros.metarl.worlds.exploration import GOALS, ExplorationWorld
from ml3_ros.metarl.worlds.world import World

STIFFNESS, DAMPING = (2.0 * math.pi * 0.8) ** 2, 2.0 * (2.0 * math.pi * 0.8)  # [1/s^2], [1/s]
PERIOD = 0.02  # of an action [s]
SLOW = 0.02  # velocity below which dry friction is not yet known [rad/s]


class Classical:
    """See `Method`; what is hidden is estimated, or looked at by a script."""

    told = False

    def __call__(self, world: World, budget: Budget) -> Agent:
        """See `Method`; nothing is meta-trained.

        Raises:
            ConfigError: The world is none of the arms'.
        """
        if isinstance(world, DynamicsWorld):
            return LoadAgent(world.arms)
        if isinstance(world, CalibrationWorld):
            return OffsetAgent(world.arms)
        if isinstance(world, ExplorationWorld):
            return LookAgent(world)
        raise ConfigError("there is no classical method for this world: take another row")


class ArmAgent:
    """Computed torque to angles, for an arm as described; see `Agent`."""

    def __init__(self, arms: Arms) -> None:
        self.arms = arms
        self._home = torch.from_numpy(arms.description.home)
        self._aim = torch.zeros(0, arms.nv).double()

    def begin(self, tasks: Tensor) -> None:
        """See `Agent`."""

    def aimed(self, seen: Seen, q: Tensor, goal: Tensor) -> Tensor:
        """Return angles (n, joints) [rad] that bring the hand to a goal (n, 3) [m].

        They are sought next to those of the action before, in an episode's first action next to q.
        """
        self._aim = self.arms.angles(goal, q if bool(seen.first[0]) else self._aim)
        return self._aim

    def sensed(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Return measured angles [rad] and velocities [rad/s] (n, joints)."""
        nv, kind = self.arms.nv, self.arms.kind
        q = self._home + kind.spread * seen.observation[:, :nv].double()
        return q, kind.speed * seen.observation[:, nv : 2 * nv].double()

    def torque(self, q: Tensor, v: Tensor, wanted: Tensor) -> Tensor:
        """Return torques (n, joints) [N m] on top of gravity that lead q to `wanted`."""
        a = STIFFNESS * (wanted - q) - DAMPING * v
        return self.inverse_dynamics(q, v, a) - self.gravity(q)

    def inverse_dynamics(self, q: Tensor, v: Tensor, a: Tensor) -> Tensor:
        """Return torques (n, joints) [N m] of the arm as described, viscous friction included."""
        tau = torch.from_numpy(self.arms.model.rnea(q.numpy(), v.numpy(), a.numpy()))
        return tau + torch.tensor(self.arms.kind.viscous) * v

    def gravity(self, q: Tensor) -> Tensor:
        """Return the gravity torque (n, joints) [N m] that every action comes on top of."""
        return torch.from_numpy(self.arms.model.nle(q.numpy(), np.zeros_like(q.numpy())))

    def action(self, torque: Tensor) -> Tensor:
        """Return the actions (n, joints) that command a torque on top of gravity."""
        return (torque / torch.from_numpy(self.arms.limit)).clamp(-1.0, 1.0).float()


class LoadAgent(ArmAgent):
    """Computed torque with payload, dry friction and gain by least squares that forgets."""

    FORGETTING = 0.98  # of an action; a change is noticed within a second
    PRIOR = (0.5, 0.5, 1.0)  # shares of the largest payload and friction, and the gain
    DOUBT = 1.0  # of the prior, as a precision

    _start: Tensor  # information of the prior (n, 3, 3), and its product with the prior (n, 3)
    _prior: Tensor
    _information: Tensor  # the same with what was seen
    _sum: Tensor
    _last: tuple[Tensor, Tensor, Tensor] | None  # angles, velocities, torques of the action before

    def begin(self, tasks: Tensor) -> None:
        """See `Agent`."""
        n = len(tasks)
        prior = torch.tensor(self.PRIOR).double()
        self._start = self.DOUBT * torch.eye(3).double().expand(n, 3, 3)
        self._information, self._sum = self._start.clone(), self._start @ prior
        self._prior = self._sum.clone()
        self._last = None

    def act(self, seen: Seen) -> Tensor:
        """See `Agent`."""
        q, v = self.sensed(seen)
        if self._last is not None and not bool(seen.first[0]):
            self._learn(q, v)
        load, friction, gain = self._estimate().unbind(-1)
        way = self.arms.reach * seen.observation[:, 2 * self.arms.nv :].double()
        wanted = self.aimed(seen, q, self.arms.hand(q) + way)
        a = STIFFNESS * (wanted - q) - DAMPING * v
        extra = self._columns(q, v, a)
        tau = self.inverse_dynamics(q, v, a) - self.gravity(q)
        tau = tau + load[:, None] * extra[..., 0] + friction[:, None] * extra[..., 1]
        action = self.action(tau / gain[:, None])
        self._last = (q, v, action.double() * torch.from_numpy(self.arms.limit))
        return action

    def _estimate(self) -> Tensor:
        found: Tensor = torch.linalg.solve(self._information, self._sum)
        low = torch.tensor([0.0, 0.0, 1.0 - 2.0 * GAIN]).double()
        high = torch.tensor([2.0, 2.0, 1.0 + 2.0 * GAIN]).double()
        return found.clamp(low, high)

    def _columns(self, q: Tensor, v: Tensor, a: Tensor) -> Tensor:
        """Return torques (n, joints, 2) of the largest payload and of the largest friction."""
        payload = self.arms.model.payload_torque(q.numpy(), v.numpy(), a.numpy())
        load = self.arms.kind.payload * torch.from_numpy(payload)
        dry = torch.tanh(v / SLOW) * FRICTION * torch.from_numpy(self.arms.limit)
        return torch.stack([load, dry], -1)

    def _learn(self, q: Tensor, v: Tensor) -> None:
        assert self._last is not None
        q0, v0, tau = self._last
        middle, speed, a = 0.5 * (q0 + q), 0.5 * (v0 + v), (v - v0) / PERIOD
        # gain tau = what the arm as described needs + payload and friction
        rows = torch.cat([-self._columns(middle, speed, a), tau.unsqueeze(-1)], -1)
        right = self.inverse_dynamics(middle, speed, a) - self.gravity(q0)
        scale = 1.0 / torch.from_numpy(self.arms.limit)
        rows, right = rows * scale[:, None], right * scale
        kept = self.FORGETTING
        self._information = kept * self._information + (1.0 - kept) * self._start + rows.mT @ rows
        self._sum = kept * self._sum + (1.0 - kept) * self._prior
        self._sum = self._sum + (rows.mT @ right.unsqueeze(-1)).squeeze(-1)


class OffsetAgent(ArmAgent):
    """Encoder offsets by an extended Kalman filter on the distances that rewards betray."""

    NOISE = 0.003  # of a distance, in ways to a goal

    _offset: Tensor  # (n, joints) [rad], and its covariance (n, joints, joints)
    _variance: Tensor
    _goal: Tensor  # (n, 3) [m]

    def begin(self, tasks: Tensor) -> None:
        """See `Agent`."""
        n, nv = len(tasks), self.arms.nv
        self._offset = torch.zeros(n, nv).double()
        self._variance = (OFFSET**2 / 3.0) * torch.eye(nv).double().expand(n, nv, nv)
        self._goal = torch.zeros(n, 3).double()

    def act(self, seen: Seen) -> Tensor:
        """See `Agent`."""
        q, v = self.sensed(seen)
        way = self.arms.reach * seen.observation[:, 2 * self.arms.nv :].double()
        if not bool(seen.first[0]):
            self._learn(q, self.arms.distance(seen.reward[:, 0], seen.action).double())
        self._goal = self.arms.hand(q) + way
        q = q - self._offset
        wanted = self.aimed(seen, q, self._goal)
        return self.action(self.torque(q, v, wanted))

    def _learn(self, measured: Tensor, distance: Tensor) -> None:
        q = measured - self._offset
        way = self._goal - self.arms.hand(q)
        expected = way.norm(dim=-1).clamp_min(1e-6)
        # d |goal - hand(measured - offset)| / d offset
        row = (way.unsqueeze(1) @ self.arms.jacobian(q)).squeeze(1) / expected[:, None]
        gain = (self._variance @ row.unsqueeze(-1)).squeeze(-1)
        noise = (self.NOISE * self.arms.reach) ** 2
        gain = gain / ((row * gain).sum(-1) + noise)[:, None]
        self._offset = self._offset + gain * (distance - expected)[:, None]
        left = torch.eye(self.arms.nv).double() - gain.unsqueeze(-1) * row.unsqueeze(1)
        self._variance = left @ self._variance


class LookAgent(ArmAgent):
    """A script: to the sign first, then to the place that it shows."""

    def __init__(self, world: ExplorationWorld) -> None:
        super().__init__(world.arms)
        self._sign, self._places = world.sign, world.places
        self._read = torch.zeros(0, GOALS)
        self._episode = -1

    def begin(self, tasks: Tensor) -> None:
        """See `Agent`."""
        self._read = torch.zeros(len(tasks), GOALS)
        self._episode = -1

    def act(self, seen: Seen) -> Tensor:
        """See `Agent`."""
        self._episode += int(seen.first[0])
        q, v = self.sensed(seen)
        shown = seen.observation[:, -GOALS - 1 : -1]
        self._read = torch.maximum(self._read, shown)
        goal = self._sign.expand(len(q), 3)
        if self._episode:
            goal = self._places[self._read.argmax(-1)]
        return self.action(self.torque(q, v, self.aimed(seen, q, goal)))
