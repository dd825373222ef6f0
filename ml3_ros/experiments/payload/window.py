# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The newest seconds of many streams at one moment, and weighted fits of a body to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ml3_ros.core.linear_model import WeightedProblem

Weigh = Callable[[Tensor], Tensor]
"""Residuals (N, R, n) in deviations -> weights likewise, in 0 ... 1."""

REWEIGHTED = 5  # times of a robust fit


@dataclass(frozen=True, slots=True)
class Window:
    """Windows of N streams with R rows each, torques in deviations of each joint.

    Attributes:
        columns: What each parameter of a body adds (N, R, n, 10), in its size.
        residual: What the model without a body leaves (N, R, n).
        spacing: Time from one row to the next [s].
        bound: Rows that count where contacts and the time of the change are known (N, R).
    """

    columns: Tensor
    residual: Tensor
    spacing: float
    bound: Tensor

    @property
    def age(self) -> Tensor:
        """Time before the newest row [s], (R,)."""
        return self.spacing * torch.arange(self.residual.shape[1] - 1, -1, -1)

    def newest(self, seconds: float) -> Window:
        """Return the last seconds alone: one row at least, all at most."""
        count = min(self.residual.shape[1], max(1, round(seconds / self.spacing)))
        rows = slice(self.residual.shape[1] - count, None)
        return Window(
            self.columns[:, rows], self.residual[:, rows], self.spacing, self.bound[:, rows]
        )

    def left(self, body: Tensor) -> Tensor:
        """Return what bodies (N, 10) leave of the residual (N, R, n)."""
        return self.residual - (self.columns @ body[:, None, :, None]).squeeze(-1)

    def fit(self, weights: Tensor, pull: Tensor) -> Tensor:
        """Return bodies (N, 10): weighted least squares with a pull to none.

        Args:
            weights: (N, R, n).
            pull: Of each parameter, in samples (10,).
        """
        expanded = pull.expand(len(self.columns), -1)
        return WeightedProblem(self.columns, self.residual, weights, expanded).solve()

    def robust_fit(self, weigh: Weigh, pull: Tensor, prior: Tensor | None = None) -> Tensor:
        """Return bodies (N, 10) by iteratively reweighted least squares.

        Args:
            weigh: Weights of residuals.
            pull: See `fit`.
            prior: Weights that rows have beside these (R,) or (N, R, n); None for ones.
        """
        outer = torch.ones_like(self.residual) if prior is None else prior
        body = self.fit(outer, pull)
        for _ in range(REWEIGHTED):
            body = self.fit(outer * weigh(self.left(body)).clamp_min(1e-6), pull)
        return body
