# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Types of the learning core: parameters and batches as dicts of tensors."""

from collections.abc import Sequence

import torch
from torch import Tensor

Params = dict[str, Tensor]
"""Parameters by name; with leading dimensions each tensor is (*lead, *shape)."""

Batch = dict[str, Tensor]
"""Observed quantities by name, each (*lead, B, k); what a learner may see at meta-test."""

Extra = dict[str, Tensor]
"""Extra information by name, (*lead, B, ...); exists at meta-train only (eq. 9)."""


def scoped(params: Params, scope: str) -> Params:
    """Return the parameters of the submodule `scope`, without its prefix."""
    prefix = scope + "."
    return {k.removeprefix(prefix): p for k, p in params.items() if k.startswith(prefix)}


def stack(parts: Sequence[Params]) -> Params:
    """Return tensors of the same names with a new first dimension, one entry a part."""
    if len(parts) == 1:
        return {k: p.unsqueeze(0) for k, p in parts[0].items()}
    return {k: torch.stack([part[k] for part in parts]) for k in parts[0]}


def with_lead(flat: Params, lead: tuple[int, ...]) -> Params:
    """Return tensors (prod(lead), ...) as (*lead, ...)."""
    return {k: x.reshape(*lead, *x.shape[1:]) for k, x in flat.items()}


def append_dimensions(x: Tensor, p: Tensor) -> Tensor:
    """Return x (*lead,) with dimensions of size 1 behind, to broadcast over p (*lead, *shape)."""
    return x.reshape((*x.shape, *(1,) * (p.dim() - x.dim())))
