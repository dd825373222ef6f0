# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Schedules over a model's age (its number of updates), for weights and step sizes of losses."""

import math
from itertools import pairwise

import torch
from torch import Tensor

from ml3_ros.core.checks import is_number, quoted
from ml3_ros.errors import ConfigError

MAX_KNOTS = 64  # bounds what a description from outside can make us allocate
OLDEST = 1e9  # steps
SMALLEST_RISE = 1e-4  # of log(1 + age) between knots, which float32 still resolves


def check_knots(knots: tuple[float, ...]) -> None:
    """Reject ages that are not increasing from 0 (ConfigError)."""
    ages = isinstance(knots, tuple) and 0 < len(knots) <= MAX_KNOTS
    ages = ages and all(is_number(age) and 0 <= age <= OLDEST for age in knots)
    if not ages or knots[0] != 0 or not all(_rises(a, b) for a, b in pairwise(knots)):
        raise ConfigError(
            f"knots must increase from 0 to at most {OLDEST:g}, for instance (0, 10, 100), and be "
            f"at most {MAX_KNOTS}; got {quoted(knots)}"
        )


def _rises(earlier: float, later: float) -> bool:
    return math.log1p(later) - math.log1p(earlier) >= SMALLEST_RISE


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
