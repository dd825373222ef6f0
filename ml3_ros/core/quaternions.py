# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Quaternions x, y, z, w as tensors, differentiable by autograd."""

from __future__ import annotations

import torch
from torch import Tensor


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """Return the product of quaternions x, y, z, w, each (*lead, 4): first b, then a."""
    u, s = a[..., :3], a[..., 3:]
    w, t = b[..., :3], b[..., 3:]
    vector = s * w + t * u + torch.linalg.cross(*_alike(u, w))
    return torch.cat([vector, s * t - (u * w).sum(-1, keepdim=True)], dim=-1)


def rotate(turn: Tensor, x: Tensor) -> Tensor:
    """Return x (3,) or (*lead, 3), turned by quaternions (*lead, 4)."""
    u, s = turn[..., :3], turn[..., 3:]
    u, x = _alike(u, x)
    once = torch.linalg.cross(u, x)
    turned: Tensor = x + 2.0 * (s * once + torch.linalg.cross(u, once))
    return turned


def about_z(angle: Tensor) -> Tensor:
    """Return the turn (*lead, 4) about the vertical by an angle (*lead,) [rad]."""
    zero = torch.zeros_like(angle)
    return torch.stack([zero, zero, (angle / 2).sin(), (angle / 2).cos()], dim=-1)


def difference(goal: Tensor, turn: Tensor) -> Tensor:
    """Return the turn that is left from `turn` to `goal` (*lead, 4), a vector (*lead, 3) [rad].

    Twice the vector part of goal * turn^-1: 2 sin(angle / 2) along the axis, the shorter way.
    """
    inverse = torch.cat([-turn[..., :3], turn[..., 3:]], dim=-1)
    d = multiply(*_alike(goal, inverse))
    return 2.0 * torch.where(d[..., 3:] < 0.0, -1.0, 1.0) * d[..., :3]


def _alike(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in the shape that they have together."""
    shape = (a + b).shape
    return a.expand(shape), b.expand(shape)
