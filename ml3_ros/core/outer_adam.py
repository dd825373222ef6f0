"""Adam for phi, in place and in one pass over memory."""

from collections.abc import Sequence

import torch
from torch.optim.adam import adam

from ml3_ros.core.types import Params


def init(phi: Params) -> Params:
    """Return the state before the first step: count and both moments of every tensor."""
    counts = {f"count.{k}": torch.zeros((), device=p.device) for k, p in phi.items()}
    return counts | {f"{m}.{k}": torch.zeros_like(p) for m in "mv" for k, p in phi.items()}


def step(phi: Params, grads: Params, state: Params, names: Sequence[str], lr: float) -> None:
    """Update the tensors `names` of phi, and their state, in place.

    `torch.optim.Adam` does the same; around its kernel it does as much again in Python.
    """
    adam(
        [phi[k] for k in names],
        [grads[k] for k in names],
        [state[f"m.{k}"] for k in names],
        [state[f"v.{k}"] for k in names],
        [],
        [state[f"count.{k}"] for k in names],
        fused=True,
        amsgrad=False,
        beta1=0.9,
        beta2=0.999,
        lr=lr,
        weight_decay=0.0,
        eps=1e-8,
        maximize=False,
    )
