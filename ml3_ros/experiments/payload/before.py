# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The model that an arm has learned before its payload changes: a robust linear fit."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ml3_ros.core.linear_model import WeightedProblem
from ml3_ros.experiments.touched.handmade import NOTHING, RECIPES, scales

Array = NDArray[np.float64]
RECIPE = RECIPES["arm 3 5"]  # the best of all touched families together
PULL = 1e-5  # to the arm as described, per sample
PASSES = 8


def robust_model(t: Array, columns: Array, torque: Array) -> tuple[Array, Array]:
    """Fit a linear model robustly, see `tasks.payload.simulated.FitBefore`.

    Windowed biweights along the arm; joints count by the inverse variance of their residuals.
    """
    size = torch.from_numpy(torque.std(0)).float()
    rows = torch.from_numpy(columns).float() / size.unsqueeze(-1)
    target = torch.from_numpy(torque).float() / size
    weights, pull = torch.ones_like(target), torch.full(columns.shape[-1:], PULL)
    for _ in range(PASSES):
        total = weights.mean() * len(weights)
        found = WeightedProblem(rows, target, weights, pull * total).solve()
        error = (target - rows @ found)[None]
        scale = scales(error)[0, 0]
        weights = RECIPE(error / scale)[0].clamp_min(NOTHING) / scale.square()
    return found.double().numpy(), (scale * size).double().numpy()
