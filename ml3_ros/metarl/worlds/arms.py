# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Arms in MuJoCo that bring their hands to goals: what all worlds of arms share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand
from ml3_ros.errors import ConfigError
from ml3_ros.robots.base import Array, RobotDescription
from ml3_ros.robots.parallel_arms import ParallelArms
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot

EFFORT = 0.05  # weight of squared actions in the reward
NEAR = 0.1  # share of `reach` within which rewards become steep
_IK_STEPS, _IK_DAMPING, _IK_LARGEST = 4, 1e-3, 0.2  # of inverse kinematics; the last in rad


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmKind:
    """An arm, and how strongly it is moved in worlds of arms.

    Attributes:
        robot: Its name.
        joints: That move; None is all.
        strength: Share of a joint's effort limit that an action of 1 commands.
        viscous: Friction [N m s/rad].
        spread: Half width of the angles around home in which starts and goals lie [rad].
        payload: Largest payload of meta-training [kg].
        speed: Velocity that counts as 1 in an observation [rad/s].
    """

    robot: str
    joints: tuple[str, ...] | None
    strength: tuple[float, ...]
    viscous: tuple[float, ...]
    spread: float
    payload: float
    speed: float

    def description(self) -> RobotDescription:
        """Return the arm."""
        return load_robot(self.robot, joints=self.joints)


KINDS = {
    "reacher": ArmKind(
        robot="reacher",
        joints=None,
        strength=(0.15, 0.15),
        viscous=(0.01, 0.005),
        spread=0.8,
        payload=0.3,
        speed=3.0,
    ),
    "sawyer": ArmKind(
        robot="sawyer",
        joints=("right_j0", "right_j1", "right_j3"),
        strength=(0.3, 0.5, 0.5),
        viscous=(10.0, 10.0, 6.0),
        spread=0.5,
        payload=3.0,
        speed=1.0,
    ),
}


class Arms:
    """Copies of an arm whose actions are torques on top of its gravity torque as described.

    It serves worlds of arms: they ask for positions, and command actions.

    Args:
        kind: A name of `KINDS`.
        threads: Of the simulation; None takes one a core.

    Raises:
        ConfigError: There is no such kind.
    """

    def __init__(self, kind: str, threads: int | None = 1) -> None:
        if kind not in KINDS:
            raise ConfigError(f"no arm {kind!r} in these worlds: use one of {', '.join(KINDS)}")
        self.kind = KINDS[kind]
        self.description = self.kind.description()
        self.nv = self.description.nv
        self._threads = threads
        self.model = PinocchioModel(self.description)
        self.limit = np.array(self.kind.strength) * self.description.limits.effort
        self._home = torch.from_numpy(self.description.home)
        self._arms: ParallelArms | None = None
        source = torch.Generator().manual_seed(0)
        a, b = (self.hand(self.near_home(1000, source)) for _ in range(2))
        self.reach = float((a - b).norm(dim=-1).mean())  # mean way from start to goal [m]

    def near_home(self, n: int, source: Source) -> Tensor:
        """Draw angles (n, joints) [rad]."""
        width = self.kind.spread * (2.0 * rand(source, n, self.nv) - 1.0)
        return self._home + width.double()

    def hand(self, q: Tensor) -> Tensor:
        """Return where the hand is (n, 3) [m], as described, at angles q (n, joints) [rad]."""
        return torch.from_numpy(self.model.forward_kinematics(q.numpy())[:, :3, 3])

    def angles(self, hand: Tensor, near: Tensor) -> Tensor:
        """Return angles (n, joints) [rad] next to `near` that bring the hand to `hand` [m].

        A few steps of damped least squares: what is far away is approached.
        """
        limits = self.description.limits
        lower, upper = torch.from_numpy(limits.lower), torch.from_numpy(limits.upper)
        q = near.clone()
        for _ in range(_IK_STEPS):
            J, left = self.jacobian(q), hand - self.hand(q)
            A = J.mT @ J + _IK_DAMPING * self.reach**2 * torch.eye(self.nv, dtype=q.dtype)
            step = torch.linalg.solve(A, (J.mT @ left.unsqueeze(-1)).squeeze(-1))
            q = (q + step.clamp(-_IK_LARGEST, _IK_LARGEST)).clamp(lower, upper)
        return q

    def jacobian(self, q: Tensor) -> Tensor:
        """Return the derivative of the hand (n, 3, joints) [m/rad] at angles q (n, joints)."""
        point = self.model.tool_position
        return torch.from_numpy(self.model.point_jacobian(q.numpy(), self.nv - 1, point))

    def start(self, q: Tensor) -> None:
        """Put copies at rest at q (n, joints) [rad], as many as there are rows."""
        if self._arms is None or self._arms.n != len(q):
            self._arms = ParallelArms(
                self.description, len(q), viscous=self.kind.viscous, threads=self._threads
            )
        self._arms.reset(q.numpy())

    @property
    def running(self) -> ParallelArms:
        """The copies.

        Raises:
            ConfigError: No episode has begun.
        """
        if self._arms is None:
            raise ConfigError("no episode has begun: call begin before step")
        return self._arms

    def load(self, payload: Tensor, coulomb: Tensor) -> None:
        """Set payloads (n,), 1 the largest, and dry friction (n,), 1 all of an action's torque."""
        friction = coulomb.double().numpy()[:, None] * self.limit
        self.running.load(self.kind.payload * payload.double().numpy(), friction)

    def act(self, action: Tensor, gain: Tensor) -> None:
        """Command actions (n, joints), of which motors give `gain` (n,), for a period."""
        arms = self.running
        share = (action.clamp(-1.0, 1.0) * gain[:, None]).double().numpy()
        arms.step(self._gravity(arms.q) + share * self.limit)

    def _gravity(self, q: Array) -> Array:
        return self.model.nle(q, np.zeros_like(q))

    @property
    def q(self) -> Tensor:
        """Angles (n, joints) [rad], as they are."""
        return torch.from_numpy(self.running.q.copy())

    @property
    def v(self) -> Tensor:
        """Velocities (n, joints) [rad/s]."""
        return torch.from_numpy(self.running.v.copy())

    def seen(self, q: Tensor, v: Tensor) -> Tensor:
        """Return angles around home and velocities as observed (n, 2 joints), around 1 in size."""
        return torch.cat([(q - self._home) / self.kind.spread, v / self.kind.speed], -1).float()

    def distance(self, reward: Tensor, action: Tensor) -> Tensor:
        """Return the distance (n,) [m] from the goal that a reward of an action betrays."""
        paid = -2.0 * (reward + EFFORT * action.clamp(-1.0, 1.0).square().mean(-1))
        # far + far / (far + NEAR) = paid, a square equation
        half = 0.5 * (1.0 + NEAR - paid)
        far = -half + (half.square() + NEAR * paid.clamp_min(0.0)).sqrt()
        return far * self.reach

    def reward(self, distance: Tensor, action: Tensor) -> Tensor:
        """Return rewards (n,): 0 at the goal, -1 at a usual start, steeper where it is near."""
        far = distance.float() / self.reach
        near = far / (far + NEAR)
        effort = action.clamp(-1.0, 1.0).square().mean(-1)
        return -0.5 * (far + near) - EFFORT * effort
