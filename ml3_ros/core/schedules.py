"""Functions of a model's age: what a loss or its step sizes know of how far training has come."""

import math
from itertools import pairwise

import torch
from torch import Tensor

from ml3_ros.errors import ConfigError

MAX_KNOTS = 64  # bounds what a description from outside can make us allocate


def check_knots(knots: tuple[float, ...]) -> None:
    """Refuse ages that are not increasing from 0 (ConfigError)."""
    increasing = all(a < b < math.inf for a, b in pairwise(knots))
    if knots[:1] != (0.0,) or len(knots) > MAX_KNOTS or not increasing:
        raise ConfigError(
            f"knots must increase from 0, for instance (0, 10, 100), and be at most {MAX_KNOTS}; "
            f"got {knots[:MAX_KNOTS]}"
        )


def hat_features(count: Tensor, knots: tuple[float, ...]) -> Tensor:
    """Return the shares (*lead, K) of the knots around an age; they are >= 0 and sum to 1.

    Between two knots the share goes linearly in log(1 + age) from one to the other; beyond the
    last knot it stays there, so that a schedule does not extrapolate.

    Args:
        count: Gradient steps that each model has made, (*lead,).
        knots: Ages (K,), increasing from 0.
    """
    nodes = torch.tensor(knots, dtype=count.dtype, device=count.device).log1p()
    age = count.log1p().unsqueeze(-1)
    rise = ((age - nodes[:-1]) / (nodes[1:] - nodes[:-1])).clamp(0.0, 1.0)
    arrived = torch.cat([torch.ones_like(age), rise], dim=-1)
    return arrived - torch.cat([rise, torch.zeros_like(age)], dim=-1)
