# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Differentiable worlds in which a policy moves a mass or a fingertip to a goal.

All tensors carry leading dimensions (*lead, k), so that many worlds are one batch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.draws import Source, rand
from ml3_ros.core.losses.spec import InputSpec
from ml3_ros.core.types import Batch
from ml3_ros.learners.reaching.observations import planar


def bounded(x: Tensor, low: float, high: float) -> Tensor:
    """Return x within bounds; its gradient is that of x, so that no wall stops it."""
    return x + (x.clamp(low, high) - x).detach()


@dataclass(frozen=True, kw_only=True)
class PointMass:
    """A mass that moves freely in the plane, pushed by a force: state (x, y, x', y') [m, m/s].

    It starts at rest near the origin.

    Args:
        mass: [kg].
        spread: Half width of the square in which it starts [m].
    """

    mass: float = 1.0
    spread: float = 0.05
    period: float = 0.1
    horizon: int = 40
    n_states: int = 4
    n_actions: int = 2
    n_goals: int = 2
    limits: tuple[float, ...] = (1.0, 1.0)
    inputs: tuple[InputSpec, ...] = (
        InputSpec(name="error", unit="m", scale=(1.0, 1.0)),
        InputSpec(name="velocity", unit="m/s", scale=(1.0, 1.0)),
    )

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """See `World`; the velocity first, then the position with it."""
        position, velocity = state.split(2, -1)
        velocity = velocity + self.period / self.mass * action
        return torch.cat([position + self.period * velocity, velocity], dim=-1)

    def position(self, state: Tensor) -> Tensor:
        """See `World`."""
        return state[..., :2]

    def start(self, source: Source, *lead: int) -> Tensor:
        """See `World`."""
        position = self.spread * (2.0 * rand(source, *lead, 2) - 1.0)
        return torch.cat([position, torch.zeros(*lead, 2)], dim=-1)

    def observe(self, state: Tensor, goal: Tensor) -> Batch:
        """See `World`: the way that is left, and the velocity."""
        return {"error": goal - state[..., :2], "velocity": state[..., 2:]}


@dataclass(frozen=True, kw_only=True)
class TwoLink:
    """Two links in a horizontal plane, moved by torques: state (q0, q1, v0, v1) [rad, rad/s].

    The rigid-body dynamics M(q) a + C(q, v) + d v = tau in closed form, with centres of mass off
    the links' axes; integrated semi-implicitly in `substeps` of a period. The defaults are the
    masses of the package's Reacher (`robots/models/reacher.xml`).

    Args:
        masses: Of the links [kg].
        centres: Of mass, in the frame of each link (x along it) [m].
        inertias: Of each link about its centre of mass, vertical axis, with the armature of its
            joint left out [kg m^2].
        lengths: Of the links [m].
        armature: Inertia of each rotor [kg m^2].
        damping: Of each joint [N m s/rad]: the arm comes to rest within half a second, so that
            an episode is not chaotic. An arm without friction gets it from its command.
        substeps: Integration steps in a period.
        spread: Half width of the range of angles in which it starts, around `home` [rad].
    """

    masses: tuple[float, float] = (0.2, 0.25)
    centres: tuple[tuple[float, float], ...] = ((0.055, 0.015), (0.07, -0.02))
    inertias: tuple[float, float] = (2.6e-4, 2.5e-4)
    lengths: tuple[float, float] = (0.1, 0.1)
    armature: float = 1e-4
    damping: tuple[float, float] = (0.02, 0.01)
    home: tuple[float, float] = (-0.6, 1.2)  # the tip is on the x axis
    spread: float = 0.1
    substeps: int = 4
    period: float = 0.04
    horizon: int = 40
    n_states: int = 4
    n_actions: int = 2
    n_goals: int = 2
    limits: tuple[float, ...] = (0.06, 0.03)
    inputs: tuple[InputSpec, ...] = (
        InputSpec(name="error", unit="m", scale=(0.1, 0.1)),
        InputSpec(name="elbow", unit="", scale=(1.0, 1.0)),
        InputSpec(name="velocity", unit="rad/s", scale=(3.0, 3.0)),
    )

    def step(self, state: Tensor, action: Tensor) -> Tensor:
        """See `World`."""
        q, v = state.split(2, -1)
        h = self.period / self.substeps
        for _ in range(self.substeps):
            v = v + h * self.acceleration(q, v, action)
            q = q + h * v
        return torch.cat([q, v], dim=-1)

    def inertia(self, q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return M_00, M_01 and M_11 (*lead,) of positions q (*lead, 2) [kg m^2]."""
        (m0, m1), (i0, i1) = self.masses, self.inertias
        (x0, y0), (x1, y1) = self.centres
        far = i1 + m1 * (x1**2 + y1**2)
        mixed = m1 * self.lengths[0] * (x1 * q[..., 1].cos() - y1 * q[..., 1].sin())
        near = i0 + m0 * (x0**2 + y0**2) + m1 * self.lengths[0] ** 2 + far
        m11 = torch.full_like(mixed, far + self.armature)
        return near + self.armature + 2.0 * mixed, far + mixed, m11

    def bias(self, q: Tensor, v: Tensor) -> Tensor:
        """Return the Coriolis and centrifugal torques (*lead, 2) [N m]."""
        x1, y1 = self.centres[1]
        slope = -self.masses[1] * self.lengths[0] * (x1 * q[..., 1].sin() + y1 * q[..., 1].cos())
        first = slope * v[..., 1] * (2.0 * v[..., 0] + v[..., 1])
        return torch.stack([first, -slope * v[..., 0].square()], dim=-1)

    def acceleration(self, q: Tensor, v: Tensor, torque: Tensor) -> Tensor:
        """Return the accelerations (*lead, 2) [rad/s^2] under torques (*lead, 2) [N m]."""
        m00, m01, m11 = self.inertia(q)
        first, second = (torque - self.bias(q, v) - torch.tensor(self.damping) * v).unbind(-1)
        determinant = m00 * m11 - m01.square()
        solved = [m11 * first - m01 * second, m00 * second - m01 * first]
        return torch.stack(solved, dim=-1) / determinant.unsqueeze(-1)

    def position(self, state: Tensor) -> Tensor:
        """See `World`: the fingertip."""
        first = state[..., 0]
        both = first + state[..., 1]
        a, b = self.lengths
        x, y = a * first.cos() + b * both.cos(), a * first.sin() + b * both.sin()
        return torch.stack([x, y], dim=-1)

    def start(self, source: Source, *lead: int) -> Tensor:
        """See `World`."""
        q = torch.tensor(self.home) + self.spread * (2.0 * rand(source, *lead, 2) - 1.0)
        return torch.cat([q, torch.zeros(*lead, 2)], dim=-1)

    def observe(self, state: Tensor, goal: Tensor) -> Batch:
        """See `World`: the way that is left, in the first link's frame; elbow and velocities."""
        return planar(state, self.position(state), goal)
