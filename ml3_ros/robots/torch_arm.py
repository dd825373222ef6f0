# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Differentiable arm dynamics in torch, from Pinocchio's analytic derivatives.

For meta-training only: whoever acts on an arm has no model of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pinocchio
import torch
from torch import Tensor

from ml3_ros.core.quaternions import about_z, multiply, rotate
from ml3_ros.errors import RobotError
from ml3_ros.robots.base import RobotDescription
from ml3_ros.robots.pinocchio_model import tool_frame


class TorchArm:
    """An arm whose gravity is compensated, with viscous friction.

    M(q) a + C(q, v) v + d v = tau, tau on top of the gravity torque. One instance holds one work
    space: use one per thread.
    """

    def __init__(
        self, description: RobotDescription, viscous: tuple[float, ...], h: float
    ) -> None:
        """Copy the arm's model.

        Args:
            description: The arm as its file describes it.
            viscous: Friction d of each joint [N m s/rad], (n,).
            h: Step of `step` [s].

        Raises:
            RobotError: Friction of the wrong length.
        """
        if len(viscous) != description.nv:
            raise RobotError(f"viscous has {len(viscous)} numbers for {description.nv} joints")
        self.nv, self.h = description.nv, h
        self._viscous = torch.tensor(viscous)
        self._model = description.model.copy()
        self._model.gravity.linear = np.zeros(3)  # as an arm that compensates it moves
        # friction is taken at the end of a step: stable for however light a wrist
        self._model.armature = np.array(self._model.armature) + h * np.array(viscous)
        self._data = self._model.createData()
        tool = self._model.frames[tool_frame(self._model, description.tool)].placement
        placements = [*self._model.jointPlacements.tolist()[1:], tool]
        self._offsets = [torch.tensor(p.translation).float() for p in placements]
        turns = (pinocchio.Quaternion(p.rotation) for p in placements)
        self._turns = [torch.tensor(turn.coeffs()).float() for turn in turns]
        for i, joint in enumerate(self._model.joints.tolist()[1:]):
            if joint.shortname() != "JointModelRZ":
                name = self._model.names[i + 1]
                raise RobotError(f"joint {name} is no hinge about its z axis: turn its frame")

    def step(self, q: Tensor, v: Tensor, tau: Tensor) -> tuple[Tensor, Tensor]:
        """Return q [rad] and v [rad/s] (*lead, n) after h under tau [N m]; the velocity first."""
        a = _aba(q, v, tau - self._viscous * v, self._model, self._data)
        v = v + self.h * a
        return q + self.h * v, v

    def tool(self, q: Tensor) -> Tensor:
        """Return the tool's pose (*lead, 7): position [m] and quaternion x, y, z, w."""
        position = torch.zeros(*q.shape[:-1], 3, dtype=q.dtype)
        turn = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=q.dtype).expand(*q.shape[:-1], 4)
        for i, (offset, fixed) in enumerate(zip(self._offsets, self._turns, strict=True)):
            position = position + rotate(turn, offset.to(q.dtype))
            turn = multiply(turn, fixed.to(q.dtype))
            if i < self.nv:
                turn = multiply(turn, about_z(q[..., i]))
        return torch.cat([position, turn], dim=-1)


class _Aba(torch.autograd.Function):
    """a = M^-1 (tau - nle), row by row, by the articulated-body algorithm."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, v: Tensor, tau: Tensor, model: pinocchio.Model, data: pinocchio.Data
    ) -> Tensor:
        ctx.save_for_backward(q, v, tau)
        ctx.twin = model, data
        a = [pinocchio.aba(model, data, *row) for row in _rows(q, v, tau)]
        return torch.tensor(np.array(a), dtype=q.dtype).view_as(q)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, v, tau = ctx.saved_tensors
        model, data = ctx.twin
        out = []
        for row, g in zip(_rows(q, v, tau), _rows(grad), strict=True):
            da = pinocchio.computeABADerivatives(model, data, *row)
            out.append([g[0] @ d for d in da])
        columns = np.array(out).transpose(1, 0, 2)
        dq, dv, dtau = (torch.tensor(c, dtype=q.dtype).view_as(q) for c in columns)
        return dq, dv, dtau, None, None


_aba: Callable[..., Tensor] = _Aba.apply


def _rows(*tensors: Tensor) -> list[tuple[np.ndarray, ...]]:
    flat = [x.detach().reshape(-1, x.shape[-1]).double().numpy() for x in tensors]
    return list(zip(*flat, strict=True))
