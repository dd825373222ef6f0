# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Detection of the moment at which a payload changed, by robust generalised likelihood ratios."""

from __future__ import annotations

import torch
from torch import Tensor

from ml3_ros.experiments.payload.window import Weigh, Window

MOMENTS = 24  # candidates, even in the logarithm of the time since then


def change_point(window: Window, weigh: Weigh, width: float, price: float, pull: Tensor) -> Tensor:
    """Return bodies (N, 10): that of the best moment of change, none where no change pays.

    Before a candidate the arm carries nothing, after it a body that is fitted robustly. A squared
    residual costs as much as `width` squared at most, and a change its price (Willsky and Jones
    1976, with a truncated likelihood because of contacts).

    Args:
        window: The streams.
        weigh: Weights of residuals in a fit.
        width: Residual beyond which a row costs no more [deviations].
        price: Of a change, in squared deviations.
        pull: See `Window.fit`.
    """
    rows = window.residual.shape[1]
    shortest = max(1.0, 0.2 / window.spacing)
    counts = torch.logspace(0.0, 1.0, MOMENTS).log10() * torch.tensor(rows / shortest).log()
    counts = (shortest * counts.exp()).round().long().unique()
    before = window.residual.square().clamp_max(width**2).sum(-1)  # (N, R)
    best = before.sum(-1)
    body = torch.zeros(len(before), window.columns.shape[-1])
    for count in counts.tolist():
        newest = window.newest(count * window.spacing)
        found = newest.robust_fit(weigh, pull)
        after = newest.left(found).square().clamp_max(width**2).sum((-2, -1))
        cost = before[:, : rows - count].sum(-1) + after + price
        better = cost < best
        best = torch.where(better, cost, best)
        body = torch.where(better.unsqueeze(-1), found, body)
    return body
