# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Adam for phi, in place and in one pass over memory."""

from collections.abc import Sequence

import torch

from ml3_ros.core.types import Params

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def init(phi: Params) -> Params:
    """Return the state before the first step: count and both moments of every tensor."""
    # float32, whatever phi is: on a GPU the kernel reads nothing else
    counts = {
        f"count.{k}": torch.zeros((), dtype=torch.float32, device=p.device) for k, p in phi.items()
    }
    return counts | {f"{m}.{k}": torch.zeros_like(p) for m in "mv" for k, p in phi.items()}


def step(phi: Params, grads: Params, state: Params, names: Sequence[str], lr: float) -> None:
    """Update the tensors `names` of phi, and their state, in place.

    This is the kernel of `torch.optim.Adam(fused=True)`, without as much again of Python.
    """
    counts = [state[f"count.{k}"] for k in names]
    torch._foreach_add_(counts, 1.0)
    torch._fused_adam_(
        [phi[k] for k in names],
        # the kernel ignores strides, so it would read a transposed gradient in the wrong order
        [grads[k].contiguous() for k in names],
        [state[f"m.{k}"] for k in names],
        [state[f"v.{k}"] for k in names],
        [],
        counts,
        lr=lr,
        beta1=BETA1,
        beta2=BETA2,
        weight_decay=0.0,
        eps=EPS,
        amsgrad=False,
        maximize=False,
    )
